"""One wish for each command and service: its own example, with the names of that service's things in it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from bot import arguments
from bot.arguments import Explain, Incomplete, Slot, grammar_of
from bot.command import Command

FILLED = {
    "service": "checkout",
    "deployment": "D-1042",
    "alert": "A-7",
    "release": "R-88",
    "run": "B-12",
    "subject": "D-1042",
    "change": "D-1042",
    "environment": "staging",
}
"""What stands for an argument that must be given, for commands that show no example; "x" for all others."""

SOMEWHERE = frozenset({"oncall mine"})
"""What is asked on whatever service one may see."""

EVERYTHING = frozenset({"audit"})
"""What is asked on nothing in particular, though its example names something."""


class Wish(NamedTuple):
    """What is typed, the same as arguments by name, and what its permission is asked on."""

    command: Command
    line: str
    args: Mapping[str, str]
    about: str


def wish(command: Command, service: str, names: Mapping[str, str]) -> Wish:
    """Return the wish of a command about a service whose things are called so."""
    known = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    examples = [one for one in command.examples if known.search(one)] or command.examples
    words = (examples[0] if examples else f"{command.name} {_filled(command)}").removeprefix(command.name).strip()
    words = known.sub(lambda found: names[found[0]], words)
    meant = arguments.parse(command, words)
    assert not isinstance(meant, Incomplete | Explain), f"{command.name} {words}"
    named = re.search("|".join(re.escape(name) for name in names.values()), words) is not None
    about = service if named and command.name not in EVERYTHING else "everything"
    if command.name in SOMEWHERE:
        about = "anything"
    return Wish(command, f"{command.name} {words}".strip(), arguments.as_mapping(command, meant), about)


def _filled(command: Command) -> str:
    given = {name: _sample(slot) for name, slot in grammar_of(command.args).slots.items() if slot.required}
    return arguments.line(command, arguments.build(command, given)).removeprefix(command.name) if given else ""


def _sample(slot: Slot) -> str:
    return FILLED.get(slot.name) or ("1" if slot.kind is int else "x")
