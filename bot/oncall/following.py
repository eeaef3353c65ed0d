"""`Following`: has a user group of Slack, or the topic of a channel, say who is on call.

What is wanted is a row, due again whenever a shift changes, after a start, and now and then; so that a kill or Slack
being away only delays it. Slack is read before it is written, and nothing is sent where it is right already.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from bot.health import Health
from bot.identity import Channel, Person
from bot.oncall import follow_records, records, topic
from bot.oncall.follow_records import Follow
from bot.oncall.parts import Parts
from bot.repeating import Repeating
from bot.settings.oncall import Follow as FollowSettings
from bot.slack.connection import SlackError
from bot.slack.failures import Cause
from bot.store import Tx
from integrations.errors import IntegrationError, Unavailable

if TYPE_CHECKING:
    from bot.oncall.oncall import OnCall

TICK = 5.0
PATIENCE = 45.0
"""Seconds that bringing one schedule to Slack may take."""
LEASE = timedelta(seconds=60)
AGAIN = timedelta(hours=1)
"""When Slack is looked at anew though nobody changed: people edit groups and topics, and are deactivated."""
_SHORTEST, _WHILE_AWAY, _WHILE_REFUSED = 15.0, 60.0, 600.0
_WAITS = frozenset({Cause.RATE_LIMITED, Cause.UNSENT, Cause.UNKNOWN})
_MOST_DOUBLINGS = 10

_ADVICE = {
    "no_user_token": "set oncall.user_token",
    "missing_scope": "update the app from `shipmate manifest` and install it again",
    "permission_denied": "oncall.user_token is of nobody who may edit user groups",
    "no_such_subteam": "it is unknown or disabled in Slack",
    "not_in_channel": "invite Shipmate to it",
    "is_archived": "it is archived",
    "plan_upgrade_required": "the plan of this workspace has no user groups",
}

log = structlog.get_logger()


class Came(Struct, frozen=True, kw_only=True):
    """What came of bringing a schedule to Slack.

    `channel` is the one whose topic holds our part, `note` what is worth knowing; `over`: nothing follows any more.
    """

    channel: Channel | None = None
    problem: str = ""
    note: str = ""
    over: bool = False


class Following:
    """Brings who is on call to Slack, one schedule at a time in all replicas."""

    def __init__(self, parts: Parts, oncall: "OnCall") -> None:
        self._parts = parts
        self._signs = parts.signs
        self._repeating = Repeating("oncall-following", self.follow_due, parts.clock, pause=lambda: TICK)
        oncall.changes.on_change.append(self._changed)

    async def begin(self) -> None:
        """Have Slack looked at for every schedule that something follows or followed, and go on with it.

        After a start, and after the configuration was read again.
        """
        async with self._parts.store.write() as tx:
            wanted = {*self._configured(), *await follow_records.all_of_them(tx.conn)}
            for schedule in sorted(wanted):
                await follow_records.wish(tx, schedule, self._parts.clock.now())
        if wanted:
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def follow_due(self) -> None:
        """Bring to Slack what is due, until nothing is or another replica is at it."""
        while True:
            async with self._parts.store.read() as conn:
                if not await follow_records.any_due(conn, self._parts.clock.now()):
                    return
            async with self._parts.store.write() as tx:
                claimed = await follow_records.claim(tx, self._parts.clock.now(), LEASE)
            if claimed is None:
                return
            await self._follow(claimed)

    async def health(self) -> Health:
        """Return what does not follow, and why; else what is worth knowing."""
        async with self._parts.store.read() as conn:
            rows = await follow_records.all_of_them(conn)
        here = [rows[name] for name in self._configured() if name in rows]
        wrong = [f"{one.schedule}: {one.problem}" for one in here if one.problem]
        if wrong:
            return Health(ok=False, detail="; ".join(wrong))
        notes = [f"{one.schedule}: {one.note}" for one in here if one.note]
        return Health(ok=True, detail="; ".join(notes) or f"Slack follows {len(self._configured())}")

    async def warnings(self, schedule: str) -> Sequence[str]:
        """Return what people should know of what follows a schedule."""
        if schedule not in self._configured():
            return ()
        async with self._parts.store.read() as conn:
            found = (await follow_records.all_of_them(conn)).get(schedule)
        return () if found is None else [one for one in (found.problem, found.note) if one]

    def _configured(self) -> Sequence[str]:
        schedules = self._parts.settings().oncall.schedules
        return [name for name, one in schedules.items() if one.follow is not None]

    async def _changed(self, tx: Tx, schedule: str, _number: int, _people: Sequence[Person]) -> None:
        if schedule in self._configured():
            await follow_records.wish(tx, schedule, self._parts.clock.now())

    async def _follow(self, claimed: Follow) -> None:
        """Bring one to Slack and write what came of it; what failed is tried again later and later."""
        least, most = _SHORTEST, _WHILE_REFUSED
        try:
            async with asyncio.timeout(PATIENCE):
                came = await self._bring(claimed)
        except SlackError as error:
            most, least = _WHILE_AWAY, max(least, error.failure.retry_after)
            came = Came(channel=claimed.channel, problem=f"Slack does not answer: {error.failure.reason}")
        except IntegrationError as error:
            most = _WHILE_AWAY
            came = Came(channel=claimed.channel, problem=str(error))
        except TimeoutError:
            most = _WHILE_AWAY
            came = Came(channel=claimed.channel, problem=f"Slack does not answer within {PATIENCE:g} s")
        except Exception:
            await self._finish(claimed, Came(channel=claimed.channel, problem="failed, see the log"), most)
            raise
        pause = min(least * 2 ** min(claimed.attempts, _MOST_DOUBLINGS), max(most, least))
        await self._finish(claimed, came, pause)

    async def _finish(self, claimed: Follow, came: Came, pause: float) -> None:
        now = self._parts.clock.now()
        if came.problem and came.problem != claimed.problem:
            log.warning("oncall.follow", schedule=claimed.schedule, reason=came.problem)
        async with self._parts.store.write() as tx:
            if came.over:
                await follow_records.forget(tx, claimed)
                return
            await follow_records.finish(
                tx,
                claimed,
                due_at=now + (timedelta(seconds=pause) if came.problem else AGAIN),
                attempts=claimed.attempts + 1 if came.problem else 0,
                channel=came.channel,
                problem=came.problem,
                note=came.note,
            )

    async def _bring(self, claimed: Follow) -> Came:
        """Have Slack say who is on call. Raises: SlackError, IntegrationError (Slack cannot be asked now)."""
        schedule = claimed.schedule
        settings = self._parts.settings().oncall.schedules.get(schedule)
        follow = settings.follow if settings is not None else None
        if settings is None or follow is None:
            await self._leave(claimed.channel, schedule)
            return Came(over=True)
        async with self._parts.store.read() as conn:
            told = await records.told_last(conn, schedule)
        if told.number == 0:
            return Came(channel=claimed.channel)  # nobody looked yet who is on call; who does wishes this anew
        people = await self._active(told.people)
        followed, problem, note = await self._group(follow, people) if follow.usergroup else (False, "", "")
        if follow.topic == "never" or (follow.topic == "instead" and followed):
            await self._leave(claimed.channel, schedule)
            return Came(problem=problem, note=note)
        channel, unsaid = await self._topic(schedule, settings.channel, people)
        if claimed.channel is not None and claimed.channel != channel:
            if unsaid:
                channel = claimed.channel
            else:
                await self._leave(claimed.channel, schedule)
        return Came(channel=channel, problem="; ".join(one for one in (problem, unsaid) if one), note=note)

    async def _active(self, people: Sequence[Person]) -> Sequence[Person]:
        """Return those who are active members of ours. Raises: Unavailable (Slack does not say)."""
        active = {person: await self._parts.is_active(person) for person in people}
        if None in active.values():
            raise Unavailable("slack", "who is active cannot be read")
        return [person for person in people if active[person]]

    async def _group(self, follow: FollowSettings, people: Sequence[Person]) -> tuple[bool, str, str]:
        """Have exactly these people in the user group; return whether they are, what is wrong, and what to know."""
        group, wanted = follow.usergroup, {person.user for person in people}
        if not self._signs.edits_groups:
            return False, f"user group {group} does not follow: no_user_token: {_ADVICE['no_user_token']}", ""
        try:
            if not wanted:
                kept = len(await self._signs.members(group))
                return False, "", f"nobody is on call: user group {group} keeps its {kept}, as Slack takes no empty one"
            if await self._signs.members(group) != wanted:
                await self._signs.set_members(group, wanted)
                log.info("oncall.group", group=group, people=sorted(wanted))
        except SlackError as error:
            return False, f"user group {group} does not follow: {_refusal(error)}", ""
        return True, "", ""

    async def _topic(self, schedule: str, name: str, people: Sequence[Person]) -> tuple[Channel | None, str]:
        """Have the topic of a channel name these people; return where it does, and what is wrong."""
        channel = await self._parts.channel_named(name)
        if channel is None:
            return None, f"there is no channel {name} that I see"
        try:
            now = await self._signs.topic(channel)
            wanted = topic.with_part(now, schedule, [self._parts.permissions.name_of(one) for one in people])
            if wanted is None:
                return channel, f"the topic of {name} has no room left of its {topic.MOST} characters: shorten it"
            if wanted != now:
                await self._signs.set_topic(channel, wanted)
                log.info("oncall.topic", channel=channel.key, schedule=schedule)
        except SlackError as error:
            return channel, f"the topic of {name} does not follow: {_refusal(error)}"
        return channel, ""

    async def _leave(self, channel: Channel | None, schedule: str) -> None:
        """Take our part out of a topic; where Slack refuses that it stays."""
        if channel is None:
            return
        try:
            now = await self._signs.topic(channel)
            if (wanted := topic.without_part(now, schedule)) != now:
                await self._signs.set_topic(channel, wanted)
        except SlackError as error:
            log.warning("oncall.topic_left", channel=channel.key, schedule=schedule, reason=_refusal(error))


def _refusal(error: SlackError) -> str:
    """Return why Slack refused, with what to do. Raises: the error, where it is one that waiting cures."""
    if error.failure.cause in _WAITS:
        raise error
    reason = error.failure.reason
    advice = _ADVICE.get(reason.partition(":")[0], "")
    return f"{reason}: {advice}" if advice else reason
