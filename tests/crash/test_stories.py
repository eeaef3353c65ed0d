"""kill -9 after every durable write and every call that changes something: each story is sound in the end."""

from pathlib import Path

import pytest

from tests.crash.life import dies_everywhere
from tests.crash.stories import STORIES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PARTS = [(name, part) for name, story in STORIES.items() for part in story.parts]


@pytest.mark.parametrize(("name", "part"), PARTS, ids=["-".join(each) for each in PARTS])
async def test_killed_after_every_write(tmp_path: Path, name: str, part: str):
    story = STORIES[name]
    async with story.town(tmp_path, lambda _settings: None) as told:
        killed = await dies_everywhere(told.life, story.deadly(part), told.tell)
    assert killed, "it was killed somewhere"
