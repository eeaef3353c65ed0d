"""docs/commands.md tells of every command what its declaration says, and every example works."""

import re
from pathlib import Path

import pytest

from bot import arguments
from bot.arguments import Incomplete
from bot.command import Command
from commands.registry import COMMANDS, registry

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
SHOWN = [command for command in COMMANDS if not command.hidden]


def section(command: Command) -> str:
    """Return what the page says of one command."""
    found = re.search(rf"^### {re.escape(command.name)}\n(.*?)(?=^###? |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section “### {command.name}”"
    return found[1]


@pytest.mark.parametrize("command", SHOWN, ids=lambda command: command.name)
def test_the_page_says_what_the_declaration_says(command: Command):
    told = section(command)
    assert command.summary in told
    assert f"\n```\n{arguments.usage(command)}\n```\n" in told
    assert f"`{command.permission}`" in told
    for slot in arguments.grammar_of(command.args).slots.values():
        assert slot.arg.help in told, slot.name
    for example in command.examples:
        assert f"`{example}`" in told


def test_the_page_tells_of_no_command_that_is_not_there():
    assert set(re.findall(r"^### (.+)$", PAGE, re.MULTILINE)) == {command.name for command in SHOWN}


@pytest.mark.parametrize(
    ("command", "example"), [(command, example) for command in COMMANDS for example in command.examples]
)
def test_every_example_can_be_typed(command: Command, example: str):
    name, words = registry().split(example)
    assert registry().find(name) is command
    assert not isinstance(arguments.parse(command, words), Incomplete)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_says_what_it_does(command: Command):
    assert command.summary.endswith(".")
    assert len(command.summary) < 120
