"""Does what an operator said of something that was in flight: in the transaction that keeps the answer."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from bot.builds import records as build_records
from bot.builds.ledger import Said as BuildSaid
from bot.builds.rules import UNDER_WAY as BUILDING, State as BuildState
from bot.catalog import Place
from bot.command import Call
from bot.deployments import places, records as deployment_records
from bot.deployments.decisions import want_for
from bot.deployments.ledger import Said
from bot.deployments.plan import Release
from bot.deployments.records import deployments
from bot.deployments.rules import HOLDING, State
from bot.errors import BadInput
from bot.releases import records as release_records
from bot.releases.rules import UNDER_WAY as CUTTING, State as ReleaseState
from bot.restoring.parts import Parts
from bot.restoring.records import Item
from bot.restoring.rules import Answer, Kind
from bot.slack.records import State as Told, outbox
from bot.store import Tx
from bot.store.generation import JUMP
from integrations.capabilities.deploys import Deployer, Running

GIVEN_UP: Final = "given_up"
_WORKING = frozenset({State.PLANNING, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK})
_ENDS: Mapping[State, State] = {
    State.PLANNING: State.CANCELLED,
    State.AWAITING_APPROVAL: State.CANCELLED,
    State.QUEUED: State.CANCELLED,
    State.DEPLOYING: State.FAILED,
    State.VERIFYING: State.FAILED,
    State.ROLLING_BACK: State.ROLLBACK_FAILED,
}

Deed = Callable[[Tx], Awaitable[None]]


async def put_behind(tx: Tx) -> None:
    """Have claims go on far behind those that were made since the copy: places refuse older ones.

    Both sides of a claim that is held move by the same, so it stays held.
    """
    await tx.conn.execute(sa.update(places.places).values(fence=places.places.c.fence + JUMP))
    holding = deployments.c.state.in_([state.value for state in HOLDING])
    await tx.conn.execute(sa.update(deployments).where(holding).values(fence=deployments.c.fence + JUMP))


async def keep_back(tx: Tx, hold: datetime) -> None:
    """Have no message of before leave until somebody says so; those of the hold itself may."""
    unsaid = outbox.c.state.in_([Told.WAITING, Told.SENDING, Told.DOUBT]) & (outbox.c.wanted_at < hold)
    await tx.conn.execute(sa.update(outbox).where(unsaid).values(state=Told.HELD, owner="", lease_until=None))


class Outcomes:
    """What each answer does."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def prepare(self, call: Call, item: Item, answer: Answer) -> Deed:
        """Ask the tools what has to be known, and return what is to be done in the transaction.

        Raises:
            IntegrationError: a tool does not say now what runs.
        """
        if item.kind is not Kind.PLACE:
            return lambda tx: self._do(tx, call, item, answer)
        if answer is not Answer.DONE:
            return _nothing
        place = Place(item.service, item.environment, item.target)
        job = self._parts.catalog().environment(place).deploy
        deployer = self._parts.toolbox.get(Deployer, job.instance)
        running = await deployer.get_running(job.job, place.service, place.environment, place.target)
        return lambda tx: self._adopt(tx, call, place, running)

    async def _do(self, tx: Tx, call: Call, item: Item, answer: Answer) -> None:
        match item.kind:
            case Kind.DEPLOYMENT:
                await self._deployment(tx, call, item.id, answer)
            case Kind.BUILD:
                await self._build(tx, call, item.id, answer)
            case Kind.RELEASE:
                await self._release(tx, call, item.id, answer)
            case Kind.LOCK if answer is Answer.GIVE_UP:
                await self._parts.locks.drop(tx, item.id, call.person, call.request_id)
            case Kind.PAGING if answer is Answer.GIVE_UP:
                await self._parts.paging.give_up(tx, item.id, "given up after a restore", call.person)
            case Kind.MESSAGES:
                # One that left after the copy was made is found by its mark in Slack, and not sent again.
                now = Told.DOUBT if answer is Answer.CARRY_ON else Told.PARKED
                why = "" if answer is Answer.CARRY_ON else "given up after a restore"
                held = sa.update(outbox).where(outbox.c.state == Told.HELD)
                await tx.conn.execute(held.values(state=now, reason=why, next_try=None))
            case _:
                pass  # it stands as it is

    async def _deployment(self, tx: Tx, call: Call, ident: str, answer: Answer) -> None:
        async with self._parts.deployments.ledger.open(tx) as book:
            one = await deployment_records.get(tx.conn, ident)
            if one is None or one.ended:
                return
            if answer is Answer.CARRY_ON:
                if one.state in _WORKING:
                    again = await deployment_records.change(
                        tx, ident, [one.state], attempt=one.attempt + 1, parked_why="", parked_at=None
                    )
                    if again is not None:
                        await want_for(tx, again)
                        await book.show(again)
                return
            who = f"@{self._parts.name_of(call.person)}"
            if answer is Answer.DONE:
                back = one.state is State.ROLLING_BACK
                to, running = (State.ROLLED_BACK, one.previous) if back else (State.SUCCEEDED, one.release)
                said = Said(text=f"found done after a restore, says {who}", person=call.person)
            else:
                to, running = _ENDS[one.state], None
                said = Said(text=f"given up after a restore by {who}", person=call.person, code=GIVEN_UP)
            await book.end(one, to, said, at=[one.state], running=running)

    async def _build(self, tx: Tx, call: Call, ident: str, answer: Answer) -> None:
        async with self._parts.builds.ledger.open(tx) as book:
            one = await build_records.get(tx.conn, ident)
            if one is None or one.ended:
                return
            if answer is Answer.CARRY_ON:
                again = await build_records.change(
                    tx, ident, BUILDING, attempt=one.attempt + 1, parked_why="", parked_at=None
                )
                if again is not None:
                    await book.want(again)
                return
            words = f"given up after a restore by @{self._parts.name_of(call.person)}"
            await book.move(one, BuildState.CANCELLED, BuildSaid(text=words, person=call.person, code=GIVEN_UP))

    async def _release(self, tx: Tx, call: Call, ident: str, answer: Answer) -> None:
        async with self._parts.releases.ledger.open(tx) as book:
            one = await release_records.get(tx.conn, ident)
            if one is None or one.state not in CUTTING:
                return
            if answer is Answer.CARRY_ON:
                again = await release_records.change(
                    tx, ident, CUTTING, attempt=one.attempt + 1, parked_why="", parked_at=None
                )
                if again is not None:
                    await book.want(again)
                return
            words = f"given up after a restore by @{self._parts.name_of(call.person)}"
            await book.move(one, ReleaseState.FAILED, BuildSaid(text=words, person=call.person, code=GIVEN_UP))

    async def _adopt(self, tx: Tx, call: Call, place: Place, running: Running | None) -> None:
        if running is None:
            raise BadInput("place_empty", f"Nothing runs on {place} now. Leave the record, and deploy.")
        standing = await places.hold(tx, place)
        if standing.holder or standing.running.sha == running.sha:
            return
        release = Release(sha=running.sha, version=running.version)
        await places.note_running(tx, place, release, at=running.since, by=call.person, added=[running.sha])


async def _nothing(_tx: Tx) -> None:
    """Leave it as it is."""
