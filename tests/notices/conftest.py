"""The rig of approvals, with the notices that a running bot has."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.identity import Person
from bot.notices import workflow
from bot.notices.notices import Notices
from tests.approvals.conftest import quick, settle
from tests.deployments.rig import Rig, up


async def berlin(_person: Person) -> str:
    """Return where everybody here lives."""
    return "Europe/Berlin"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, config=quick()) as made:
        notices = Notices(made.store, made.clock, made.outbox, berlin, lambda: timedelta(minutes=2))
        made.outbox.holder = notices
        made.world.add(notices)
        workflow.bind(notices)
        settle(made)
        yield made
