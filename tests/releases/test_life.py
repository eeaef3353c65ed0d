"""A release from its wish to its end: version, form, build, tag, release, card, failures, and going on."""

import asyncio
import copy
from datetime import timedelta
from pathlib import Path

import pytest

from bot.command import Trigger
from bot.errors import UserError
from bot.releases.rules import State
from bot.reply import Reply
from integrations.capabilities.git import Check, CheckState
from integrations.capabilities.runs import RunState
from integrations.errors import NotPermitted
from tests.deployments.rig import ANA, CONFIG, MIA, TOM, buttons
from tests.fakes.runs import Outcome
from tests.releases.rig import Rig, read, up


async def test_a_release_is_built_tagged_and_published(rig: Rig):
    rig.change("feat: pay by card PAY-320")
    sha = rig.change("fix(cart)!: one cart\n\nBREAKING CHANGE: /v1 is gone", who="zoe")
    release = await rig.cut("release cut checkout --bump auto --yes")
    assert (release.id, release.version, release.tag, release.sha) == ("R-1", "2.0.0", "v2.0.0", sha)
    assert rig.host.made == ["tag v2.0.0", "release v2.0.0"]
    assert rig.host.messages["checkout", "v2.0.0"].startswith("checkout 2.0.0\n\n### Breaking changes")
    assert "Shipmate-Release: R-1" in rig.host.messages["checkout", "v2.0.0"]
    hosted = rig.host.releases["checkout", "v2.0.0"]
    assert "- **cart:** one cart: /v1 is gone" in hosted.notes
    assert release.digest in hosted.notes
    (request,) = rig.built
    assert (request.sha, request.version) == (sha, "2.0.0")
    assert release.digest.startswith("sha256:")
    card = read(await rig.card("R-1"))
    for part in (
        "R-1 · release checkout 2.0.0", "1.4.2 → 2.0.0", "1 breaking, 1 feature by zoe, tom", "|PAY-320>",
        release.digest[:19], "Runs on nowhere yet", "[Deploy to staging]", "[Notes]",
    ):  # fmt: skip
        assert part in card
    assert "post/R-1/notes" in await rig.keys("post")
    assert await rig.keys("direct") == []
    assert (await rig.audit.verify()).ok


async def test_version_and_notes_are_looked_at_before(rig: Rig):
    sha = rig.change("feat: pay by card")
    error = await rig.refused(MIA, "release cut checkout")
    assert error.code == "confirm"
    form = error.reply().form
    assert form is not None
    assert (form.command, form.ask) == ("release cut", True)
    assert (form.args["version"], form.args["ref"], form.args["service"]) == ("1.5.0", sha, "checkout")
    assert "pay by card" in form.args["notes"]
    rig.change("feat: later, and not seen")
    edited = {**form.args, "notes": f"Hello\n\n{form.args['notes']}"}
    rig.trigger = Trigger.MODAL
    reply = await rig.run(MIA, command="release cut", **edited)
    release = await rig.gets(reply.subject, State.CUT)
    assert (release.version, release.sha) == ("1.5.0", sha)
    assert rig.host.releases["checkout", "v1.5.0"].notes.startswith("Hello\n\n### Features")
    assert "later" not in release.notes


async def test_a_form_without_a_version_is_followed_by_one_with_it(rig: Rig):
    rig.change("feat: pay by card")
    rig.trigger = Trigger.MODAL
    error = await rig.refused(MIA, command="release cut", service="checkout")
    form = error.reply().form
    assert form is not None
    assert form.args["version"] == "1.5.0"


async def test_what_needs_no_form_is_cut_at_once(rig: Rig):
    rig.change("feat: pay by card")
    rig.trigger = Trigger.TERMINAL
    assert (await rig.cut("release cut checkout")).version == "1.5.0"


