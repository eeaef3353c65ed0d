"""A rig whose production asks for approval at once: nothing comes before it, and nothing is verified after it."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from integrations.capabilities.deploys import Running
from tests.deployments.rig import CONFIG, Rig, up

PLACE = ("checkout/production", "checkout", "production", "")


def quick() -> dict[str, Any]:
    """Return the configuration of a checkout without promotion order and verification."""
    config = copy.deepcopy(CONFIG)
    production = config["services"]["checkout"]["environments"][1]
    for name in ("promote_from", "verify"):
        production.pop(name)
    return config


def settle(rig: Rig) -> dict[str, str]:
    """Make the history, with 1.4.1 running in production; return the SHA of each tag."""
    shas = rig.history()
    rig.deploys.running[PLACE] = Running(sha=shas["v1.4.1"], version="v1.4.1")
    return shas


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, config=quick()) as made:
        settle(made)
        yield made
