"""The home page: what waits for whom, with buttons that decide, and bounded with hundreds of rows."""

from datetime import timedelta

from bot.catalog import Place
from bot.deployments import places, records
from bot.deployments.plan import Release
from bot.deployments.rules import State
from bot.identity import Person
from bot.locks.locks import Wish
from bot.locks.rules import Scope
from bot.reply import Buttons, Message, Part
from bot.sandbox.blockkit import view_content
from bot.slack import blocks
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Rig, buttons, words


async def page(rig: Rig, person: Person) -> Message:
    parts: list[Part] = []
    for section in (*rig.deployments.home_sections(), rig.freezes.overview.home):
        parts += await section(person)
    return Message(summary="Shipmate", parts=tuple(parts))


async def waiting(rig: Rig) -> str:
    rig.history()
    await rig.deploy("v1.4.1")
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
    await rig.reaches(at, State.AWAITING_APPROVAL)
    return at


async def test_it_can_be_approved_from_there(rig: Rig):
    at = await waiting(rig)
    shown = await page(rig, ANA)
    press = buttons(shown)["Approve"]
    assert (press.command, press.args["deployment"]) == ("approve", at)
    assert {"Approve", "Reject…", "Show plan"} <= set(buttons(shown))
    await rig.run(ANA, command=press.command, **press.args)
    await rig.reaches(at, State.SUCCEEDED)
    assert "Nothing." in words(await page(rig, ANA)).split("Yours")[0]


async def test_it_waits_for_those_alone_who_may_approve_and_have_not(rig: Rig):
    at = await waiting(rig)
    assert at in words(await page(rig, RAJ)).split("Yours")[0]
    for person in (MIA, ZOE, TOM):  # asked for it; is no release manager; wrote it
        assert at not in words(await page(rig, person)).split("Yours")[0], person
    assert at in words(await page(rig, MIA)).split("Yours")[1]


async def test_locks_freezes_and_what_runs_are_there(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    scope = Scope("checkout", "production", "")
    await rig.locks.take(Wish(scope=scope, person=TOM, reason="migrating", duration=timedelta(hours=2), request_id="l"))
    await rig.run(MIA, 'freeze staging --for 2d --reason "the auditors are here"')
    text = words(await page(rig, ZOE))
    for part in (
        "*checkout/staging*: *v1.4.1*",
        "locked by @tom",
        "migrating",
        "until <!date",
        "Frozen now",
        "auditors",
    ):
        assert part in text, part


async def test_hundreds_of_rows_fit_and_are_counted(rig: Rig):
    at = await waiting(rig)
    one = await rig.get(at)
    async with rig.store.write() as tx:
        for number in range(200):
            values = {name: getattr(one, name) for name in one.__struct_fields__}
            values |= {"id": f"D-{2000 + number}", "request_id": f"r{number}", "reason": "long " * 200}
            values |= {"kind": one.kind.value, "state": one.state.value}
            assert await records.add(tx, **values)
            place = Place(f"service-{number}-{'x' * 60}", "production", "eu")
            await places.hold(tx, place)
            release = Release(sha="a" * 40, version="1.0", deployment=at)
            await places.note_running(tx, place, release, at=one.created_at, by=MIA, added=[release.sha])
    for number in range(60):
        scope = Scope(f"service-{number}", "staging", "")
        wish = Wish(scope=scope, person=TOM, reason="r" * 100, duration=timedelta(hours=2), request_id=f"l{number}")
        await rig.locks.take(wish)
    for person in (ANA, MIA):
        shown = await page(rig, person)
        rendered = blocks.render(shown, surface="home")
        view_content({"type": "home", "blocks": rendered})
        assert len(rendered) < 100
        assert len(blocks.paged(shown, surface="home")) == 1, "nothing fell off the end"
        text = words(shown)
        assert "more: `/calendar`" in text
        assert "more lines" in text
    assert "…193 more: D-" in words(await page(rig, ANA))
    assert "…193 more: `/deploys`" in words(await page(rig, MIA))
    pressed = [part for part in (await page(rig, ANA)).parts if isinstance(part, Buttons)]
    assert len(pressed) == 8
