"""Direct messages as people want them: gathered, kept through quiet hours, unwanted; and nothing is lost."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.identity import Person
from bot.notices.notices import Notices
from bot.reply import Message
from tests.approvals.reloading import use, with_production
from tests.approvals.test_reasking import asks
from tests.deployments.rig import ANA, MIA, RAJ, Rig, buttons, words

REFS = ("v1.4.2", "v1.4.0", "main")


async def to(rig: Rig, person: Person) -> dict[str, Message]:
    """Return what a person was told, by key."""
    return {key: message for key, message in await rig.said("direct") if person.user in key}


async def waits(rig: Rig, many: int = 3) -> list[Deployment]:
    """Have so many deployments wait for approval at once."""
    found = []
    for number in range(many):
        ref = (await rig.git.resolve_ref("checkout", REFS[number % 2])).sha
        tag = f"v2.0.{number}"
        rig.git.tag("checkout", tag, rig.git.commit("checkout", f"Change {number}", parents=(ref,), files={}))
        found.append(await asks(rig, tag))
    return found


async def digest(rig: Rig, person: Person) -> tuple[str, Message]:
    """Wait for the message that says several things to a person."""

    async def there() -> list[tuple[str, Message]]:
        return [(key, one) for key, one in (await to(rig, person)).items() if "direct/digest/" in key]

    async def why() -> str:
        return f"no digest: {list(await to(rig, person))}"

    found: list[tuple[str, Message]] = await rig.until(there, why)
    assert len(found) == 1
    return found[0]


async def test_ten_questions_are_two_messages(rig: Rig):
    asked = await waits(rig, 10)
    assert len(await to(rig, ANA)) == 1, "the first at once"
    await rig.move_on(minutes=2)
    key, message = await digest(rig, ANA)
    assert message.summary.startswith("9 notices, 9 of them to decide")
    assert all(f"Approval wanted: {one.id} " in words(message) for one in asked[1:])
    assert len([one for one in pressable(message) if one.command == "approve"]) == 9
    assert len(await to(rig, ANA)) == 2

    await rig.run(RAJ, command="approve", deployment=asked[3].id, plan=asked[3].plan_digest)
    message = (await to(rig, ANA))[key]
    line = f"Approval of {asked[3].id} checkout v2.0.3 → production: approved by @raj"
    assert line in words(message), "edited in place as it is decided"
    assert len([one for one in pressable(message) if one.command == "approve"]) == 8
    [pressed] = [b for b in pressable(message) if b.command == "approve" and b.args["deployment"] == asked[4].id]
    await rig.run(ANA, command=pressed.command, **pressed.args)
    await rig.reaches(asked[4].id, State.SUCCEEDED, State.QUEUED, State.VOID, State.PLANNING, State.DEPLOYING)


def pressable(message: Message):
    """Return all buttons of a message."""
    return [button for part in message.parts for button in getattr(part, "buttons", ())]


async def test_what_is_decided_before_it_was_said_is_not_asked(rig: Rig):
    first, second = await waits(rig, 2)
    await rig.run(MIA, f"cancel {second.id}")
    await rig.move_on(minutes=3)
    third = (await waits_again(rig)).id
    told = await to(rig, ANA)
    assert len(told) == 2
    assert not [key for key in told if second.id in key]
    assert [key for key in told if first.id in key]
    assert [key for key in told if third in key]


async def waits_again(rig: Rig) -> Deployment:
    return await asks(rig, "v1.4.2")


async def test_quiet_hours_keep_everything_and_lose_nothing(rig: Rig):
    night(rig)
    said = await rig.run(ANA, "notify quiet 22:00-07:00")
    assert "Quiet from 22:00 to 07:00 (Europe/Berlin); emergencies go through" in words(said)
    use(rig, with_production(rig, approval_expires="24h"))
    asked = await waits(rig, 2)
    assert await to(rig, ANA) == {}
    assert len(await to(rig, RAJ)) == 1, "raj has no quiet hours"

    await rig.move_on(hours=8)
    key, message = await digest(rig, ANA)
    assert [one.id in words(message) for one in asked] == [True, True]
    assert key.startswith(f"direct/digest/{ANA.key}/")


def night(rig: Rig) -> None:
    """Make it 23:30 in Berlin."""
    local = rig.clock.now().astimezone(ZoneInfo("Europe/Berlin"))
    at = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), tzinfo=local.tzinfo)
    rig.clock.ahead += at - timedelta(minutes=30) - local


async def test_quiet_hours_that_are_ended_early(rig: Rig):
    night(rig)
    await rig.run(ANA, "notify quiet 22:00-07:00")
    [asked] = await waits(rig, 1)
    assert await to(rig, ANA) == {}
    await rig.run(ANA, "notify quiet off")
    await rig.move_on(seconds=1)

    async def told() -> list[str]:
        return [key for key in await to(rig, ANA) if asked.id in key]

    async def why() -> str:
        return "it was not said"

    assert len(await rig.until(told, why)) == 1


async def test_what_somebody_does_not_want_is_not_said(rig: Rig):
    await rig.run(ANA, "notify approvals none")
    await waits(rig, 1)
    assert await to(rig, ANA) == {}
    assert len(await to(rig, RAJ)) == 1
    await rig.run(MIA, "notify ends none")
    await rig.run(ANA, "reject D-1001 no")
    assert not [key for key in await to(rig, MIA) if "/end/" in key]


async def test_at_once_is_at_once(rig: Rig):
    await rig.run(ANA, "notify approvals at-once")
    await waits(rig, 3)
    assert len(await to(rig, ANA)) == 3


async def test_emergencies_go_through(rig: Rig):
    night(rig)
    await rig.run(ANA, "notify quiet 22:00-07:00")
    await rig.run(ANA, "notify approvals none")
    async with rig.store.write() as tx:
        await rig.outbox.direct(tx, f"fire/{ANA.key}", ANA, Message(summary="It burns"), urgent=True)
    assert list(await to(rig, ANA)) == [f"direct/fire/{ANA.key}"]


async def test_a_wake_up_twice_or_early_changes_nothing(rig: Rig):
    notices: Notices = rig.world.use(Notices)
    await waits(rig, 3)
    for number in (2, 3):
        await notices.send(number)  # too early
    assert len(await to(rig, ANA)) == 1
    rig.clock.ahead += timedelta(minutes=2)
    numbers = range(1, 12)
    await asyncio.gather(*(notices.send(number) for number in numbers for _ in range(2)))
    assert len(await to(rig, ANA)) == 2
    assert len(await to(rig, RAJ)) == 2


async def test_what_can_be_wanted(rig: Rig):
    for text in (
        "notify quiet 22-7-5",
        "notify quiet 7:00-7:00",
        "notify quiet",
        "notify approvals",
        "notify lunch none",
    ):
        assert (await rig.refused(ANA, text)).code == "bad_value", text
    for text in ("notify every 5s", "notify every 9d"):
        assert (await rig.refused(ANA, text)).code == "bad_value", text
    said = words(await rig.run(ANA, "notify every 30m"))
    assert "within 30 minutes" in said
    assert "approvals: *gathered*" in said
    assert "ends: *at once*" in said
    assert buttons(await rig.card((await waits(rig, 1))[0].id))
