"""Sends the rows of the outbox: in order within a lane, as fast as Slack allows, once also across a crash.

A row is claimed before it is sent and marked after. One that was claimed by a process that died, or whose answer
was lost, is in doubt: it is looked up in the channel before it is sent again.
"""

import asyncio
from collections import OrderedDict
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bot.endings import end
from bot.slack import lanes, storm
from bot.slack.answers import Said
from bot.slack.connection import Connection, SlackError
from bot.slack.courier import Courier, Row
from bot.slack.failures import Cause, Failure
from bot.slack.metrics import METRICS
from bot.slack.outbox import Outbox
from bot.slack.pacing import Pacing
from bot.slack.posts import Posts
from bot.slack.records import SIGNAL, Kind, State, open_rows, outbox
from bot.store import Store, StoreUnavailable, Tx

_log = structlog.get_logger(__name__)

AT_ONCE = 8
FOR_PEOPLE = 2
"""Of those, how many only what a person waits for may take."""
PER_LANE = 30
LEASE = timedelta(seconds=30)
"""How long a row that is being sent is ours; another process doubts it after that."""
LOOK_AGAIN = 1.0  # seconds: rows that other processes wrote
IDLE = 30.0
EDIT_EVERY = 1.0  # seconds between edits of one card that nobody waits for
PRUNE_EVERY = 6 * 3600.0
TRY_AGAIN_EVERY = 1800.0  # seconds between attempts at cards that Slack refused
_LONGEST_PAUSE = 60.0
_PLAINER_AFTER = 6
_PARK_AFTER = 12
_OPEN = (State.WAITING, State.SENDING, State.DOUBT)


