"""Decisions about one place under concurrency and faults: one at a time, first come first served, no click lost."""

from tests.histories.depth import depth
from tests.histories.place import PlaceHistory

TestPlace = PlaceHistory.TestCase
TestPlace.settings = depth(examples=10, steps=10)