async def test_a_dry_run_cuts_nothing(rig: Rig):
    rig.change("fix: round")
    reply = await rig.run(MIA, "release cut checkout --dry-run")
    assert reply.code == "dry_run"
    assert "checkout 1.4.3 would be cut" in reply.summary
    assert "round" in read(reply)
    assert (rig.host.made, rig.built) == ([], [])


async def test_what_was_built_before_is_what_is_released(rig: Rig):
    await rig.ships("deploy checkout@v1.4.2 to staging")
    release = await rig.cut("release cut checkout --version 1.5.0 --yes")
    assert release.built_by == "D-1001"
    assert release.digest == (await rig.get("D-1001")).digest
    assert len(rig.built) == 1
    assert "Runs on staging" in read(await rig.card(release.id))


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("release cut checkout --yes", "nothing_to_release", "this very commit"),
        ("release cut chekout --yes", "unknown_service", "Did you mean checkout?"),
        ("release cut checkout --from mian --yes", "unknown_ref", "Did you mean main?"),
        ("release cut checkout --version 1.4.2 --yes", "bad_version", "does not come after checkout 1.4.2"),
        ("release cut checkout --version 1.5 --yes", "bad_version", "SemVer, such as 1.4.2"),
        ("release cut checkout --version 1.5.0 --bump major --yes", "bad_version", "the bump would be 2.0.0"),
        ("release cut checkout --bump patch --pre 1 --yes", "bad_pre_release", "such as rc"),
        ("release show R-99", "unknown_release", "R-99"),
        ("release show checkout@9.9.9", "unknown_release", "/release list"),
        ("deploy checkout@R-99 to staging", "unknown_release", "R-99"),
    ],
)
async def test_what_is_wrong_is_refused_before_anything_is_sent(rig: Rig, text: str, code: str, says: str):
    error = await rig.refused(MIA, text)
    assert error.code == code
    assert says in str(error.text)
    assert (rig.host.made, rig.built) == ([], [])


async def test_auto_needs_a_commit_that_says_what_it_is(rig: Rig):
    rig.change("Tidy the shelves")
    error = await rig.refused(MIA, "release cut checkout --yes")
    assert error.code == "nothing_to_release"
    assert [move.args["bump"] for move in error.moves] == ["patch", "minor", "major"]
    pressed = await rig.refused(MIA, command="release cut", **error.moves[0].args)
    form = pressed.reply().form
    assert form is not None
    assert form.args["version"] == "1.4.3"


async def test_an_older_line_goes_on_by_itself(rig: Rig):
    rig.change("feat: new")
    await rig.cut("release cut checkout --bump auto --yes")
    repository = rig.host._repositories["checkout"]
    rig.host.branch("checkout", "1.4", repository.tags["v1.4.2"])
    rig.change("fix: old", on="1.4")
    release = await rig.cut("release cut checkout --from 1.4 --yes")
    assert (release.version, release.previous) == ("1.4.3", "1.4.2")


async def test_pre_releases_count_up_to_their_version(rig: Rig):
    rig.change("feat: one")
    assert (await rig.cut("release cut checkout --pre rc --yes")).version == "1.5.0-rc.1"
    rig.change("fix: two")
    assert (await rig.cut("release cut checkout --pre rc --yes")).version == "1.5.0-rc.2"
    final = await rig.cut("release cut checkout --yes")
    assert (final.version, final.previous) == ("1.5.0", "1.4.2")
    assert [entry.text for entry in final.changelog.entries] == ["two", "one"]
    assert final.built_by == "R-2"


async def test_two_who_cut_at_once_are_told_apart(rig: Rig):
    rig.change("feat: pay by card")
    cuts = [rig.run(who, "release cut checkout --yes") for who in (MIA, TOM, ANA)]
    done = await asyncio.gather(*cuts, return_exceptions=True)
    (winner,) = [one for one in done if isinstance(one, Reply)]
    lost = [one for one in done if isinstance(one, UserError)]
    assert [one.code for one in lost] == ["version_taken"] * 2
    assert "is being cut as R-1 by @" in str(lost[0].text) or "was cut as R-1" in str(lost[0].text)
    await rig.gets(winner.subject, State.CUT)
    assert rig.host.made == ["tag v1.5.0", "release v1.5.0"]


