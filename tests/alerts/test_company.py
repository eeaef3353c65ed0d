"""What people do together about groups: parts of a whole, people who are asked to help, notes."""

import asyncio

import pytest
from msgspec.structs import replace

from bot import arguments
from bot.alerts import records
from bot.alerts.rules import State
from bot.audit import Search
from bot.command import Trigger
from bot.errors import UserError
from bot.identity import Person
from bot.slack.live import card_key
from bot.slack.records import outbox as outbox_rows
from commands.registry import registry
from tests.alerts.rig import Rig, read, up
from tests.deployments.rig import MIA, TOM, buttons

PIPELINE = Person("account", "ci")


@pytest.fixture
async def two(rig: Rig) -> Rig:
    """A-1 and A-2 fire."""
    await fire(rig)
    await rig.stands(State.FIRING)
    await rig.stands(State.FIRING, "A-2")
    return rig


async def fire(rig: Rig) -> None:
    errors, queue = rig.alert("a"), rig.alert("q", alertname="QueueFull")
    await rig.notify(errors)
    await rig.notify(queue)
    rig.source.alerts = [errors, queue]


async def recorded(rig: Rig, action: str) -> list[str]:
    return [one.subject async for one in rig.audit.stream(Search()) if one.action == action]


async def test_a_part_is_quiet_and_the_whole_tells_of_it(two: Rig):
    await two.run(MIA, "attach A-2 to A-1")
    await two.stands(State.ATTACHED, "A-2")
    card = await two.reads("Part of A-1: what is done there covers it", "*part of another, firing*", ident="A-2")
    assert [*buttons(card)][:3] == ["Detach", "Responders…", "Note…"]
    await two.reads("With it: A-2 QueueFull firing")
    for words in ("acknowledge A-2", "unacknowledge A-2"):
        assert (await two.refused(MIA, words)).code == "attached"
    assert await recorded(two, "alert.attach") == ["A-2"]
    await two.run(TOM, "detach A-2")
    await two.stands(State.FIRING, "A-2")
    assert any("is a part of no other any more" in said for said in await two.thread())
    assert await recorded(two, "alert.detach") == ["A-2"]
    assert (await two.refused(TOM, "detach A-2")).code == "not_attached"


async def test_what_a_person_calls_over_takes_its_parts_along_and_back(two: Rig):
    await two.run(MIA, "attach A-2 to A-1")
    await two.run(MIA, "resolve A-1")
    await two.stands(State.RESOLVED, "A-2")
    assert (await two.group("A-2")).hold.closed_by == MIA
    await two.run(MIA, "unresolve A-1")
    await two.stands(State.ATTACHED, "A-2")
    await two.stands(State.FIRING)


async def test_a_part_that_outlives_the_whole_is_loud_again(two: Rig):
    await two.run(MIA, "attach A-2 to A-1")
    await two.stands(State.ATTACHED, "A-2")
    errors, queue = two.source.alerts
    two.source.alerts = [queue]
    over = replace(errors, firing=False, ends_at=two.clock.now())
    assert await two.post(two.body(over)) == 204
    await two.stands(State.RESOLVED)
    await two.stands(State.FIRING, "A-2")


async def test_a_part_that_begins_anew_below_a_whole_that_is_over_is_let_go(two: Rig):
    await two.run(MIA, "attach A-2 to A-1")
    await two.run(MIA, "resolve A-1")
    await two.stands(State.RESOLVED, "A-2")
    again = two.alert("q2", alertname="QueueFull")
    assert await two.post(two.body(again)) == 204
    two.source.alerts.append(again)
    await two.alerts.poller.look()
    await two.stands(State.FIRING, "A-2")


async def test_the_whole_shows_that_a_part_is_over(two: Rig):
    await two.run(MIA, "attach A-2 to A-1")
    errors, queue = two.source.alerts
    two.source.alerts = [errors]
    assert await two.post(two.body(replace(queue, firing=False, ends_at=two.clock.now()))) == 204
    await two.reads("With it: A-2 QueueFull over")


