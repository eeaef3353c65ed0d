"""`arguments` makes what `dataclass(frozen=True, kw_only=True)` makes."""

import copy
import dataclasses
import pickle

import pytest

from bot.command import NoArgs, arguments


@arguments
class Order:
    """What to bring, and how much of it."""

    what: str
    count: int = 1
    notes: list[str] = dataclasses.field(default_factory=list)


def test_reads_as_a_dataclass():
    order = Order(what="tea")
    assert dataclasses.is_dataclass(order)
    assert dataclasses.asdict(order) == {"what": "tea", "count": 1, "notes": []}
    assert repr(order) == "Order(what='tea', count=1, notes=[])"


def test_compares_by_value():
    assert Order(what="tea") == Order(count=1, what="tea")
    assert Order(what="tea") != Order(what="tea", count=2)
    other: object = NoArgs()
    assert Order(what="tea") != other
    assert hash(NoArgs()) == hash(NoArgs())


def test_is_copied_and_changed_as_one():
    order = Order(what="tea", count=2)
    assert dataclasses.replace(order, count=3) == Order(what="tea", count=3)
    assert copy.deepcopy(order) == order
    assert pickle.loads(pickle.dumps(order)) == order  # noqa: S301 - its own


def test_shares_no_default_between_two():
    assert Order(what="tea").notes is not Order(what="tea").notes


@pytest.mark.parametrize(
    ("given", "why"), [({}, "needs what"), ({"what": "tea", "size": 1, "of": 2}, "has no size, of")]
)
def test_says_what_does_not_fit(given, why):
    with pytest.raises(TypeError, match=f"Order {why}"):
        Order(**given)


def test_cannot_be_changed():
    order = Order(what="tea")
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"Order\.count"):
        setattr(order, "count", 2)  # noqa: B010 - type checkers know that it cannot be
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"Order\.count"):
        del order.count