async def test_the_same_wish_again_is_the_same_release(rig: Rig):
    rig.change("feat: pay by card")
    first = await rig.run(MIA, "release cut checkout --yes", request_id="once")
    again = await rig.run(MIA, "release cut checkout --yes", request_id="once")
    assert first.subject == again.subject == "R-1"


async def test_a_failed_build_frees_the_version_and_is_told(rig: Rig):
    rig.change("feat: pay by card")
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.FAILED, reason="ended with 2", log="one\nboom\n")
    failed = await rig.gets((await rig.run(MIA, "release cut checkout --yes")).subject, State.FAILED)
    assert (failed.code, failed.words, failed.holds) == ("build_failed", "the build failed: ended with 2", False)
    assert rig.host.made == []
    keys = [*await rig.keys("post"), *await rig.keys("direct")]
    assert {"post/R-1/excerpt/1/0", "post/R-1/failed/1", "direct/R-1/failed/1"} <= set(keys)
    card = await rig.card("R-1")
    assert "its version is free" in read(card)
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.SUCCEEDED)
    press = buttons(card)["Try again"]
    await rig.run(MIA, command=press.command, **press.args)
    release = await rig.gets("R-1", State.CUT)
    assert (release.version, len(rig.built)) == ("1.5.0", 2)


async def test_a_failed_release_whose_version_went_to_another_stays_failed(rig: Rig):
    rig.change("feat: pay by card")
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.FAILED)
    await rig.gets((await rig.run(MIA, "release cut checkout --yes")).subject, State.FAILED)
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.SUCCEEDED)
    assert (await rig.cut("release cut checkout --yes")).id == "R-2"
    assert (await rig.refused(MIA, "release retry R-1")).code == "version_taken"
    assert (await rig.refused(MIA, "release retry R-2")).code == "ended"


async def test_a_tag_that_the_host_refuses_is_told_in_its_words(rig: Rig):
    rig.change("feat: pay by card")
    rig.host.no["tag"] = NotPermitted("git", "You are not allowed to create this tag as it is protected.")
    failed = await rig.gets((await rig.run(MIA, "release cut checkout --yes")).subject, State.FAILED)
    assert failed.code == "tool_refused"
    assert "protected" in failed.words
    rig.host.no.clear()
    await rig.run(MIA, "release retry R-1")
    await rig.gets("R-1", State.CUT)
    assert len(rig.built) == 1


@pytest.mark.parametrize("what", ["tag", "release"])
async def test_a_lost_answer_is_looked_up(rig: Rig, what: str):
    rig.change("feat: pay by card")
    rig.host.lost.append(what)
    await rig.cut("release cut checkout --yes")
    assert rig.host.made == ["tag v1.5.0", "release v1.5.0"]


@pytest.mark.parametrize("what", ["tag", "release"])
async def test_a_host_that_is_away_is_asked_again(rig: Rig, what: str):
    rig.change("feat: pay by card")
    rig.host.away += [what] * 3
    await rig.cut("release cut checkout --yes")
    assert rig.host.made == ["tag v1.5.0", "release v1.5.0"]


async def test_a_host_that_stays_away_lets_it_stand_still(rig: Rig):
    rig.change("feat: pay by card")
    rig.host.away += ["release"] * 5
    subject = (await rig.run(MIA, "release cut checkout --yes")).subject

    async def parked() -> bool:
        return (await rig.release(subject)).parked_at is not None

    async def why() -> str:
        return str(await rig.release(subject))

    await rig.until(parked, why)
    assert "Stands still" in read(await rig.card(subject))
    assert "direct/R-1/parked/1" in await rig.keys("direct")
    await rig.run(MIA, f"release retry {subject}")
    await rig.gets(subject, State.CUT)
    assert rig.host.made == ["tag v1.5.0", "release v1.5.0"]


