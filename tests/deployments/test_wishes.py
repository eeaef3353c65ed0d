"""What is asked and how it is answered before anything begins: refusals, offers, dry runs, look-ups."""

from datetime import timedelta

import pytest

from bot.deployments.rules import State
from bot.locks.locks import Wish as LockWish
from bot.locks.rules import Scope
from bot.reply import Table
from integrations.capabilities.git import Check, CheckState
from integrations.errors import Unavailable
from tests.deployments.rig import ANA, CONFIG, MIA, TOM, Rig, buttons, up, words


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("deploy chekout@v1.4.1", "unknown_service", "checkout"),
        ("deploy checkout@v1.4.1 to prodution", "unknown_environment", "Did you mean production?"),
        ("deploy checkout@v1.4.9", "unknown_ref", "v1.4."),
        ("deploy checkout@v1.4.1 to staging/eu", "unknown_target", "none"),
        ("deploy checkout@v1.4.1 to production", "not_promoted", "staging"),
        ("rollback checkout in staging", "no_previous", "before"),
        ("rollback checkout in staging to 1.3.0", "never_ran_there", "never ran"),
        ("approve D-9999", "unknown_deployment", "D-9999"),
        ("where nonsense", "unknown_service", "nonsense"),
    ],
)
async def test_refusals_say_what_and_what_next(rig: Rig, text: str, code: str, says: str):
    rig.history()
    error = await rig.refused(MIA, text)
    assert error.code == code
    assert says in str(error.text)
    assert await rig.said("show") == []


async def test_a_version_is_named_as_people_say_it(rig: Rig):
    shas = rig.history()
    for asked in ("1.4.1", "v1.4.1", shas["v1.4.1"][:7], shas["v1.4.1"]):
        reply = await rig.run(MIA, f"deploy checkout@{asked} --dry-run")
        assert "v1.4.1" in reply.summary


async def test_an_ambiguous_short_sha_names_the_commits(rig: Rig):
    rig.history()
    seen: dict[str, str] = {}
    for number in range(2000):
        sha = rig.git.commit("checkout", f"commit {number}")
        if sha[:4] in seen:
            break
        seen[sha[:4]] = sha
    else:
        pytest.fail("no two commits begin alike")
    error = await rig.refused(MIA, f"deploy checkout@{sha[:4]}")
    assert error.code == "ambiguous_ref"
    assert sha[:12] in str(error.text)


async def test_no_version_is_shown_and_confirmed(rig: Rig):
    rig.history()
    asked = await rig.run(MIA, "deploy checkout")
    assert asked.code == "confirm"
    button = buttons(asked)["Deploy v1.4.2 to staging"]
    reply = await rig.run(MIA, command=button.command, **button.args)
    await rig.reaches(reply.subject, State.SUCCEEDED)
    to_production = await rig.run(MIA, "deploy checkout to production")
    assert "Deploy v1.4.2 to production" in buttons(to_production)