class Sender:
    """The loop over the outbox's rows; one for each process, `owner` tells them apart."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        posts: Posts,
        connection: Connection,
        courier: Courier,
        *,
        owner: str,
        pacing: Pacing | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self._store = store
        self._clock = store.clock
        self._outbox = outbox
        self._posts = posts
        self._connection = connection
        self._courier = courier
        self._owner = owner
        self.pacing = pacing or Pacing()
        self._lease = lease
        self._busy: set[str] = set()
        self._edited: OrderedDict[int, float] = OrderedDict()
        self._sends: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._pruned = -PRUNE_EVERY
        self._tried = -TRY_AGAIN_EVERY

    async def start(self) -> None:
        """Take up what an earlier process left in the middle, and begin to send."""
        if self._store.dialect == "sqlite":  # no other process sends: whatever was being sent is in doubt
            async with self._store.write() as tx:
                await self._doubt(tx, open_rows() & (outbox.c.state == State.SENDING))
        self._connection.on_usable.append(self._store.signal(SIGNAL).set)
        self._loop = asyncio.get_running_loop().create_task(self._run(), name="slack.outbox")

    async def close(self, seconds: float = 5.0) -> None:
        """Stop taking rows, and wait up to so many seconds for those that are being sent."""
        await end([self._loop])
        if self._sends:
            _, late = await asyncio.wait(set(self._sends), timeout=seconds)
            await end(late)

    async def _run(self) -> None:
        signal = self._store.signal(SIGNAL)
        while True:
            try:
                await self._connection.usable.wait()
                signal.clear()
                pause = await self._pass()
            except StoreUnavailable as error:
                _log.warning("the outbox cannot be read", reason=error.reason)
                pause = LOOK_AGAIN
            except Exception:  # noqa: BLE001 - one row must not end the loop that all others wait for
                _log.exception("the outbox failed; it goes on")
                pause = LOOK_AGAIN
            await self._wait(signal, pause)

    async def _wait(self, signal: asyncio.Event, seconds: float) -> None:
        """Wait until there may be something to send."""
        if self._store.dialect == "postgresql":
            seconds = min(seconds, LOOK_AGAIN)
        waits = [
            asyncio.ensure_future(signal.wait()),
            asyncio.ensure_future(self._clock.sleep(max(seconds, 0.001))),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _pass(self) -> float:
        """Begin to send what may go now; return the seconds until something else may."""
        if not self._store.lease.held:
            return LOOK_AGAIN
        await self._upkeep()
        rows = await self._candidates()
        pause = IDLE
        for lane, waiting in lanes.by_lane(rows):
            if lane in self._busy:
                continue
            if len(self._sends) >= AT_ONCE - (0 if waiting[0].urgent else FOR_PEOPLE):
                break
            if await storm.sum_up(self._store, self._clock, lane, waiting[0].in_lane):
                return 0.0
            if any(row.state == State.SENDING and self._is_ours(row) for row in waiting):
                await self._left_behind(lane)
                return 0.0
            chosen, wait = self._choose(waiting)
            if chosen is not None and (chosen.urgent or len(self._sends) < AT_ONCE - FOR_PEOPLE):
                self._begin(chosen)
            elif chosen is None:
                pause = min(pause, wait)
        return pause

    async def _upkeep(self) -> None:
        now = self._clock.now()
        if self._store.dialect == "postgresql":
            async with self._store.write() as tx:
                await self._doubt(tx, open_rows() & (outbox.c.state == State.SENDING) & (outbox.c.lease_until < now))
        if self._clock.monotonic() - self._pruned > PRUNE_EVERY:
            self._pruned = self._clock.monotonic()
            await self._outbox.prune()
        if self._clock.monotonic() - self._tried > TRY_AGAIN_EVERY:
            self._tried = self._clock.monotonic()
            await self._outbox.try_again()

    def _is_ours(self, row: Row) -> bool:
        return row.owner == self._owner or self._store.dialect == "sqlite"

    async def _left_behind(self, lane: str) -> None:
        """Doubt what we claimed and could not mark afterwards, because the store was away in that moment."""
        async with self._store.write() as tx:
            await self._doubt(tx, open_rows() & (outbox.c.lane == lane) & (outbox.c.state == State.SENDING))

    async def _doubt(self, tx: Tx, condition: sa.ColumnElement[bool]) -> None:
        await tx.conn.execute(sa.update(outbox).where(condition).values(state=State.DOUBT, owner="", lease_until=None))

    async def _candidates(self) -> list[Row]:
        """Return the first open rows of each lane, urgent ones first, with the message each belongs below."""
        parent = outbox.alias("parent")
        rank = sa.func.row_number().over(partition_by=outbox.c.lane, order_by=[outbox.c.urgent.desc(), outbox.c.id])
        in_lane = sa.func.count().over(partition_by=outbox.c.lane)
        ranked = sa.select(outbox.c.id, rank.label("rank"), in_lane.label("in_lane")).where(open_rows()).subquery()
        statement = (
            sa.select(outbox, ranked.c.in_lane, *_parent_columns(parent))
            .join(ranked, ranked.c.id == outbox.c.id)
            .outerjoin(parent, (outbox.c.in_thread_of != "") & (parent.c.key == outbox.c.in_thread_of))
            .where(ranked.c.rank <= PER_LANE)
            .order_by(outbox.c.lane, outbox.c.urgent.desc(), outbox.c.id)
        )
        async with self._store.read() as conn:
            rows = list((await conn.execute(statement)).all())
        METRICS.waiting.set(sum({row.lane: row.in_lane for row in rows}.values()))
        return rows

    def _choose(self, waiting: list[Row]) -> tuple[Row | None, float]:
        """Return the row of a lane to send now, or None and the seconds until one may go.

        New messages keep their order: one that has to wait holds those behind it up. Edits of other cards pass.
        """
        now, mono = self._clock.now(), self._clock.monotonic()
        pause = IDLE
        held_up = False
        for row in waiting:
            if row.state == State.SENDING:
                return None, pause  # by another process: the lane is taken
            is_new = not row.ts
            if is_new and held_up:
                continue
            if row.in_thread_of and not row.parent_ts and row.parent_state in _OPEN:
                continue  # comes after its card; what else waits in the lane may go
            later = (row.next_try - now).total_seconds() if row.next_try else 0.0
            wait = max(later, self._debounced(row, mono), self._paced(row, mono))
            if wait <= 0:
                return row, 0.0
            pause = min(pause, wait)
            held_up = held_up or is_new
        return None, pause

    def _debounced(self, row: Row, mono: float) -> float:
        if not row.ts or row.urgent or row.final:
            return 0.0
        return self._edited.get(row.id, mono - EDIT_EVERY) + EDIT_EVERY - mono

    def _paced(self, row: Row, mono: float) -> float:
        return max(self.pacing.wait(*one, mono, urgent=row.urgent) for one in lanes.calls(row))

    def _spend(self, row: Row) -> None:
        for one in lanes.calls(row):
            self.pacing.spend(*one, self._clock.monotonic())

    def _begin(self, row: Row) -> None:
        self._busy.add(row.lane)
        task = asyncio.get_running_loop().create_task(self._send(row), name=f"slack.send {row.key}")
        self._sends.add(task)
        task.add_done_callback(lambda done: self._ended(done, row.lane))

    def _ended(self, task: "asyncio.Task[None]", lane: str) -> None:
        self._sends.discard(task)
        self._busy.discard(lane)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, StoreUnavailable):
                _log.warning("the outbox cannot be written", reason=error.reason)
            else:
                _log.error("sending failed", exc_info=error)
        self._store.signal(SIGNAL).set()

    async def _send(self, chosen: Row) -> None:
        self._store.lease.work()
        row = await self._claim(chosen)
        if row is None:
            return
        method, _ = lanes.call(row)
        self._spend(chosen)
        try:
            async with asyncio.timeout(self._lease.total_seconds() * 0.8):  # never longer than the row is ours
                said, version = await self._say(row, chosen)
        except SlackError as error:
            await self._failed(row, error, was=chosen.state)
        except TimeoutError:
            late = SlackError(method, Failure(Cause.UNKNOWN, "it took longer than a row may be held"))
            await self._failed(row, late, was=chosen.state)
        except asyncio.CancelledError:
            await asyncio.shield(self._update(row, state=State.WAITING if row.ts else State.DOUBT))
            raise
        except StoreUnavailable:
            raise  # it stays claimed, and is doubted: once the store is there, or by another process
        except Exception as error:  # noqa: BLE001 - the row is put aside, so that the others go on
            _log.exception("a message cannot be said", key=row.key)
            await self._park(row, f"mistake of ours: {type(error).__name__}: {error}")
        else:
            if row.ts:
                self._note_edit(row.id)
            await self._said(row, said, version=version)

    async def _say(self, row: Row, chosen: Row) -> tuple[Said, int]:
        """Send a row that was claimed, or find it where that is in doubt; return where it stands, in which version."""
        thread_ts, place = chosen.parent_ts or "", chosen.parent_place or ""
        if chosen.state == State.DOUBT and not row.ts:
            found = await self._courier.find(row, thread_ts=thread_ts, place=place)
            if found is not None:  # of a card it is not known in which of its states it stands there: an edit follows
                return found, 0 if row.kind == Kind.SHOW else row.wanted
        return await self._courier.say(row, thread_ts=thread_ts, place=place), row.wanted

    async def _claim(self, row: Row) -> Row | None:
        """Mark the row as being sent by us; None when somebody else has it or its lane."""
        async with self._store.write(urgent=row.urgent) as tx:
            if self._store.dialect == "postgresql":
                await tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(row.lane))))
            other = outbox.alias("other")
            sending = open_rows(other) & (other.c.state == State.SENDING)
            taken = sa.exists().where(other.c.lane == row.lane, sending, other.c.id != row.id)
            statement = (
                sa.update(outbox)
                .where(outbox.c.id == row.id, outbox.c.state == row.state, ~taken)
                .values(
                    state=State.SENDING,
                    owner=self._owner,
                    lease_until=self._clock.now() + self._lease,
                    attempts=outbox.c.attempts + 1,
                )
                .returning(outbox)
            )
            claimed: Row | None = (await tx.conn.execute(statement)).first()
        return claimed

    async def _said(self, row: Row, said: Said, *, version: int) -> None:
        now = self._clock.now()
        left = sa.case((outbox.c.wanted > version, State.WAITING.value), else_=State.SENT.value)
        async with self._store.write(urgent=row.urgent) as tx:
            kept = await tx.conn.execute(
                self._while_ours(row).values(
                    state=left,
                    sent=version,
                    ts=said.ts,
                    place=said.place,
                    attempts=0,
                    reason="",
                    next_try=None,
                    sent_at=now,
                    owner="",
                    lease_until=None,
                    wanted_at=sa.case(
                        (outbox.c.wanted > version, sa.literal(now, outbox.c.wanted_at.type)), else_=outbox.c.wanted_at
                    ),
                )
            )
            if not kept.rowcount:
                _log.warning("a message was taken over while it was sent", key=row.key)
                return  # whoever has it looks it up
            if said.ts and not row.ts and row.subject:
                await self._posts.record(tx, said.place, said.ts, row.subject, card=row.kind == Kind.SHOW)
        METRICS.lag.labels(kind=row.kind).observe(max(0.0, (now - row.wanted_at).total_seconds()))

    async def _failed(self, row: Row, error: SlackError, *, was: str) -> None:
        """Decide what becomes of a row that was not said."""
        failure = error.failure
        retry = State.WAITING if row.ts or row.kind == Kind.WHISPER else State.DOUBT
        match failure.cause:
            case Cause.RATE_LIMITED:
                _, channel = lanes.call(row)
                scope = channel if error.method == "chat.postMessage" else ""
                self.pacing.told_to_wait(error.method, scope, self._clock.monotonic(), failure.retry_after)
                if error.method != lanes.call(row)[0]:  # a call on the way, such as a look-up: the row waits as long
                    await self._again(row, was, failure, seconds=failure.retry_after)
                else:
                    await self._again(row, was, failure)
            case Cause.UNAUTHORISED | Cause.UNSENT:
                await self._again(row, was, failure)
            case Cause.UNKNOWN if row.attempts < _PARK_AFTER:
                plainer = {"form": min(row.form + 1, 2)} if row.attempts >= _PLAINER_AFTER else {}
                asked = error.method in {"chat.postMessage", "chat.update"}
                await self._again(row, retry if asked else was, failure, seconds=_backoff(row.attempts), **plainer)
            case Cause.TOO_MUCH if row.attempts < 4 and row.form == 0 and "slack_file" in failure.reason:  # noqa: PLR2004
                await self._again(row, State.WAITING, failure, seconds=1.0)  # the picture is not processed yet
            case Cause.TOO_MUCH if row.form < 2:  # noqa: PLR2004 - the last form
                _log.error("Slack refuses the blocks of a message", key=row.key, reason=failure.reason)
                await self._again(row, State.WAITING, failure, form=row.form + 1)
            case Cause.GONE if row.ts and row.reposts == 0:
                await self._again(row, State.WAITING, failure, ts="", place="", reposts=1)
            case Cause.GONE if row.in_thread_of and row.reposts == 0:
                await self._again(row, State.WAITING, failure, in_thread_of="", reposts=1)
            case _:
                await self._park(row, failure.reason)

    async def _again(self, row: Row, state: str, failure: Failure, *, seconds: float = 0.0, **values: Any) -> None:  # noqa: ANN401 - columns
        next_try = self._clock.now() + timedelta(seconds=seconds) if seconds else None
        if failure.cause in {Cause.RATE_LIMITED, Cause.UNAUTHORISED, Cause.UNSENT}:
            values["attempts"] = max(0, row.attempts - 1)
        await self._update(row, state=state, reason=failure.reason[:500], next_try=next_try, **values)

    async def _park(self, row: Row, reason: str) -> None:
        """Put a row aside. Nothing is posted about it: health and logs tell."""
        _log.error("a message is parked: Slack refuses it", key=row.key, reason=reason)
        METRICS.parked.inc()
        await self._update(row, state=State.PARKED, reason=reason[:500], next_try=None)

    async def _update(self, row: Row, **values: Any) -> None:  # noqa: ANN401 - columns
        async with self._store.write() as tx:
            values |= {"owner": "", "lease_until": None}
            await tx.conn.execute(self._while_ours(row).values(**values))

    def _while_ours(self, row: Row) -> sa.Update:
        """Change a row that we claimed, unless another process has taken it over since: then it says how it stands."""
        claim = (outbox.c.state == State.SENDING, outbox.c.owner == self._owner, outbox.c.attempts == row.attempts)
        return sa.update(outbox).where(outbox.c.id == row.id, *claim)

    def _note_edit(self, ident: int) -> None:
        self._edited[ident] = self._clock.monotonic()
        self._edited.move_to_end(ident)
        while len(self._edited) > 4096:  # noqa: PLR2004 - only keeps memory bounded
            self._edited.popitem(last=False)


def _parent_columns(parent: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    return [parent.c.ts.label("parent_ts"), parent.c.place.label("parent_place"), parent.c.state.label("parent_state")]


def _backoff(attempts: int) -> float:
    return min(_LONGEST_PAUSE, 2.0 ** min(attempts, 10))
