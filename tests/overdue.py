"""The net below pytest-timeout: a test process that hangs all the same tells where, and ends.

pytest-timeout raises an exception, once. What takes it for its own, or waits again while it is cleaned up after it,
goes on for ever; and after a test has failed there is no limit at all. Here Python's faulthandler, a thread of its own
that needs no interpreter, writes all stacks and ends the process: pytest-xdist names the test and starts another.
"""

import faulthandler
import os
import sys
from collections.abc import Generator

import pytest

_STDERR = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("overdue_seconds", "how long after its timeout a test may be cleaned up", type="string", default="60")


def pytest_configure(config: pytest.Config) -> None:
    assert sys.__stderr__ is not None
    config.stash[_STDERR] = os.dup(sys.__stderr__.fileno())  # not what a test's output is captured in


def pytest_unconfigure(config: pytest.Config) -> None:
    faulthandler.cancel_dump_traceback_later()
    os.close(config.stash[_STDERR])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _arm(item.config, _timeout(item))
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    _arm(item.config, _timeout(item))  # anew: pytest takes the limits away from a test that has failed
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    if hasattr(session.config, "workerinput"):  # as one that waits for its workers it may wait long
        _arm(session.config, float(session.config.getini("timeout")))
    return (yield)


def _arm(config: pytest.Config, seconds: float) -> None:
    late = seconds + float(config.getini("overdue_seconds"))
    faulthandler.dump_traceback_later(late, file=config.stash[_STDERR], exit=True)


def _timeout(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0] if marker else item.config.getini("timeout"))
