"""Deployments written back to a Git host that shows them."""

import pytest

from bot.deployments.rules import State
from integrations.capabilities.delivery import Delivered, DeliveryNote
from integrations.errors import OutcomeUnknown, Refused
from tests.deployments.rig import MIA, Rig
from tests.fakes.git import FakeGit


class ShowingGit(FakeGit):
    """A Git host with a page of deployments. `trouble` is raised by the next calls, one after the other."""

    def __init__(self, instance: str) -> None:
        super().__init__(instance)
        self.notes: list[DeliveryNote] = []
        self.trouble: list[Exception] = []

    async def show_deployment(self, note: DeliveryNote) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.notes.append(note)

    async def set_check(self, *_: object, **__: object) -> None:
        raise AssertionError


@pytest.fixture
def host(rig: Rig) -> ShowingGit:
    made = ShowingGit(rig.git.instance)
    rig.toolbox.add(made)
    rig.git = made
    return made


async def told(rig: Rig, host: ShowingGit, state: Delivered) -> DeliveryNote:
    async def there() -> DeliveryNote | None:
        return next((note for note in host.notes if note.state is state), None)

    async def why() -> str:
        return f"{state} was expected: {host.notes}"

    found: DeliveryNote = await rig.until(there, why)
    return found


async def test_the_host_hears_how_a_deployment_goes(rig: Rig, host: ShowingGit):
    shas = rig.history()
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    note = await told(rig, host, Delivered.SUCCEEDED)
    assert (note.environment, note.ref, note.sha, note.is_tag) == ("staging", "v1.4.1", shas["v1.4.1"], True)
    assert {note.deployment for note in host.notes} == {begun.subject}


@pytest.mark.parametrize("trouble", [OutcomeUnknown("git", "no answer", request_id="x"), Refused("git", "archived")])
async def test_a_host_that_fails_holds_nothing_up(rig: Rig, host: ShowingGit, trouble: Exception):
    rig.history()
    host.trouble = [trouble]
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    await told(rig, host, Delivered.SUCCEEDED)
