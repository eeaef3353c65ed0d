"""`Releases`: all of it, made of its parts, put above deployments, and bound to the workflow."""

from collections.abc import AsyncIterator
from typing import Any

from bot.releases import records, workflow
from bot.releases.beginnings import Beginnings
from bot.releases.effects import Effects
from bot.releases.ledger import CUT, Ledger
from bot.releases.overview import Overview
from bot.releases.parts import Parts
from bot.releases.promotions import Promotions
from bot.releases.proposals import Proposals
from bot.releases.road import Road
from bot.releases.sign_offs import SignOffs
from bot.reply import Message


class Releases:
    """What commands and the composition root use."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ledger = Ledger(parts)
        self._road = Road(self._ledger)
        self.proposals = Proposals(parts)
        self.beginnings = Beginnings(self._ledger, self.proposals)
        self.overview = Overview(self._ledger)
        self.sign_offs = SignOffs(self._ledger)
        self.promotions = Promotions(parts, self.overview)
        above = parts.deployments.above
        above.named = self.overview.named
        above.judges += [self.sign_offs.judge_artifact, self.sign_offs.judge]
        above.on_end.append(self.sign_offs.ended)

    @property
    def ledger(self) -> Ledger:
        """What moves releases."""
        return self._ledger

    def bind(self) -> None:
        """Give the workflow what it works with; called before the engine is launched."""
        workflow.bind(workflow.Bound(self._road, Effects(self._ledger)))

    async def parked(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        """Note on a release that its workflow stands still; told by the engine."""
        del workflow_id
        if name != CUT:
            return
        async with self._parts.store.write() as tx:
            await self._road.park(tx, str(args[0]), why, attempt=int(args[1]))

    async def reconcile(self) -> int:
        """Want again, idempotently, what every unfinished release needs; return how many there are. Called at start."""
        async with self._parts.store.read() as conn:
            unfinished = await records.unfinished(conn)
        for release in unfinished:
            if release.parked_at is None:
                async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
                    await book.want(release)
        return len(unfinished)

    def follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a release whenever it changes, until it has ended."""
        return self.overview.follow(subject)