async def test_a_version_that_has_a_tag_is_taken(rig: Rig):
    sha = rig.change("feat: pay by card")
    rig.host.tag("checkout", "v1.5.0", sha)
    rig.change("feat: more")
    assert (await rig.cut("release cut checkout --yes")).version == "1.6.0"
    other = rig.change("fix: it")
    rig.host.tag("checkout", "v1.6.1-rc.1", other)
    error = await rig.refused(MIA, "release cut checkout --version 1.6.1-rc.1 --yes")
    assert error.code == "version_taken"


async def test_required_checks_hold_a_release_back(rig: Rig):
    rig.settings.services["checkout"].releases.__dict__["checks"] = ("test",)
    sha = rig.change("feat: pay by card")
    assert (await rig.refused(MIA, "release cut checkout --yes")).code == "checks_pending"
    rig.host.check("checkout", sha, Check(name="test", state=CheckState.FAILED))
    assert (await rig.refused(MIA, "release cut checkout --yes")).code == "checks_failed"
    rig.host.check("checkout", sha, Check(name="test", state=CheckState.PASSED))
    assert (await rig.cut("release cut checkout --yes")).checks == {"test": "passed"}


async def test_a_check_that_fails_while_it_is_built_stops_the_tag(rig: Rig):
    rig.settings.services["checkout"].releases.__dict__["checks"] = ("test",)
    sha = rig.change("feat: pay by card")
    rig.host.check("checkout", sha, Check(name="test", state=CheckState.PASSED))
    rig.builds.outcomes["checkout"] = Outcome(state=None)
    subject = (await rig.run(MIA, "release cut checkout --yes")).subject

    async def built() -> bool:
        return bool((await rig.release(subject)).build_run)

    async def why() -> str:
        return str(await rig.release(subject))

    await rig.until(built, why)
    rig.host.check("checkout", sha, Check(name="test", state=CheckState.FAILED))
    [ref] = rig.builds._runs
    rig.builds.finish(ref)
    rig.watch.wake(ref)
    assert (await rig.gets(subject, State.FAILED)).code == "checks_failed"
    assert rig.host.made == []


async def test_irreversible_migrations_are_named(rig: Rig):
    rig.change("feat: pay by card", files={"migrations/7.sql": b"-- irreversible\nDROP TABLE carts;"})
    release = await rig.cut("release cut checkout --yes")
    assert release.irreversible == ["migrations/7.sql"]
    assert "migrations/7.sql" in read(await rig.card(release.id))


async def test_releases_are_listed_shown_and_read(rig: Rig):
    assert (await rig.run(MIA, "release list checkout")).code == "no_release_yet"
    rig.change("feat: pay by card <!channel>")
    await rig.cut("release cut checkout --yes")
    rig.clock.ahead += timedelta(minutes=1)
    rig.change("fix: round")
    await rig.cut("release cut checkout --yes")
    await rig.ships("deploy checkout@R-1 to staging")
    listed = read(await rig.run(MIA, "release list checkout"))
    assert listed.index("R-2") < listed.index("R-1")
    assert "runs on staging" in listed
    shown = read(await rig.run(MIA, "release show checkout@1.5.0"))
    assert "D-1001" in shown
    assert (await rig.release("R-1")).digest in shown
    for name in ("R-2", "r-2", "checkout", "checkout@v1.5.1"):
        assert "round" in read(await rig.run(MIA, f"release notes {name}"))
    notes = read(await rig.run(MIA, "release notes R-1"))
    assert "<!channel>" not in notes
    assert "&lt;!channel&gt;" in notes


