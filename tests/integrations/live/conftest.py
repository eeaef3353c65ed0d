"""Fixtures: the tools, each started or named once, and a place of its own in them for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integrations import waiting
from tests.integrations.live.gitlab import Group
from tests.integrations.live.jenkins import Folder
from tests.integrations.live.targets import DEADLINE, Target, real_ones, target


@pytest.fixture(scope="session")
def jenkins_target() -> Iterator[Target]:
    with target("jenkins") as found:
        yield found


@pytest.fixture(scope="session")
def gitlab_target() -> Iterator[Target]:
    with target("gitlab") as found:
        yield found


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs of a real tool take their time."""
    if real_ones():
        monkeypatch.setattr(waiting, "DEADLINE", DEADLINE)


@pytest.fixture
async def folder(jenkins_target: Target) -> AsyncIterator[Folder]:
    async with Folder(jenkins_target) as made:
        yield made


@pytest.fixture
async def group(gitlab_target: Target, tmp_path: Path) -> AsyncIterator[Group]:
    async with Group(gitlab_target, tmp_path) as made:
        yield made