@pytest.mark.parametrize(
    ("before", "words", "code"),
    [
        ((), "attach A-1 to A-1", "attached_to_itself"),
        ((), "attach A-9 to A-1", "unknown_alert"),
        (("attach A-2 to A-1",), "attach A-2 to A-1", "attached_already"),
        (("attach A-2 to A-1",), "attach A-1 to A-2", "attached_elsewhere"),
        (("attach A-2 to A-1",), "attach A-1 to A-3", "has_parts"),
        (("attach A-2 to A-1",), "attach A-3 to A-2", "attached_elsewhere"),
        (("resolve A-1",), "attach A-2 to A-1", "alert_resolved"),
        (("resolve A-2",), "attach A-2 to A-1", "alert_resolved"),
    ],
)
async def test_what_cannot_be_attached_is_refused(two: Rig, before, words, code):
    await two.notify(two.alert("z", alertname="Third"))
    for line in before:
        await two.run(MIA, line)
    assert (await two.refused(MIA, words)).code == code


async def test_of_two_who_attach_crosswise_one_does(two: Rig):
    async def attach(words: str) -> str:
        try:
            return (await two.run(MIA, words)).subject
        except UserError as error:
            return error.code

    said = await asyncio.gather(attach("attach A-1 to A-2"), attach("attach A-2 to A-1"))
    assert "attached_elsewhere" in said
    assert len({"A-1", "A-2"} & set(said)) == 1


async def test_somebody_who_is_asked_says_whether_they_come(two: Rig):
    await two.run(MIA, "page @tom about A-1 --reason 'you know <!here> it'")
    await two.reads("Asked to help: @tom (asked at")
    ((_, asked),) = await two.said("direct")
    assert "@mia asks you to help" in read(asked)
    assert "&lt;!here&gt;" in read(asked)
    assert [*buttons(asked)] == ["Coming", "Cannot", "Show A-1"]
    assert (await two.refused(MIA, "page @tom about A-1")).code == "asked_already"
    assert (await two.refused(MIA, command="coming", alert="A-1")).code == "not_asked"
    await two.run(TOM, command="cannot", alert="A-1")
    assert (await two.refused(TOM, command="cannot", alert="A-1")).code == "answered_already"
    await two.reads("Asked to help: @tom (cannot come)")
    assert any(f"<@{MIA.user}>: @tom cannot come" in said for said in await two.thread())
    ((_, asked),) = await two.said("direct")
    assert [*buttons(asked)] == ["Coming after all", "Show A-1"]
    await two.run(MIA, "page @tom about A-1")
    await two.run(TOM, command="coming", alert="A-1")
    await two.reads("Asked to help: @tom (coming)")
    assert len(await two.said("direct")) == 2
    assert await recorded(two, "alert.page") == ["A-1", "A-1"]
    assert (await two.refused(MIA, "page account:ci about A-1")).code == "people_only"
    assert registry().find("page").permission == "alert.page"


async def test_of_two_who_ask_the_same_person_one_does(two: Rig):
    async def ask(who: Person) -> str:
        try:
            return (await two.run(who, "page @tom about A-1")).subject
        except UserError as error:
            return error.code

    assert sorted(await asyncio.gather(ask(MIA), ask(TOM))) == ["A-1", "asked_already"]
    assert len(await two.said("direct")) == 1


async def test_notes_are_kept_and_listed(two: Rig):
    await two.run(MIA, "note A-1 the disk of <db-3> is full")
    await two.run(TOM, "note A-1 cleaned it")
    await two.reads("2 notes, all in /alert")
    assert any(said.endswith("Note by @mia: the disk of &lt;db-3&gt; is full") for said in await two.thread())
    shown = read(await two.run(MIA, "alert A-1"))
    assert "@mia: the disk of &lt;db-3&gt; is full" in shown
    assert shown.index("@mia: the disk") < shown.index("@tom: cleaned it")
    assert (await two.refused(MIA, f"note A-1 {'x' * 3001}")).code == "bad_note"
    assert await recorded(two, "alert.note") == ["A-1", "A-1"]


