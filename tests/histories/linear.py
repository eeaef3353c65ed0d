"""Whether a history of concurrent operations is explained by some order of them, one after the other.

The operations of a batch all overlap. Each has told its caller something, or failed so that the caller knows nothing;
what the log of all changes holds is the witness: a legal order has to leave exactly its entries, in their order.
The search is that of Wing and Gong (doi:10.1006/jpdc.1993.1015), with states already met left out.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
O = TypeVar("O")  # noqa: E741 - operation
E = TypeVar("E")


@dataclass
class Unexplained(Exception, Generic[S, O, E]):
    """No order explains what was seen."""

    before: frozenset[S]
    operations: Sequence[O]
    entries: Sequence[E]
    furthest: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = ["no order of these operations explains what was answered and logged:"]
        lines += [f"  {one}" for one in self.operations]
        lines += ["log:", *(f"  {one}" for one in self.entries)]
        lines += ["states before:", *(f"  {one}" for one in self.before)]
        return "\n".join([*lines, "explained at most:", *self.furthest])


def explain(
    before: frozenset[S],
    operations: Sequence[O],
    entries: Sequence[E],
    ways: Callable[[S, O, Sequence[E]], Iterable[tuple[S, int]]],
) -> frozenset[S]:
    """Return the states in which the operations may have left things.

    `ways(state, operation, entries)` yields what an operation may do in a state so that its answer and the next entries
    of the log are as seen: the state after it, and how many of the entries are its own.

    Raises:
        Unexplained: there is no such order.
    """
    search = _Search(operations, entries, ways)
    for state in before:
        search.go_on(state, 0, 0, ())
    if search.ends:
        return frozenset(search.ends)
    raise Unexplained(before, operations, entries, search.furthest)


class _Search(Generic[S, O, E]):
    """Tries every order; a place is a state, which operations are done, and how many entries are explained."""

    def __init__(
        self,
        operations: Sequence[O],
        entries: Sequence[E],
        ways: Callable[[S, O, Sequence[E]], Iterable[tuple[S, int]]],
    ) -> None:
        self._operations = operations
        self._entries = entries
        self._ways = ways
        self._met: set[tuple[S, int, int]] = set()
        self.ends: set[S] = set()
        self.furthest: list[str] = []

    def go_on(self, state: S, done: int, logged: int, told: tuple[str, ...]) -> None:
        if len(told) >= len(self.furthest):
            self.furthest = [*told, f"  then {state}"]
        if done == (1 << len(self._operations)) - 1 and logged == len(self._entries):
            self.ends.add(state)
        for number, operation in enumerate(self._operations):
            if done & 1 << number:
                continue
            for after, left in self._ways(state, operation, self._entries[logged:]):
                place = (after, done | 1 << number, logged + left)
                if place not in self._met:
                    self._met.add(place)
                    self.go_on(*place, (*told, f"  {operation}"))