async def test_already_there(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    error = await rig.refused(MIA, "deploy checkout@v1.4.1")
    assert error.code == "already_there"
    again = await rig.run(MIA, command=error.moves[0].command, **error.moves[0].args)
    await rig.reaches(again.subject, State.SUCCEEDED)


async def test_already_under_way(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    await rig.run(MIA, "deploy checkout@v1.4.1 to production")
    error = await rig.refused(ANA, "deploy checkout@v1.4.1 to production")
    assert error.code == "under_way"


async def test_required_checks(rig: Rig, tmp_path_factory: pytest.TempPathFactory):
    config = {**CONFIG, "services": {"checkout": {**CONFIG["services"]["checkout"]}}}
    staging, production = config["services"]["checkout"]["environments"]
    config["services"]["checkout"]["environments"] = [{**staging, "checks": ["unit", "lint"]}, production]
    async with up(tmp_path_factory.mktemp("checks"), config=config, engine=False) as other:
        shas = other.history()
        assert (await other.refused(MIA, "deploy checkout@v1.4.1")).code == "checks_pending"
        other.git.check("checkout", shas["v1.4.1"], Check(name="unit", state=CheckState.FAILED))
        assert (await other.refused(MIA, "deploy checkout@v1.4.1")).code == "checks_failed"
        for name in ("unit", "lint"):
            other.git.check("checkout", shas["v1.4.1"], Check(name=name, state=CheckState.PASSED))
        assert (await other.run(MIA, "deploy checkout@v1.4.1")).subject


async def test_explain_shows_every_rule(rig: Rig):
    rig.history()
    reply = await rig.run(MIA, "deploy checkout@v1.4.1 to production --explain")
    table = next(part for part in reply.parts if isinstance(part, Table))
    verdicts = {str(rule): str(verdict) for rule, verdict, _ in table.rows}
    assert verdicts["promotion order"] == "no"
    assert verdicts["locks"] == "yes"
    assert verdicts["approvals"] == "yes"
    assert await rig.said("show") == []


async def test_dry_run_starts_nothing(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.0")
    reply = await rig.run(MIA, "deploy checkout@v1.4.2 --dry-run")
    said = words(reply)
    assert "2 commits" in said
    assert "PAY-311" in said
    assert len(rig.deploys.requests) == 1


async def test_leaving_commits_behind_is_said(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.2")
    reply = await rig.run(MIA, "deploy checkout@v1.4.0 --dry-run")
    assert "Leaves behind 2 commits" in words(reply)


async def test_git_away(rig: Rig):
    rig.history()
    rig.git.failure = Unavailable("git", "connection refused")
    error = await rig.refused(MIA, "deploy checkout@v1.4.1")
    assert error.code == "tool_unavailable"
    assert "Nothing was started" in str(error.text)


async def test_rollback_to_what_ran_before(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    await rig.deploy("v1.4.2")
    asked = await rig.run(MIA, "rollback checkout in staging")
    button = buttons(asked)["Roll back to v1.4.1"]
    assert button.confirm is not None
    reply = await rig.run(MIA, command=button.command, **button.args)
    done = await rig.reaches(reply.subject, State.SUCCEEDED)
    assert (done.kind.value, done.version, done.digest != "") == ("rollback", "v1.4.1", True)
    assert len(rig.builds.requests) == 2
    assert (await rig.refused(MIA, "rollback checkout in staging")).code == "no_previous"


async def test_where_does_my_change_run(rig: Rig):
    shas = rig.history()
    await rig.deploy("v1.4.0")
    await rig.deploy("v1.4.2")
    for word in (shas["v1.4.1"][:8], "v1.4.2", "1.4.2", shas["v1.4.2"]):
        assert "*checkout/staging* has" in words(await rig.run(MIA, f"where {word}"))
    await rig.deploy("v1.4.0")
    gone = await rig.run(MIA, f"where {shas['v1.4.1'][:8]}")
    assert gone.code == "runs_nowhere"


async def test_history(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.0")
    await rig.deploy("v1.4.1")
    said = words(await rig.run(MIA, "deploys checkout in stage"))
    assert said.index("v1.4.1") < said.index("v1.4.0")
    assert "@mia" in said


async def test_follow_shows_the_card_until_the_end(rig: Rig):
    rig.history()
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    shown = [message async for message in rig.deployments.follow(reply.subject)]
    assert "done" in shown[-1].summary


async def test_home_shows_what_waits(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
    await rig.reaches(at, State.AWAITING_APPROVAL)

    async def page(person):
        parts = [part for section in rig.deployments.home_sections() for part in await section(person)]
        return "\n".join(str(getattr(part, "text", "")) for part in parts)

    ana, mia = await page(ANA), await page(MIA)
    assert ana.index(at) < ana.index("Yours")
    assert mia.index(at) > mia.index("Yours")


async def test_the_chain_of_the_audit_log_holds(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    await rig.deploy("v1.4.1", "production")
    verdict = await rig.audit.verify()
    assert verdict.ok, verdict.reason
    assert verdict.entries > 8


async def test_lock_and_freeze_stand_at_the_top_of_every_refusal(rig: Rig):
    rig.history()
    scope = Scope("checkout", "production", "")
    wish = LockWish(scope=scope, person=TOM, reason="migrating", duration=timedelta(hours=2), request_id="l")
    await rig.locks.take(wish)
    await rig.run(MIA, 'freeze production --for 2d --reason "the auditors are here"')
    error = await rig.refused(MIA, "deploy checkout@v1.4.1 to production")
    first, second = str(error.text).split("\n")
    assert first.startswith("*checkout/production* is locked by @tom")
    assert second.startswith("Not deployed: *checkout/production* is frozen until")
    assert error.code == "frozen"
