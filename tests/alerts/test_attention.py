"""Who acknowledged is asked whether they are still on it; without an answer nobody is, and everybody hears of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from bot.alerts.attention_rules import Attention, Next, next_of
from bot.alerts.rules import State
from bot.audit import Search
from bot.command import Trigger
from bot.errors import UserError
from bot.identity import Person
from bot.settings.alerts import AlertSettings
from tests.alerts.rig import Rig, up
from tests.deployments.rig import MIA, TOM, buttons

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PIPELINE = Person("account", "ci")


async def held(rig: Rig) -> Rig:
    await rig.notify(rig.alert("a"))
    await rig.stands(State.FIRING)
    await rig.run(MIA, "ack A-1")
    await rig.stands(State.ACKNOWLEDGED)
    return rig


async def asked(rig: Rig, times: int = 1) -> str:
    """Wait until somebody was asked so often, and return the last question."""

    async def there() -> list[str]:
        found = [said for said in await rig.thread() if "are you still on" in said]
        return found if len(found) >= times else []

    async def why() -> str:
        return str(await rig.thread())

    found: list[str] = await rig.until(there, why)
    return found[-1]


async def recorded(rig: Rig, action: str) -> list[str]:
    return [one.subject async for one in rig.audit.stream(Search()) if one.action == action]


async def test_who_does_not_answer_is_on_it_no_more(rig: Rig):
    await held(rig)
    await rig.move_on(minutes=61)
    said = await asked(rig)
    assert f"<@{MIA.user}>" in said
    assert "Without a word by" in said
    assert (await rig.group()).state is State.ACKNOWLEDGED, "nobody stops a second before their time"
    await rig.move_on(minutes=31)
    await rig.stands(State.FIRING)
    (loud,) = [message for _, message in await rig.said("post") if "nobody is on it any more" in message.summary]
    assert "Acknowledge" in buttons(loud)
    assert await recorded(rig, "alert.fall_back") == ["A-1"]
    assert not [said for said in await rig.thread() if "are you still on" in said], (
        "a question that is over asks no more"
    )
    await rig.run(MIA, command="still-on-it", alert="A-1")
    await rig.reads("On it: @mia")


async def test_who_answers_is_asked_anew_after_as_long_again(rig: Rig):
    await held(rig)
    await rig.move_on(minutes=61)
    await asked(rig)
    assert (await rig.refused(TOM, command="still-on-it", alert="A-1")).code == "taken_over"
    await rig.run(MIA, command="still-on-it", alert="A-1")
    assert (await rig.refused(MIA, command="still-on-it", alert="A-1")).code == "not_asked"
    assert any("@mia is still on it" in said for said in await rig.thread())
    await rig.move_on(minutes=40)
    assert (await rig.group()).state is State.ACKNOWLEDGED
    await rig.move_on(minutes=21)
    await asked(rig)
    assert await recorded(rig, "alert.still_on_it") == ["A-1"]


async def test_what_is_quiet_asks_nobody_and_what_is_over_needs_no_answer(rig: Rig):
    await held(rig)
    await rig.run(MIA, "silence A-1 --for 2h")
    await rig.stands(State.SILENCED)
    await rig.move_on(minutes=61)

    async def looked() -> bool:
        async with rig.store.read() as conn:
            row = (await conn.exec_driver_sql("SELECT number FROM alert_attention")).scalar_one()
        return bool(row == 2)

    async def why() -> str:
        return str(await rig.thread())

    await rig.until(looked, why)
    assert not any("are you still on" in said for said in await rig.thread())
    await rig.run(MIA, "unsilence S-1")
    await rig.stands(State.ACKNOWLEDGED)
    await rig.move_on(minutes=61)
    await asked(rig)
    await rig.run(TOM, "resolve A-1")
    await rig.stands(State.RESOLVED)
    assert any("need not answer" in said for said in await rig.thread())
    assert (await rig.refused(MIA, command="still-on-it", alert="A-1")).code == "alert_resolved"


async def test_of_an_answer_and_its_deadline_at_once_one_holds(tmp_path, database_url):
    async with up(tmp_path, url=database_url, engine=False) as rig:
        await rig.notify(rig.alert("a"))
        await rig.run(MIA, "acknowledge A-1")

        async def look(number: int, after: timedelta = timedelta()) -> None:
            rig.clock.ahead += after
            async with rig.store.write() as tx:
                await rig.alerts.acting.keeping.attend(tx, "A-1", number)

        async def answer() -> str:
            try:
                return (await rig.run(MIA, command="still-on-it", alert="A-1")).summary
            except UserError as error:
                return error.code

        await look(1, timedelta(minutes=61))
        rig.clock.ahead += timedelta(minutes=31)
        said, *_ = await asyncio.gather(answer(), look(2), look(2))
        group, fell = await rig.group(), await recorded(rig, "alert.fall_back")
        if group.hold.acknowledged_by == MIA:
            assert "still on" in said or "is acknowledged" in said
            assert len(fell) <= 1, "who answers late acknowledges anew"
        else:
            assert said == "not_acknowledged"
            assert fell == ["A-1"]


async def test_only_a_person_stops_that_people_are_called(rig: Rig):
    await rig.notify(rig.alert("a"))
    for words in ("acknowledge A-1", "resolve A-1"):
        assert (await rig.refused(PIPELINE, words)).code == "people_only"
    rig.trigger = Trigger.SCHEDULE
    assert (await rig.refused(MIA, "acknowledge A-1")).code == "people_only"
    assert (await rig.group()).state is State.FIRING
    assert rig.registry.find("acknowledge").decides, "a reaction or mention brings up a button"
    assert rig.registry.find("ack").decides


async def test_what_was_called_over_by_mistake_is_taken_back(rig: Rig):
    await held(rig)
    assert (await rig.refused(MIA, "unresolve A-1")).code == "alert_open"
    await rig.run(TOM, "resolve A-1")
    await rig.stands(State.RESOLVED)
    assert "Un-resolve" in buttons(await rig.reads("called over by @tom"))
    await rig.run(TOM, "unresolve A-1")
    await rig.stands(State.ACKNOWLEDGED)
    await rig.reads("On it: @mia")
    await rig.move_on(minutes=61)
    await asked(rig)
    assert await recorded(rig, "alert.unresolve") == ["A-1"]


async def test_what_ended_by_itself_cannot_be_taken_back(rig: Rig):
    a = rig.alert("a")
    await rig.notify(a)
    over = rig.alert("a", firing=False)
    await rig.notify(over)
    assert (await rig.refused(MIA, "unresolve A-1")).code == "not_called_over"


async def test_what_has_begun_anew_is_acted_on_there(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        await rig.notify(rig.alert("a"))
        await rig.run(MIA, "resolve A-1")
        rig.clock.ahead += HOUR
        await rig.notify(rig.alert("b"))
        assert [one.id for one in await rig.groups()] == ["A-1", "A-2"]
        assert (await rig.refused(MIA, "unresolve A-1")).code == "alert_followed"


async def test_a_question_of_zero_is_never_asked(tmp_path):
    async with up(tmp_path, engine=False, remind_after="0s") as rig:
        await rig.notify(rig.alert("a"))
        await rig.run(MIA, "acknowledge A-1")
        async with rig.store.read() as conn:
            rows = (await conn.exec_driver_sql("SELECT workflow_id FROM starts")).scalars()
            assert not [one for one in rows if "/attend/" in one]


moments = st.integers(0, 400).map(lambda minutes: NOON + timedelta(minutes=minutes))


@given(
    now=moments,
    said=st.integers(0, 300).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    asked_at=st.none() | moments,
    state=st.sampled_from(State),
    on_it=st.sampled_from([None, MIA, TOM]),
)
def test_a_word_that_counts_is_always_looked_at_again_and_nobody_falls_unasked(now, said, asked_at, state, on_it):
    known = Attention(group_id="A-1", person=MIA, said_at=said, asked_at=asked_at)
    found, again = next_of(known, state, on_it, now, remind_after=HOUR, fall_back_after=HOUR / 2)
    counts = on_it == MIA and state is not State.RESOLVED
    assert (found is Next.NOTHING) == (not counts)
    if found in {Next.LATER, Next.AFRESH, Next.ASK}:
        assert again > now
    if found is Next.FALL_BACK:
        assert asked_at is not None
        assert now - asked_at >= HOUR / 2
        assert state is State.ACKNOWLEDGED
    if found is Next.ASK:
        assert now - said >= HOUR


def test_people_get_a_minute_to_answer():
    assert AlertSettings.model_validate({"fall_back_after": "1m"}).fall_back_after == timedelta(minutes=1)
    with pytest.raises(ValueError, match="1m at least"):
        AlertSettings.model_validate({"fall_back_after": "30s"})
