"""Decisions about one place under concurrency and faults: one at a time, first come first served, no click lost."""

import pytest

from tests.histories.depth import depth
from tests.histories.place import PlaceHistory

pytestmark = pytest.mark.timeout(300)  # a busy machine

TestPlace = PlaceHistory.TestCase
TestPlace.settings = depth(examples=10, steps=10)
