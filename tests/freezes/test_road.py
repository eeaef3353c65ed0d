"""Freezes as people meet them: in the way of a deployment, waited for, gone through, declared and lifted."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from bot.deployments.rules import State
from bot.freezes import records
from bot.identity import Person
from bot.locks.rules import Scope
from bot.reply import Message
from bot.store.starts import starts
from tests.deployments.rig import ANA, CONFIG, MIA, RAJ, TOM, ZOE, Rig, buttons, words
from tests.freezes.conftest import Frozen

TODAY = datetime.now(UTC).replace(second=0, microsecond=0)
YEAR_END: dict[str, Any] = {
    "name": "year-end",
    "reason": "no changes before Christmas",
    "environments": ["staging"],
    "from": (TODAY - timedelta(days=1)).isoformat(),
    "to": (TODAY + timedelta(days=2)).isoformat(),
    "exceptions": ["owners"],
}


def said(message: Message) -> str:
    return f"{message.summary}\n{words(message)}"


async def audited(rig: Rig, action: str) -> list[Any]:
    return [entry for entry in await rig.audit.recent() if entry.action == action]


async def table(rig: Rig, who: Person, text: str) -> dict[str, tuple[str, str]]:
    """Return what `--explain` says of each rule."""
    reply = await rig.run(who, text)
    rows = next(part.rows for part in reply.parts if hasattr(part, "rows"))
    return {str(rule): (str(allows), str(why)) for rule, allows, why in rows}


async def test_a_frozen_place_refuses_with_who_could_when_it_ends_and_what_next(frozen: Frozen):
    async with frozen(YEAR_END) as rig:
        error = await rig.refused(MIA, "deploy checkout@v1.4.1 to staging")
        assert error.code == "frozen"
        text = str(error.text)
        assert "*checkout/staging* is frozen until <!date^" in text
        assert "“no changes before Christmas” (year-end)" in text
        assert "owners may deploy all the same, with a reason" in text
        assert [move.label for move in error.moves] == ["Wait until it ends", "Deploy all the same…", "Calendar"]
        allows, why = (await table(rig, MIA, "deploy checkout@v1.4.1 to staging --explain"))["freezes"]
        assert allows == "no"
        assert "frozen by year-end: no changes before Christmas, until <!date^" in why
        assert why.endswith("(frozen); owners could let it through")
        assert rig.deploys.requests == []


async def test_other_places_are_free(frozen: Frozen):
    async with frozen({**YEAR_END, "environments": ["production"]}) as rig:
        assert (await rig.deploy("v1.4.1")).state is State.SUCCEEDED


async def test_who_is_patient_waits_and_goes_on_when_it_ends(frozen: Frozen):
    async with frozen(YEAR_END) as rig:
        error = await rig.refused(MIA, "deploy checkout@v1.4.1 to staging")
        at = (await rig.run(MIA, command="deploy", **error.moves[0].args)).subject
        await rig.reaches(at, State.QUEUED)
        card = words(await rig.card(at))
        assert "Queued: *checkout/staging* is frozen until" in card
        assert "It starts by itself when that ends" in card
        await rig.move_on(days=1)
        assert (await rig.get(at)).state is State.QUEUED
        await rig.move_on(days=1, minutes=1)
        await rig.reaches(at, State.SUCCEEDED)


async def test_a_freeze_after_the_approval_was_asked_holds_it_until_it_is_lifted(frozen: Frozen):
    async with frozen() as rig:
        await rig.deploy("v1.4.1")
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
        waits = await rig.reaches(at, State.AWAITING_APPROVAL)
        reply = await rig.run(ZOE, 'freeze production --for 2d --reason "the auditors are here"')
        assert reply.share
        assert "*production* is now frozen by @zoe until" in words(reply)
        assert "Once approved it waits: *checkout/production* is frozen until" in words(await rig.card(at))
        await rig.run(ANA, command="approve", deployment=at, plan=waits.plan_digest)
        await rig.reaches(at, State.QUEUED)
        assert "frozen until" in words(await rig.card(at))
        lifted = await rig.run(RAJ, "unfreeze prod")
        assert "@raj lifted F-1" in words(lifted)
        await rig.reaches(at, State.SUCCEEDED)


async def test_what_a_person_froze_ends_by_itself_and_the_channel_is_told(frozen: Frozen):
    async with frozen() as rig:
        await rig.run(ZOE, 'freeze checkout/staging --for 2h --reason "moving disks"')
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
        await rig.reaches(at, State.QUEUED)
        await rig.move_on(hours=2, minutes=1)
        await rig.reaches(at, State.SUCCEEDED)

        async def told() -> bool:
            return any("F-1 has ended" in message.summary for _, message in await rig.said("post"))

        async def why() -> str:
            return f"nobody was told: {await rig.said('post')}"

        await rig.until(told, why)
        assert [one.outcome for one in await audited(rig, "freeze.expired")] == ["succeeded"]
        assert (await rig.refused(ZOE, "unfreeze checkout/staging")).code == "not_frozen"


async def test_its_end_is_decided_on_read(frozen: Frozen):
    async with frozen() as rig:
        await rig.run(ZOE, 'freeze staging --for 2h --reason "moving disks"')
        await rig.freezes.declarations.expire("F-1")
        assert (await rig.refused(MIA, "deploy checkout@v1.4.1")).code == "frozen"
        rig.clock.ahead += timedelta(hours=2)  # nobody woke: the row still says that it is in force
        assert (await rig.deploy("v1.4.1")).state is State.SUCCEEDED


async def test_a_freeze_that_begins_between_the_claim_and_the_start_holds_it(frozen: Frozen):
    async with frozen() as rig:
        running, frozen_now = rig.deploys.get_running, False

        async def freeze_while_it_looks(job: str, service: str, environment: str, target: str) -> Any:
            nonlocal frozen_now
            claimed = [one for one in await rig.audit.recent() if one.action == "deployment.deploying"]
            if claimed and not frozen_now:
                frozen_now = True
                await rig.run(ZOE, 'freeze staging --reason "stop everything"')
            return await running(job, service, environment, target)

        rig.deploys.get_running = freeze_while_it_looks  # type: ignore[method-assign]
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 to staging")).subject
        await rig.reaches(at, State.QUEUED)
        assert frozen_now
        assert rig.deployed == []
        await rig.run(ZOE, "unfreeze staging")
        await rig.reaches(at, State.SUCCEEDED)


async def test_an_exception_by_who_may_is_loud_recorded_and_on_the_card(frozen: Frozen):
    async with frozen(YEAR_END) as rig:
        denied = await rig.refused(MIA, "deploy checkout@v1.4.1 to staging --exception 'PAY-400 loses orders'")
        assert denied.code == "no_exception"
        assert "Only owners may deploy all the same" in str(denied.text)
        at = (await rig.run(ZOE, "deploy checkout@v1.4.1 to staging --exception 'PAY-400 loses orders'")).subject
        await rig.reaches(at, State.SUCCEEDED)
        assert "exception by @zoe: PAY-400 loses orders" in words(await rig.card(at))
        loud = [message for key, message in await rig.said("post") if f"{at}/exception/" in key]
        assert len(loud) == 1
        assert "*Exception to the freeze* year-end" in words(loud[0])
        assert "@zoe: “PAY-400 loses orders”" in words(loud[0])
        [entry] = await audited(rig, "freeze.exception")
        assert entry.subject == at
        assert entry.actor == ZOE
        assert entry.data["freezes"] == ["year-end"]
        assert (await rig.audit.verify()).ok


async def test_an_exception_holds_for_the_freezes_it_was_made_for(frozen: Frozen):
    production = {**YEAR_END, "environments": ["production"], "exceptions": ["owners", "developers"]}
    async with frozen(production) as rig:
        await rig.deploy("v1.4.1")
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production --exception hotfix")).subject
        waits = await rig.reaches(at, State.AWAITING_APPROVAL)
        await rig.run(ZOE, 'freeze production --reason "the auditors are here"')
        await rig.run(ANA, command="approve", deployment=at, plan=waits.plan_digest)
        await rig.reaches(at, State.QUEUED)
        assert "the auditors are here" in words(await rig.card(at))
        await rig.run(ZOE, "unfreeze production")
        await rig.reaches(at, State.SUCCEEDED)


async def test_what_waits_is_let_through_on_its_card(frozen: Frozen):
    async with frozen(YEAR_END) as rig:
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
        await rig.reaches(at, State.QUEUED)
        press = buttons(await rig.card(at))["Go on all the same…"]
        denied = await rig.refused(MIA, command=press.command, **press.args, reason="please")
        assert denied.code == "no_exception"
        assert "only owners may" in str(denied.text)
        assert (await rig.get(at)).state is State.QUEUED
        await rig.run(ZOE, command=press.command, **press.args, reason="PAY-400 loses orders")
        await rig.reaches(at, State.SUCCEEDED)
        assert "exception by @zoe: PAY-400 loses orders" in words(await rig.card(at))
        assert [entry.actor for entry in await audited(rig, "freeze.exception")] == [ZOE]
        assert any("*Exception to the freeze* year-end" in words(message) for _, message in await rig.said("post"))
        late = await rig.refused(ZOE, command=press.command, **press.args, reason="once more")
        assert late.code == "not_waiting"


async def test_an_exception_is_no_approval(frozen: Frozen):
    async with frozen() as rig:
        await rig.deploy("v1.4.1")
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
        waits = await rig.reaches(at, State.AWAITING_APPROVAL)
        nothing = await rig.refused(ZOE, command="go-through", deployment=at, reason="hotfix")
        assert nothing.code == "not_frozen"
        await rig.run(ZOE, 'freeze production --reason "the auditors are here"')
        await rig.run(ZOE, command="go-through", deployment=at, reason="hotfix")
        assert (await rig.get(at)).state is State.AWAITING_APPROVAL
        assert "Once approved it waits" not in words(await rig.card(at))
        await rig.run(ANA, command="approve", deployment=at, plan=waits.plan_digest)
        await rig.reaches(at, State.SUCCEEDED)


async def test_no_exception_where_the_freeze_names_nobody(frozen: Frozen):
    async with frozen({**YEAR_END, "exceptions": []}) as rig:
        error = await rig.refused(ZOE, "deploy checkout@v1.4.1 to staging --exception please")
        assert error.code == "no_exception"
        assert "nobody" in str(error.text)
        assert "Deploy all the same…" not in [move.label for move in error.moves]


async def test_who_may_change_a_freeze_goes_through_it(frozen: Frozen):
    grants = [
        {"allow": ["deployment.*"], "to": ["everyone"]},
        {"allow": ["freeze.change"], "to": ["owners"]},
    ]
    async with frozen(permissions=grants) as rig:
        await rig.run(ZOE, 'freeze staging --reason "the auditors are here"')
        denied = await rig.refused(MIA, "deploy checkout@v1.4.1 --exception hotfix")
        assert denied.code == "no_exception"
        at = (await rig.run(ZOE, "deploy checkout@v1.4.1 --exception hotfix")).subject
        await rig.reaches(at, State.SUCCEEDED)


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_rollback_restores(frozen: Frozen, *, allowed: bool):
    async with frozen() as rig:
        for version in ("v1.4.0", "v1.4.1"):
            await rig.deploy(version)
        rig.settings = rig.settings.model_copy(update={"freezes": _freezes(rig, allowed=allowed)})
        if not allowed:
            error = await rig.refused(MIA, "rollback checkout in staging to v1.4.0")
            assert error.code == "frozen"
            return
        at = (await rig.run(MIA, "rollback checkout in staging to v1.4.0")).subject
        await rig.reaches(at, State.SUCCEEDED)
        assert "putting back what ran before restores, so it goes on" in words(await rig.card(at)).lower()
        assert (await rig.refused(MIA, "deploy checkout@v1.4.2")).code == "frozen"


def _freezes(rig: Rig, *, allowed: bool) -> tuple[Any, ...]:
    kind = type(rig.settings).model_fields["freezes"].annotation.__args__[0]  # type: ignore[union-attr]
    return (kind.model_validate({**YEAR_END, "rollbacks": allowed}),)


async def test_a_second_freeze_gives_the_first_another_end(frozen: Frozen):
    async with frozen() as rig:
        await rig.run(ZOE, 'freeze staging --for 2d --reason "the auditors are here"')
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
        await rig.reaches(at, State.QUEUED)
        again = await rig.run(TOM, 'freeze staging --for 1h --reason "they leave early"')
        assert "is still frozen" in words(again)
        assert "they leave early" in words(await rig.card(at))
        await rig.move_on(hours=1, minutes=1)
        await rig.reaches(at, State.SUCCEEDED)
        assert [entry.actor for entry in await audited(rig, "freeze.extend")] == [TOM]


async def test_a_freeze_of_the_configuration_is_not_lifted_by_command(frozen: Frozen):
    async with frozen(YEAR_END) as rig:
        for what in ("staging", "checkout/staging", "everything"):
            error = await rig.refused(ZOE, f"unfreeze {what}")
            assert error.code == "frozen_by_configuration"
            assert "year-end" in str(error.text)
        assert (await rig.refused(ZOE, "unfreeze production")).code == "not_frozen"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("freeze staging", "no_reason"),
        ("freeze stagging --reason x", "unknown_environment"),
        ("freeze checkout --reason x", "unknown_environment"),
        ("freeze checkout/nowhere --reason x", "unknown_environment"),
        ("freeze staging --reason x --until soon", "bad_end"),
        ("freeze staging --reason x --until 2020-01-01", "bad_end"),
        ("freeze staging --reason x --until 2099-01-01", "bad_end"),
        ("freeze staging --reason x --for 1s", "bad_end"),
        ("freeze staging --reason x --for 1d --until 2099-01-01", "bad_end"),
    ],
)
async def test_what_cannot_be_frozen(frozen: Frozen, text: str, code: str):
    async with frozen() as rig:
        assert (await rig.refused(ZOE, text)).code == code


async def test_until_is_read_in_the_persons_own_zone(frozen: Frozen):
    async with frozen() as rig:
        day = (TODAY + timedelta(days=30)).date()
        await rig.run(ZOE, f"freeze staging --until {day} --reason sale")
        async with rig.store.read() as conn:
            [found] = await records.in_force(conn, rig.clock.now())
        assert found.ends_at is not None
        there = found.ends_at.astimezone(ZoneInfo("Europe/Berlin"))
        assert (there.date() - day, there.hour, there.minute) == (timedelta(days=1), 0, 0)


async def test_the_calendar_where_and_home_show_it(frozen: Frozen):
    weekly = {
        "name": "nights",
        "reason": "nobody is awake",
        "production_like": True,
        "every": f"{TODAY.minute} {(TODAY.hour + 12) % 24} * * *",
        "for": "1h",
    }
    async with frozen(YEAR_END, weekly) as rig:
        await rig.run(TOM, 'lock checkout production --reason "migrating" --for 2h')
        shown = said(await rig.run(MIA, "calendar"))
        assert "*frozen now* until <!date^" in shown
        assert "“no changes before Christmas” (year-end; staging)" in shown
        assert shown.count("nobody is awake") == 5
        assert "*checkout/production* is locked by @tom" in shown
        assert shown.index("staging") < shown.index("nobody is awake")
        only = said(await rig.run(MIA, "calendar checkout in prod --days 1"))
        assert "no changes before Christmas" not in only
        assert only.count("nobody is awake") == 1
        where = said(await rig.run(MIA, "where checkout"))
        assert "*staging* is frozen until" in where
        home = "\n".join(str(getattr(part, "text", "")) for part in await rig.freezes.overview.home(MIA))
        assert "no changes before Christmas" in home
        assert "nobody is awake" in home, "the next window, before it begins"


async def test_nothing_is_frozen(frozen: Frozen):
    async with frozen() as rig:
        assert "Nothing is frozen or locked" in said(await rig.run(MIA, "calendar"))
        assert not await rig.freezes.overview.home(MIA)


async def test_a_freeze_that_cannot_be_read_freezes(frozen: Frozen):
    async with frozen() as rig:
        await rig.run(ZOE, 'freeze staging --reason "the auditors are here"')
        async with rig.store.write() as tx:
            await tx.conn.execute(sa.update(records.freezes).values(state="martian"))
        assert (await rig.refused(MIA, "deploy checkout@v1.4.1")).code == "freeze_unreadable"


async def test_all_that_waits_is_looked_at_when_the_configuration_frees_it(frozen: Frozen):
    open_end = {key: value for key, value in YEAR_END.items() if key != "to"}
    async with frozen(open_end) as rig:
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
        await rig.reaches(at, State.QUEUED)
        assert "until it is lifted" in words(await rig.card(at))
        async with rig.store.read() as conn:
            names = (await conn.execute(sa.select(starts.c.name))).scalars().all()
        assert "freeze.opens.v1" not in names
        rig.settings = rig.settings.model_copy(update={"freezes": ()})
        await rig.freezes.opened(Scope())
        await rig.reaches(at, State.SUCCEEDED)


async def test_a_place_with_two_freezes_is_free_when_both_are_over(frozen: Frozen):
    longer = {**YEAR_END, "name": "audit", "from": YEAR_END["to"], "to": (TODAY + timedelta(days=3)).isoformat()}
    async with frozen(YEAR_END, longer) as rig:
        error = await rig.refused(MIA, "deploy checkout@v1.4.1")
        assert "It is free <!date^" in str(error.text)
        at = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
        await rig.reaches(at, State.QUEUED)
        await rig.move_on(days=2, minutes=1)
        await rig.move_on(days=1, minutes=1)
        await rig.reaches(at, State.SUCCEEDED)


async def test_the_button_through_a_freeze_opens_the_form(frozen: Frozen):
    async with frozen(YEAR_END) as rig:
        error = await rig.refused(ZOE, "deploy checkout@v1.4.1")
        through = error.moves[1]
        assert through.ask
        at = (await rig.run(ZOE, command="deploy", **{**through.args, "exception": "hotfix"})).subject
        await rig.reaches(at, State.SUCCEEDED)
        assert "Cancel" not in buttons(await rig.card(at))
        assert CONFIG["groups"]["owners"] == ["zoe"]
