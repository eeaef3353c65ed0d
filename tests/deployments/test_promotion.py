"""What may go on to the next environment: the commit that stands where it comes from, put there with success."""

import copy

import pytest

from bot.deployments.rules import State
from tests.deployments.rig import CONFIG, MIA, Rig, up


@pytest.fixture
async def rig(tmp_path):
    """A place before production that is verified and rolls itself back, by the metrics that `healthy` sets."""
    config = copy.deepcopy(CONFIG)
    staging, production = config["services"]["checkout"]["environments"]
    staging |= {"verify": copy.deepcopy(production["verify"]), "rollback": "automatic"}
    [metric] = staging["verify"]["metrics"]
    metric["query"] = metric["query"].replace("{environment}", "production")
    async with up(tmp_path, config=config) as made:
        yield made


async def rolls_back(rig: Rig, version: str):
    """Deploy a version that fails its verification, and heal the metrics again."""
    rig.healthy(0.31)
    reply = await rig.run(MIA, f"deploy checkout@{version}")
    await rig.reaches(reply.subject, State.ROLLED_BACK)
    rig.healthy()


async def test_the_version_that_was_gone_back_to_may_go_on(rig: Rig):
    rig.history()
    rig.healthy()
    await rig.deploy("v1.4.1")
    await rolls_back(rig, "v1.4.2")
    reply = await rig.run(MIA, "deploy checkout@v1.4.1 to production")
    await rig.reaches(reply.subject, State.AWAITING_APPROVAL)


async def test_the_version_that_was_rolled_back_may_not(rig: Rig):
    rig.history()
    rig.healthy()
    await rig.deploy("v1.4.1")
    await rolls_back(rig, "v1.4.2")
    error = await rig.refused(MIA, "deploy checkout@v1.4.2 to production")
    assert error.code == "not_promoted"
    assert "it runs" in str(error.text)
