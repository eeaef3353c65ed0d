"""The connected tools, by name and by what they can do."""

import pytest

from bot.errors import BadInput, Degraded
from bot.toolbox import Toolbox
from integrations.capabilities.git import GitHost
from integrations.capabilities.metrics import MetricsSource
from integrations.contract import Adapter, Pong


class Metrics:
    """An adapter that measures."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.closed = False

    async def ping(self) -> Pong:
        return Pong()

    async def close(self) -> None:
        self.closed = True

    async def query(self, expression: str, at: object = None) -> list[object]:
        return []

    async def query_range(self, *args: object, **options: object) -> list[object]:
        return []


@pytest.fixture
def toolbox() -> Toolbox:
    made = Toolbox()
    made.add(Metrics("prom"))
    made.note_broken("jenkins-eu", "the credentials are wrong")
    return made


def test_an_instance_is_found_by_what_it_can_do(toolbox: Toolbox) -> None:
    found = toolbox.get(MetricsSource, "prom")
    assert isinstance(found, Adapter)
    assert found.instance == "prom"


def test_what_cannot_be_had_says_why(toolbox: Toolbox) -> None:
    with pytest.raises(Degraded, match="jenkins-eu is not connected: the credentials are wrong"):
        toolbox.get(MetricsSource, "jenkins-eu")
    with pytest.raises(BadInput, match=r"Did you mean prom\?") as caught:
        toolbox.get(MetricsSource, "prm")
    assert caught.value.code == "unknown_integration"
    with pytest.raises(BadInput, match="prom is no GitHost") as caught:
        toolbox.get(GitHost, "prom")
    assert caught.value.code == "missing_capability"


async def test_a_repaired_instance_is_no_longer_broken_and_all_are_closed(toolbox: Toolbox) -> None:
    toolbox.add(repaired := Metrics("jenkins-eu"))
    assert toolbox.broken() == {}
    await toolbox.close()
    assert repaired.closed
    assert toolbox.adapters() == {}