async def test_a_note_of_a_message_is_made_once(two: Rig):
    two.trigger = Trigger.REACTION

    async def react(who: Person) -> str:
        try:
            return (await two.run(who, "note A-1 '> the disk is full'")).subject
        except UserError as error:
            return error.code

    assert sorted(await asyncio.gather(react(MIA), react(TOM))) == ["A-1", "noted_already"]
    assert not any("Note by" in said for said in await two.thread()), "it stands in the thread already"


@pytest.mark.parametrize(
    ("name", "words", "subject", "means"),
    [
        ("ack", "", "A-7", "A-7"),
        ("acknowledge", "a-9", "A-7", "a-9"),
        ("silence", "--for 2h", "A-7", "A-7 --for 2h"),
        ("note", "A1 is down", "A-7", "A-7 A1 is down"),
        ("page", "@bob", "A-7", "@bob about A-7"),
        ("page", "@bob --reason 'about time'", "A-7", "@bob about A-7 --reason 'about time'"),
        ("page", "@bob about A-9", "A-7", "@bob about A-9"),
        ("attach", "to A-7", "A-9", "A-9 to A-7"),
        ("ack", "", "D-7", ""),
        ("approve", "", "D-7", "D-7"),
        ("alerts", "", "A-7", ""),
    ],
)
def test_what_is_said_in_a_thread_is_about_what_the_thread_is_about(name, words, subject, means):
    assert arguments.about(registry().find(name), words, subject) == means


async def test_the_list_is_narrowed_by_state_and_to_what_is_in_ones_hands(two: Rig):
    await two.run(MIA, "acknowledge A-1")
    await two.run(MIA, "page @tom about A-2")
    await two.run(TOM, command="coming", alert="A-2")

    async def listed(who: Person, words: str) -> tuple[bool, bool]:
        said = str((await two.run(who, f"alerts {words}")).parts)
        return "A-1 " in said, "A-2 " in said

    assert await listed(MIA, "") == (True, True)
    assert await listed(MIA, "--state firing") == (False, True)
    assert await listed(MIA, "--mine") == (True, False)
    assert await listed(TOM, "--mine") == (False, True)
    assert await listed(TOM, "--mine --state acknowledged") == (False, False)
    assert "There are no alert groups that are silenced" in (await two.run(MIA, "alerts --state silenced")).summary
    home = await two.alerts.overview.home(MIA)
    assert "A-1 HighErrorRate" in str(home)
    assert "A-2" not in str(home)
    assert await two.alerts.overview.home(Person("T0HOME", "U0NOBODY")) == ()


@pytest.mark.parametrize("act", ["acknowledge", "still-on-it"])
async def test_of_presses_at_once_one_acknowledges(tmp_path, database_url, act):
    async with up(tmp_path, url=database_url, engine=False) as rig:
        await rig.notify(rig.alert("a"))

        async def press(who: Person) -> str:
            try:
                return (await rig.run(who, command=act, alert="A-1")).subject
            except UserError as error:
                return error.code

        said = await asyncio.gather(press(MIA), press(MIA), press(MIA))
        assert "A-1" in said
        taken = [one async for one in rig.audit.stream(Search()) if one.action == "alert.acknowledge"]
        assert len(taken) == 1


async def test_what_is_told_of_in_another_message_is_talked_about_in_its_thread(two: Rig):
    async with two.store.write() as tx:
        await tx.conn.execute(records.groups.update().where(records.groups.c.id == "A-2").values(inside="A-1"))
    await two.run(MIA, "note A-2 the queue is full")
    async with two.store.read() as conn:
        rows = (await conn.execute(outbox_rows.select().where(outbox_rows.c.key.startswith("post/A-2/note/")))).all()
    assert [(row.in_thread_of, row.subject) for row in rows] == [(card_key("A-1"), "A-2")]
