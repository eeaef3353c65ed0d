"""`Studying`: looks at a group's signal after its message left: did it move after a change, and what does it look like.

What is found goes into the message; the picture follows into its thread, once, and is drawn anew when the group's
state has changed. Where nothing can be drawn the message stays as it is.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from bot.alerts import cause_records, causes, messages, movement, records
from bot.alerts.cause_records import Looked
from bot.alerts.causes import Suspect
from bot.alerts.intake import Intake
from bot.alerts.movement import Move, Movement
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.showing import ONCE_MORE, RARELY, STUDY, Showing
from bot.alerts.signals import Signal, Signals
from bot.amounts import amount, duration
from bot.changes.records import Change
from bot.charts import Chart, Line, Mark, Span
from bot.errors import Degraded, UserError
from bot.reply import Message, Note, Picture, code, say
from bot.store import Tx
from bot.store.starts import want
from integrations.capabilities.metrics import Series
from integrations.errors import IntegrationError

_JUDGED = 3
"""Changes whose effect on the signal is looked at: the best by time."""
_MARKED = 5
_TRIES = 2
_AT_ONCE = 2
_LINE = 20
"""Looks that may wait for their turn; in a storm the others have no picture."""
_YOUNG = timedelta(minutes=10)
_LATER = timedelta(minutes=2)
_LONGEST = 150

log = structlog.get_logger()


class Studying:
    """Looks at signals, says what moved, and draws."""

    def __init__(self, parts: Parts, intake: Intake, showing: Showing) -> None:
        self._parts = parts
        self._intake = intake
        self._showing = showing
        self._signals = Signals(parts)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def study(self, group_id: str, version: int, state: str) -> None:
        """Look at the signal of a group as of a version of it and the state it was in.

        Nothing is done where that was done already, or only just now, or where a look at a later state follows. In
        place of a version, `ONCE_MORE` looks at what there is to be seen by now of what still fires.

        It raises nothing that a source or the drawing does: why there is no picture is kept, for who asks.
        """
        async with self._parts.store.read() as conn:
            group = await records.find(conn, group_id)
            look = await cause_records.looked(conn, group_id)
        again = version == ONCE_MORE
        if group is None or (again and (group.over or look is None)):
            return
        if look is not None and again:
            version = look.version
        elif look is not None and look.version >= version:
            return
        drawn_at = look.drawn_at if look else None
        if drawn_at is not None:
            soon = not group.over and self._parts.clock.now() - drawn_at < RARELY
            if soon or (not again and group.state.value != state):
                return
        if self._waiting >= _LINE:
            await self._keep(group, Looked(version=version, drawn_at=drawn_at, problem="too much fires at once"))
            return
        self._waiting += 1
        try:
            async with self._turns:
                await self._studied(group, version, look)
        finally:
            self._waiting -= 1

    async def _studied(self, group: Group, version: int, look: Looked | None) -> None:
        problem, signal = "", None
        drawn_at = look.drawn_at if look else None
        changed = await self._showing.look_at(group.id)
        suspects = await self._suspects(group, changed)
        judged = [] if group.over else sorted(suspects, key=_latest)[:_JUDGED]
        try:
            async with self._parts.store.read() as conn:
                known = await records.alerts_of(conn, group.id)
            if known:
                signal = await self._signals.of(group, known, [causes.begun(one.change) for one in judged])
        except TimeoutError:
            problem = "the source of metrics took too long"
        except (IntegrationError, UserError) as error:
            problem = str(error)[:300]
        if signal is not None:
            await self._judge(group, signal, judged)
        await self._name(group, changed)
        png = b""
        if signal is not None and any(one.points for one in signal.series):
            try:
                png = await self._drawn(chart_of(group, signal, suspects, changed, self._zone()))
            except Degraded as error:
                problem = str(error)[:300]
        elif signal is not None:
            problem = "its expression has no values"
        unit, name = (signal.reading.unit, signal.reading.name) if signal else ("", "")
        told = Looked(version=version, drawn_at=drawn_at, unit=unit, signal=name, problem=problem)
        await self._keep(group, told, signal, png)

    async def _suspects(self, group: Group, changed: Sequence[Change]) -> Sequence[Suspect]:
        async with self._parts.store.read() as conn:
            return (await self._showing.view(conn, group, changed)).suspects

    async def _judge(self, group: Group, signal: Signal, judged: Sequence[Suspect]) -> None:
        """Keep what the signal did after each change, and have the message say it."""
        reading, window = signal.reading, signal.window
        if reading.above is None and reading.limit is None:
            return  # it has values only while it fires: they move after nothing
        points = movement.worst((one.points for one in signal.fine), above=reading.above)
        since = points[0][0] if points else window.start
        found: Mapping[str, Movement] = {
            one.change.subject: movement.around(
                points,
                causes.begun(one.change),
                above=reading.above,
                since=min(since, window.start),
                until=window.end,
            )
            for one in judged
        }
        async with self._parts.store.write() as tx:
            before = await cause_records.movements(tx.conn, group.id)
            told = {
                subject: one
                for subject, one in found.items()
                if one.move is not Move.UNKNOWN and before.get(subject, Movement()) != one
            }
            for subject, one in told.items():
                await cause_records.keep_movement(tx, group.id, subject, one)
            now = await records.locked(tx, group.id)
            await self._look_later(tx, group, judged, found)
            if told and now is not None and not now.over:
                await cause_records.keep_reading(tx, group.id, unit=reading.unit, signal=reading.name)
                await self._intake.look_again(tx, now)

    async def _look_later(self, tx: Tx, group: Group, judged: Sequence[Suspect], found: Mapping[str, Movement]) -> None:
        """Have the signal looked at once more where a change was too short ago to tell what it did."""
        now = self._parts.clock.now()
        young = [
            one
            for one in judged
            if found[one.change.subject].move is Move.UNKNOWN and now - causes.begun(one.change) < _YOUNG
        ]
        if young:
            ident, at = f"{group.id}/study/{now:%Y%m%dT%H%M}", now + _LATER
            await want(tx, ident, STUDY, group.id, ONCE_MORE, group.state.value, at=at)

    async def _name(self, group: Group, changed: Sequence[Change]) -> None:
        """Note which change the message names first, now that all is known that ranks them."""
        suspects = await self._suspects(group, changed)
        if suspects and not group.over:
            async with self._parts.store.write() as tx:
                await cause_records.name(tx, group.id, suspects[0].change.subject, self._parts.clock.now())

    async def _drawn(self, chart: Chart) -> bytes:
        """Draw, and once more where the process that draws was ended in the middle."""
        charts = self._parts.charts
        if charts is None:
            raise Degraded("charts_unavailable", "There is nothing to draw with.")
        for _ in range(_TRIES - 1):
            try:
                return await charts.draw(chart)
            except Degraded as error:
                log.warning("alert.drawn_again", error=str(error))
        return await charts.draw(chart)

    async def _keep(self, group: Group, look: Looked, signal: Signal | None = None, png: bytes = b"") -> None:
        """Write how a look went, and the picture with it: both or neither, so that it is posted once."""
        if look.problem:
            log.info("alert.no_picture", group=group.id, reason=look.problem)
        now = self._parts.clock.now()
        async with self._parts.store.write() as tx:
            drawn_at = now if png else look.drawn_at
            told = Looked(
                version=look.version, drawn_at=drawn_at, unit=look.unit, signal=look.signal, problem=look.problem
            )
            if not await cause_records.keep_look(tx, group.id, told) or signal is None or not png:
                return
            current = await records.find(tx.conn, group.id)
            channel = current.channel if current is not None else None
            if channel is None:
                return
            message = picture(group, signal, png)
            key = f"{group.id}/picture"
            if look.drawn_at is None:
                await self._parts.outbox.post(tx, key, channel, message, in_thread_of=group.id)
            else:
                await self._parts.outbox.amend(tx, key, message)

    def _zone(self) -> str:
        return self._parts.settings().alerts.timezone


def chart_of(group: Group, signal: Signal, suspects: Sequence[Suspect], changed: Sequence[Change], zone: str) -> Chart:
    """Return the chart of a signal: its limit, when it fired, and what changed, before and since."""
    window, reading = signal.window, signal.reading
    since = [one for one in changed if causes.begun(one) >= window.began and causes.is_placed(one)]
    marked = [*(one.change for one in suspects[:_MARKED]), *since]
    names = differing([one.labels for one in signal.series])
    lasted = duration(window.ended - window.began)
    return Chart(
        title=f"{group.id} {messages.title(group)}",
        lines=[_line(one, names, reading.name or "value") for one in signal.series],
        unit=reading.unit,
        limit=reading.limit,
        marks=[
            Mark(at=causes.begun(one).timestamp(), label=causes.called(one))
            for one in {one.subject: one for one in marked}.values()
        ],
        spans=[Span(start=window.began.timestamp(), end=window.ended.timestamp(), label=f"firing {lasted}")],
        left_out=signal.left_out,
        zone=zone,
    )


def picture(group: Group, signal: Signal, png: bytes) -> Message:
    """Return the message of a picture: what is drawn, in words too."""
    reading = signal.reading
    lasts = [one.points[-1][1] for one in signal.series if one.points]
    worst = (min if reading.above is False else max)(lasts, default=math.nan)
    limit = "" if reading.limit is None else f", limit {amount(reading.limit, reading.unit)}"
    of = f", {signal.left_out} more series" if signal.left_out else ""
    alt = f"{group.id} {messages.title(group)}: {amount(worst, reading.unit)}{limit}{of}"
    whole = signal.expression if len(signal.expression) <= _LONGEST else f"{signal.expression[: _LONGEST - 1]}…"
    return Message(summary=alt, parts=(Picture(png, alt, ""), Note(say("{}", code(whole)))))


def differing(labels: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names of the labels in which these differ."""
    names = sorted({name for one in labels for name in one})
    return [name for name in names if len({one.get(name, "") for one in labels}) > 1]


def _line(series: Series, names: Sequence[str], name: str) -> Line:
    values = [series.labels.get(one, "") for one in names]
    label = (
        values[0] if len(values) == 1 else ", ".join(f"{one}={value}" for one, value in zip(names, values, strict=True))
    )
    points = [(at.timestamp(), value if math.isfinite(value) else None) for at, value in series.points]
    return Line(label=label or name, points=points)


def _latest(one: Suspect) -> float:
    return -causes.begun(one.change).timestamp()
