"""A pager in memory: it keeps what it took, refuses what it is told to refuse, and can be asked."""

import asyncio
from collections.abc import Callable, Set as AbstractSet
from dataclasses import dataclass, field

from integrations.capabilities.paging import Delivery, Page, Receipt, Way
from integrations.contract import Pong
from integrations.errors import OutcomeUnknown, Refused


@dataclass(frozen=True, slots=True)
class Taken:
    """One page that was taken."""

    way: Way
    to: str
    page: Page


@dataclass
class FakePager:
    """Takes pages. `fails` may raise before a page is taken, `loses` after; `deaf` cannot be asked."""

    instance: str
    ways: AbstractSet[Way] = frozenset(Way)
    delivery: Delivery = Delivery.DELIVERED
    fails: Callable[[Way, str], None] = lambda _way, _to: None
    loses: Callable[[Way, str], None] = lambda _way, _to: None
    deaf: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[Taken] = field(default_factory=list)
    settlements: list[tuple[str, str, bool]] = field(default_factory=list)
    known: dict[str, Receipt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open.set()

    async def ping(self) -> Pong:
        return Pong(version="fake")

    async def close(self) -> None:
        pass

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        await self.open.wait()
        self._check(way)
        self.fails(way, to)
        self.taken.append(Taken(way, to, page))
        receipt = Receipt(ref=f"ref-{len(self.taken)}", delivery=self.delivery)
        self.known[page.id] = receipt
        self.loses(way, to)
        return receipt

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        self._check(way)
        if self.deaf:
            raise OutcomeUnknown(self.instance, "it cannot be asked", request_id=page_id)
        return self.known.get(page_id)

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        self.settlements.append((to, subject, resolved))

    def ids(self) -> list[str]:
        """Return the ids of what was taken, in order."""
        return [one.page.id for one in self.taken]

    def told(self) -> list[tuple[str, str]]:
        """Return (way, subject) of what was taken, in order."""
        return [(one.way.value, one.page.subject) for one in self.taken]

    def _check(self, way: Way) -> None:
        if way not in self.ways:
            raise Refused(self.instance, f"does not page by {way}")
