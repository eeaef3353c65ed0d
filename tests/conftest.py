"""What all tests share: the fixtures of real servers and the settings of Hypothesis.

Nothing of the bot is imported here, so that a broken module fails the tests of that module and no others.
"""

import gc

import hypothesis
import pytest

pytest_plugins = ("tests.overdue", "tests.servers.fixtures")

# No test fails by the clock: this machine may be busy.
hypothesis.settings.register_profile("shipmate", deadline=None, print_blob=True)
hypothesis.settings.register_profile("deep", deadline=None, print_blob=True, max_examples=1000)  # make histories
hypothesis.settings.load_profile("shipmate")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the garbage collector look at what tests make, not at all that was collected, and not as often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