async def test_a_release_is_cancelled_before_its_tag(rig: Rig):
    rig.change("feat: pay by card")
    rig.builds.outcomes["checkout"] = Outcome(state=None)
    subject = (await rig.run(MIA, "release cut checkout --yes")).subject

    async def building() -> bool:
        return "[Cancel]" in read(await rig.card(subject)) and bool((await rig.release(subject)).build_run)

    async def why() -> str:
        return read(await rig.card(subject))

    await rig.until(building, why)
    press = buttons(await rig.card(subject))["Cancel"]
    assert "is being cancelled" in (await rig.run(TOM, command=press.command, **press.args)).summary
    failed = await rig.gets(subject, State.FAILED)
    assert (failed.code, failed.words, failed.holds) == ("cancelled", "cancelled by @tom", False)
    assert rig.host.made == []
    assert (await rig.refused(TOM, f"release cancel {subject}")).code == "ended"
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.SUCCEEDED)
    await rig.run(MIA, f"release retry {subject}")
    assert (await rig.gets(subject, State.CUT)).cancel_at is None


async def test_a_release_that_stands_still_is_cancelled_too(rig: Rig):
    rig.change("feat: pay by card")
    rig.host.away += ["tag"] * 5
    subject = (await rig.run(MIA, "release cut checkout --yes")).subject

    async def parked() -> bool:
        return (await rig.release(subject)).parked_at is not None

    async def why() -> str:
        return str(await rig.release(subject))

    await rig.until(parked, why)
    await rig.run(MIA, f"release cancel {subject}")
    assert (await rig.gets(subject, State.FAILED)).code == "cancelled"
    assert rig.host.made == []


async def test_what_is_tagged_is_not_cancelled(rig: Rig):
    rig.change("feat: pay by card")
    rig.host.away += ["release"] * 5
    subject = (await rig.run(MIA, "release cut checkout --yes")).subject
    await rig.gets(subject, State.PUBLISHING)
    assert (await rig.refused(MIA, f"release cancel {subject}")).code == "tagged"


async def test_versions_by_the_calendar(tmp_path: Path):
    config = copy.deepcopy(CONFIG)
    config["services"]["checkout"]["releases"] = {"scheme": "calver", "format": "YYYY.0M.MICRO", "tag_prefix": "shop/"}
    async with up(tmp_path, config=config) as rig:
        today = f"{rig.clock.now():%Y.%m}"
        assert (await rig.refused(MIA, "release cut checkout --bump major --yes")).code == "bump_without_meaning"
        first = await rig.cut("release cut checkout --yes")
        assert (first.version, first.tag, first.previous) == (f"{today}.0", f"shop/{today}.0", "")
        assert (await rig.refused(MIA, "release cut checkout --yes")).code == "nothing_to_release"
        rig.change("Tidy the shelves")
        second = await rig.cut("release cut checkout --yes")
        assert (second.version, second.previous) == (f"{today}.1", f"{today}.0")
        deployment = await rig.get(await rig.ships(f"deploy checkout@{today}.1 to staging"))
        assert (deployment.version, deployment.sha) == (f"shop/{today}.1", second.sha)
        assert "written by YYYY.0M.MICRO" in str((await rig.refused(MIA, "release cut checkout --version 1.0.0")).text)


async def test_two_hundred_commits_of_forty_people_are_told(rig: Rig):
    for number in range(200):
        rig.change(f"feat(part{number}): {'words ' * 30}<!channel> PAY-{number}", who=f"person{number % 40}")
    error = await rig.refused(MIA, "release cut checkout")
    form = error.reply().form
    assert form is not None
    assert len(form.args["notes"]) <= 2900
    rig.trigger = Trigger.MODAL
    reply = await rig.run(MIA, command="release cut", **{**form.args, "notes": f"Much.\n{form.args['notes']}"})
    release = await rig.gets(reply.subject, State.CUT)
    assert release.notes.startswith("Much.")
    assert all(f"**part{number}:**" in release.notes for number in range(200))
    card = await rig.card(release.id)
    assert len(card.parts) < 15
    assert "and 35 more" in read(card)
