"""Bolt for JavaScript and Bolt for Python run a beginner's app in the local workspace, in both modes."""

import pytest

from tests.clients.beginner import Beginner, story


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["socket", "http"])
@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_the_app_of_the_guide_works(people, processes, language, mode):
    beginner = await Beginner.start(people, processes, language, mode)
    await story(beginner, mode)
