"""What the commands of the road declare: on what a permission is asked, what a reaction may not do, what is hidden."""

from pathlib import Path
from typing import Any

import pytest

from bot import arguments
from bot.command import Call, Effect, Invocation, Resource, Trigger
from bot.errors import BadInput
from commands.registry import registry
from tests.deployments.rig import MIA, Rig, up

COMMANDS = registry()


async def resource(rig: Rig, text: str) -> Resource:
    """Return on what the permission for this line is asked."""
    name, _, words = text.partition(" ")
    command = COMMANDS[name]
    given: Any = arguments.parse(command, words)
    now = rig.clock.now()
    invocation = Invocation(delivery_id="d", trigger=Trigger.SLASH, person=MIA, at=now)
    assert command.resource is not None
    return await command.resource(Call(invocation, rig.world, now), given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deploy checkout@1.4.2", Resource("checkout", "staging")),
        ("deploy checkout@1.4.2 to PROD", Resource("checkout", "production")),
        ("rollback checkout in stage to 1.4.1", Resource("checkout", "staging")),
        ("lock checkout prod", Resource("checkout", "production")),
        ("lock everything", Resource()),
        ("unlock Checkout", Resource("checkout", "staging")),
        ("where", Resource()),
        ("where checkout", Resource("checkout")),
        ("where a1b2c3d", Resource()),
        ("deploys", Resource()),
        ("deploys checkout in prod", Resource("checkout", "production")),
    ],
)
async def test_a_permission_is_asked_on_what_is_meant(tmp_path: Path, text: str, expected: Resource):
    async with up(tmp_path, engine=False) as rig:
        assert await resource(rig, text) == expected


@pytest.mark.parametrize("text", ["approve D-1", "reject D-1 no", "cancel D-1", "plan D-1", "retry D-1", "keep D-1"])
async def test_what_is_not_there_is_refused_before_it_is_allowed(tmp_path: Path, text: str):
    async with up(tmp_path, engine=False) as rig:
        with pytest.raises(BadInput) as caught:
            await resource(rig, text)
        assert caught.value.code == "unknown_deployment"


def test_what_decides_is_never_done_by_a_reaction():
    deciding = {name for name, command in COMMANDS.items() if command.decides}
    assert deciding >= {"deploy", "rollback", "approve", "reject", "cancel", "unlock", "take-over", "keep", "retry"}
    assert all(COMMANDS[name].effect is Effect.CHANGE for name in deciding)


@pytest.mark.parametrize(
    "name", ["deploy", "rollback", "approve", "reject", "cancel", "where", "deploys", "lock", "unlock"]
)
def test_examples_can_be_typed(name: str):
    command = COMMANDS[name]
    assert command.examples
    for example in command.examples:
        first, _, words = example.partition(" ")
        assert first == name
        assert not isinstance(arguments.parse(command, words), arguments.Incomplete)
