"""Locks under concurrency and faults: every history is that of some order, one holder at most, log and rows agree."""

import pytest

from tests.histories.depth import depth
from tests.histories.locks import LockHistory

pytestmark = pytest.mark.timeout(300)  # a busy machine

TestLocks = LockHistory.TestCase
TestLocks.settings = depth(examples=12, steps=10)
