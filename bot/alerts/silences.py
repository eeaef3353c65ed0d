"""`Silences`: asked for by people, made in the source, shown with owner and end, and compared with what it has."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.alerts import ends, messages, records, rules, silence_records
from bot.alerts.intake import Intake
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import Act
from bot.alerts.silence_records import Quiet, State
from bot.command import Resource
from bot.errors import BadInput, Refused, UserError
from bot.identity import Person
from bot.store import Tx
from bot.store.starts import want
from integrations.capabilities.alerts import Alert, AlertSilencer, Matcher, Silence
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused as RefusedByTool,
    Unavailable,
)

CREATE = "alert.silence.v1"
EXTEND = "alert.silence_extend.v1"
END = "alert.silence_end.v1"
WARN = "alert.silence_warn.v1"
_WARN_BEFORE = timedelta(minutes=10)

log = structlog.get_logger()


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants silent: a group, by these matchers, for a while or until a moment."""

    group: Group
    matchers: tuple[Matcher, ...]
    person: Person
    ends_at: datetime
    reason: str = ""
    request_id: str = ""
    until_recovery: bool = False


class Silences:
    """The silences of every source that can be silenced."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake

    # ------------------------------------------------------------------------------------------ what people ask for

    async def end_of(self, person: Person, *, duration: timedelta | None, until: str) -> datetime:
        """Return when a silence ends that is wanted for a while, until a moment, or until the next working day.

        Raises:
            BadInput: it is no moment, or not between a minute and 90 days from now.
        """
        settings = self._parts.settings().alerts
        zone = await self._parts.zone_of(person) or settings.timezone
        return ends.of(duration=duration, until=until, now=self._parts.clock.now(), zone=zone, workday=settings.workday)

    async def matching(self, instance: str, matchers: Sequence[Matcher]) -> Sequence[Alert]:
        """Return the alerts firing now that matchers are about, as the source says.

        Raises:
            IntegrationError: it cannot be asked.
            BadInput, Degraded: it is not connected, or takes no silences.
        """
        return await self._silencer(instance).matching(matchers)

    async def wish(self, tx: Tx, wish: Wish) -> Quiet:
        """Write a silence down and have it made.

        Raises:
            Refused: the group is over.
        """
        now = self._parts.clock.now()
        group = await records.locked(tx, wish.group.id)
        if group is None:
            raise Refused("alert_gone", f"{wish.group.id} is forgotten.")
        no = rules.refusal(Act.SILENCE, group.state, group.hold, wish.person)
        if no is not None:
            raise Refused(no.code, f"{group.id} {no.words}.")
        name = self._parts.permissions.name_of(wish.person)
        marker = f"shipmate {hashlib.sha256(wish.request_id.encode()).hexdigest()[:12]}"
        made = await silence_records.begin(
            tx,
            Quiet(
                id="",
                instance=group.instance,
                group_id=group.id,
                matchers=wish.matchers,
                person=wish.person,
                created_by=f"{name} (Shipmate)",
                reason=wish.reason or f"{group.id} {group.name}",
                marker=marker,
                until_recovery=wish.until_recovery,
                begins_at=now,
                ends_at=wish.ends_at,
                changed_at=now,
            ),
        )
        if made is None:
            raise Refused("raced", "That changed just now. Ask again.")
        await want(tx, f"{made.id}/create", CREATE, made.id)
        await self._intake.look_again(tx, group)
        await self._note(tx, made, group, wish.person, "alert.silence", wish.request_id)
        return made

    async def wish_end(self, tx: Tx, quiet: Quiet, person: Person, request_id: str) -> None:
        """Have a silence ended. Raises: Refused when it has ended."""
        self._must_stand(await silence_records.locked(tx, quiet.id), quiet)
        await want(tx, f"{quiet.id}/end/{request_id}", END, quiet.id)
        group = await records.find(tx.conn, quiet.group_id)
        await self._note(tx, quiet, group, person, "alert.unsilence", request_id)

    async def wish_longer(self, tx: Tx, quiet: Quiet, person: Person, ends_at: datetime, request_id: str) -> None:
        """Have a silence end at another moment. Raises: Refused when it has ended."""
        self._must_stand(await silence_records.locked(tx, quiet.id), quiet)
        await want(tx, f"{quiet.id}/extend/{request_id}", EXTEND, quiet.id, ends_at.isoformat())
        group = await records.find(tx.conn, quiet.group_id)
        changed = replace(quiet, ends_at=ends_at)
        await self._note(tx, changed, group, person, "alert.silence_extend", request_id)

    async def find(self, name: str) -> Quiet:
        """Return a silence by its id, ours or the source's. Raises: BadInput when there is none."""
        async with self._parts.store.read() as conn:
            found = await silence_records.find(conn, name.strip())
            found = found or await silence_records.find(conn, name.strip().upper())
        if found is None:
            raise BadInput("unknown_silence", f'There is no silence "{name}". /silences lists them.')
        return found

    async def standing(self) -> Sequence[Quiet]:
        """Return every silence that is wanted or active, as the sources have them now where they answer."""
        for instance in self.silencers():
            await self.compare(instance)
        async with self._parts.store.read() as conn:
            return await silence_records.standing(conn)

    # ------------------------------------------------------------------------------------------ what workflows do

    async def create(self, silence_id: str) -> tuple[str, str]:
        """Make a silence in the source, or find the one that was made; return (the source's id, why not).

        Raises:
            Unavailable: it cannot be made now.
        """
        async with self._parts.store.read() as conn:
            quiet = await silence_records.find(conn, silence_id)
        if quiet is None or quiet.state is not State.WANTED:
            return "", ""
        return await self._put(quiet)

    async def made(self, tx: Tx, silence_id: str, source_id: str, problem: str) -> str:
        """Note what became of a silence that was to be made; return whose source it is, "" where nothing changed."""
        quiet = await silence_records.locked(tx, silence_id)
        if quiet is None or quiet.state is not State.WANTED or not (source_id or problem):
            return ""
        state = State.ACTIVE if source_id else State.FAILED
        now = self._parts.clock.now()
        quiet = replace(quiet, silence_id=source_id, state=state, problem=problem, changed_at=now)
        await silence_records.keep(tx, quiet)
        await self._shown(tx, quiet)
        if source_id:
            await self._warn_before(tx, quiet)
        return quiet.instance

    async def extend(self, silence_id: str, ends_at: str) -> tuple[str, str]:
        """Give a silence another end in the source; return (the source's id, why not)."""
        async with self._parts.store.read() as conn:
            quiet = await silence_records.find(conn, silence_id)
        if quiet is None or quiet.state is not State.ACTIVE:
            return "", "it has ended"
        return await self._put(replace(quiet, ends_at=datetime.fromisoformat(ends_at)))

    async def extended(self, tx: Tx, silence_id: str, ends_at: str, source_id: str, problem: str) -> str:
        """Note a silence's other end, or why it has none; return whose source it is."""
        quiet = await silence_records.locked(tx, silence_id)
        if quiet is None:
            return ""
        now = self._parts.clock.now()
        if source_id:
            until = datetime.fromisoformat(ends_at)
            quiet = replace(quiet, silence_id=source_id, ends_at=until, changed_at=now, problem="")
            await self._warn_before(tx, quiet)
        else:
            quiet = replace(quiet, problem=f"not extended: {problem}", changed_at=now)
        await silence_records.keep(tx, quiet)
        await self._shown(tx, quiet)
        return quiet.instance

    async def end(self, silence_id: str) -> str:
        """End a silence in the source; return why not.

        Raises:
            Unavailable: it cannot be ended now.
        """
        async with self._parts.store.read() as conn:
            quiet = await silence_records.find(conn, silence_id)
        if quiet is None or not quiet.silence_id:
            return ""
        try:
            await self._silencer(quiet.instance).end_silence(quiet.silence_id)
        except NotFound:
            return ""
        except OutcomeUnknown as error:  # to end it once more changes nothing
            raise Unavailable(error.instance, error.message) from error
        except (RefusedByTool, NotPermitted, NotAuthenticated, BadReply) as error:
            return error.message
        return ""

    async def ended(self, tx: Tx, silence_id: str, problem: str) -> str:
        """Note that a silence is over, or why it is not; return whose source it is."""
        quiet = await silence_records.locked(tx, silence_id)
        if quiet is None:
            return ""
        now = self._parts.clock.now()
        state = quiet.state if problem else State.ENDED
        quiet = replace(quiet, state=state, problem=f"not ended: {problem}" if problem else "", changed_at=now)
        await silence_records.keep(tx, quiet)
        await self._shown(tx, quiet)
        return quiet.instance

    async def warn(self, tx: Tx, silence_id: str) -> None:
        """Say that a silence ends soon while what it silences still fires; nothing where its end has moved."""
        quiet = await silence_records.locked(tx, silence_id)
        now = self._parts.clock.now()
        if quiet is None or quiet.state is not State.ACTIVE or not now < quiet.ends_at <= now + 2 * _WARN_BEFORE:
            return
        group = await records.find(tx.conn, quiet.group_id)
        if group is None or group.over:
            return
        message = messages.silence_ends(group, quiet)
        key = f"{quiet.id}/ends/{quiet.ends_at:%Y%m%dT%H%M%S}"
        if group.channel is not None:
            where = {"in_thread_of": group.inside or group.id, "subject": group.id}
            await self._parts.outbox.post(tx, key, group.channel, message, **where, also_to_channel=True, urgent=True)
        if quiet.person is not None:
            await self._parts.outbox.direct(tx, key, quiet.person, message, subject=group.id)

    async def parked(self, silence_id: str, why: str) -> None:
        """Note that a silence could not be made, extended or ended, because its source does not answer."""
        async with self._parts.store.write() as tx:
            quiet = await silence_records.locked(tx, silence_id)
            if quiet is not None and quiet.state in {State.WANTED, State.ACTIVE}:
                state = State.FAILED if quiet.state is State.WANTED else quiet.state
                quiet = replace(quiet, state=state, problem=why, changed_at=self._parts.clock.now())
                await silence_records.keep(tx, quiet)
                await self._shown(tx, quiet)

    # ------------------------------------------------------------------------------------------ what the source has

    def silencers(self) -> tuple[str, ...]:
        """Return the connected instances that take silences."""
        adapters = self._parts.toolbox.adapters()
        return tuple(name for name, one in adapters.items() if isinstance(one, AlertSilencer))

    async def compare(self, instance: str) -> None:
        """Make the rows say what silences a source has; one that does not answer leaves them as they are."""
        if instance not in self.silencers():
            return
        asked_at = self._parts.clock.now()
        try:
            told = {one.id: one for one in await self._silencer(instance).silences()}
        except IntegrationError as error:
            log.warning("alert.silences_unknown", instance=instance, error=str(error))
            return
        async with self._parts.store.read() as conn:
            rows = await silence_records.standing(conn, instance=instance)
        known = {one.silence_id: one for one in rows if one.silence_id}
        markers = {one.marker for one in rows if one.marker and not one.silence_id}
        new = [
            one for name, one in told.items() if name not in known and not any(mark in one.comment for mark in markers)
        ]
        other = [one for name, one in known.items() if name in told and _moved(one, told[name])]
        gone = [one for name, one in known.items() if name not in told]
        for silence in new:
            async with self._parts.store.write() as tx:
                await silence_records.begin(tx, _elsewhere(instance, silence, asked_at))
        for quiet in (*other, *gone):
            async with self._parts.store.write() as tx:
                row = await silence_records.locked(tx, quiet.id)
                if row is None or row.changed_at >= asked_at or row.state is not State.ACTIVE:
                    continue
                there = told.get(quiet.silence_id)
                row = replace(row, state=State.ENDED) if there is None else replace(row, ends_at=there.ends_at)
                await silence_records.keep(tx, replace(row, changed_at=asked_at))
                await self._shown(tx, row)

    def _silencer(self, instance: str) -> AlertSilencer:
        return self._parts.toolbox.get(AlertSilencer, instance)

    async def _put(self, quiet: Quiet) -> tuple[str, str]:
        """Have the source hold a silence; found by its marker and end where that was done before."""
        try:
            silencer = self._silencer(quiet.instance)
            wanted = quiet.as_silence()
            for one in await silencer.silences():
                if quiet.marker and quiet.marker in one.comment and not _moved(quiet, one):
                    return one.id, ""
                if one.id == quiet.silence_id:
                    wanted = replace(one, ends_at=quiet.ends_at)
            return await silencer.put_silence(wanted), ""
        except UserError as error:  # the source is configured no more, or not connected
            return "", str(error.text)
        except OutcomeUnknown as error:  # looked up by its marker the next time
            raise Unavailable(error.instance, error.message) from error
        except (RefusedByTool, NotFound, NotPermitted, NotAuthenticated, BadReply) as error:
            return "", error.message

    async def _shown(self, tx: Tx, quiet: Quiet) -> None:
        group = await records.locked(tx, quiet.group_id) if quiet.group_id else None
        if group is not None:
            await self._intake.look_again(tx, group)

    async def _warn_before(self, tx: Tx, quiet: Quiet) -> None:
        length = quiet.ends_at - self._parts.clock.now()
        if length > 2 * _WARN_BEFORE:
            stamp = f"{quiet.ends_at:%Y%m%dT%H%M%S}"
            await want(tx, f"{quiet.id}/warn/{stamp}", WARN, quiet.id, at=quiet.ends_at - _WARN_BEFORE)

    def _must_stand(self, now: Quiet | None, asked: Quiet) -> None:
        if now is None or now.state is not State.ACTIVE:
            raise Refused("silence_over", f"The silence {asked.id} is not in force.")

    async def _note(
        self, tx: Tx, quiet: Quiet, group: Group | None, person: Person, action: str, request_id: str
    ) -> None:
        resource = Resource() if group is None else Resource(group.service, group.environment)
        await self._parts.audit.record(
            tx,
            actor=person,
            action=action,
            outcome="succeeded",
            resource=resource,
            request_id=request_id,
            subject=quiet.group_id or quiet.id,
            data={
                "silence": quiet.id,
                "matchers": [str(one) for one in quiet.matchers],
                "until": quiet.ends_at.isoformat(),
            },
        )


def _moved(quiet: Quiet, silence: Silence) -> bool:
    return abs(quiet.ends_at - silence.ends_at) >= timedelta(seconds=1)


def _elsewhere(instance: str, silence: Silence, at: datetime) -> Quiet:
    return Quiet(
        id="",
        instance=instance,
        silence_id=silence.id,
        matchers=silence.matchers,
        created_by=silence.created_by,
        reason=silence.comment,
        begins_at=silence.starts_at,
        ends_at=silence.ends_at,
        changed_at=at,
        state=State.ACTIVE,
    )
