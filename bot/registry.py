"""The declared commands, by name, in the order in which help lists them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata

from bot.arguments import grammar_of, shown
from bot.closest import closest
from bot.command import Command
from bot.errors import BadInput
from bot.reply import Button

OPEN = "open"
"""The permission of what everybody of our team may ask, and whoever else a grant names: help and health."""

ENTRY_POINTS = "shipmate.commands"
"""Where installed packages offer commands: each entry point names one `Command` or several in a tuple."""


class Registry(Mapping[str, Command]):
    """Commands by name. Every declaration is read once here, so that a wrong one fails at start.

    A name of two words belongs to a group: "build run" and "build logs" are commands of the group "build".

    Raises:
        ValueError: two commands have one name, a name is not of one or two words, or is a group's as well.
        TypeError: a command's argument class cannot be parsed into; says why.
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands: dict[str, Command] = {}
        self._groups: dict[str, list[Command]] = {}
        for command in commands:
            if command.name in self._commands:
                raise ValueError(f"there are two commands called {command.name!r}: rename one of them")
            if _NAME.fullmatch(command.name) is None:
                raise ValueError(f"{command.name!r} cannot be a command's name: one or two words in lower case")
            grammar_of(command.args)
            self._commands[command.name] = command
            group, _, member = command.name.partition(" ")
            if member:
                self._groups.setdefault(group, []).append(command)
        if both := self._commands.keys() & self._groups.keys():
            raise ValueError(f"{min(both)!r} is a command and a group of commands: rename one of them")

    def __getitem__(self, name: str) -> Command:
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)

    @property
    def groups(self) -> Mapping[str, Sequence[Command]]:
        """The groups by their word, each with its commands in the order of help."""
        return self._groups

    def find(self, word: str) -> Command:
        """Return the command that a typed word names; upper and lower case are the same.

        Raises:
            BadInput: "unknown_command", with what was probably meant.
        """
        found = self._commands.get(word) or self._commands.get(word.casefold())
        if found is not None:
            return found
        near = self.near(word)
        members = self._groups.get(word.partition(" ")[0].casefold(), ())
        if near:
            hint = f"Did you mean {near.name}?"
        elif members:
            hint = f"There are {', '.join(one.name for one in members if not one.hidden)}."
        else:
            hint = "help lists what you can ask."
        raise BadInput("unknown_command", f"{shown(word)} is no command. {hint}", moves=(_HELP,))

    def near(self, word: str) -> Command | None:
        """Return the command that a mistyped word, or two words of a group, most likely meant."""
        typed = word[:64].casefold()
        known = [name for name, command in self._commands.items() if not command.hidden]
        first, _, second = typed.partition(" ")
        group = closest(first, self._groups) if second else None
        if group is not None:
            known = [name for name in known if name.startswith(f"{group} ")]
            member = closest(second, [name.removeprefix(f"{group} ") for name in known])
            return self._commands[f"{group} {member}"] if member else None
        name = closest(typed, known)
        return self._commands[name] if name else None

    def split(self, text: str) -> tuple[str, str]:
        """Return the command's name, of one or two words, and the words behind it: the longest name that fits.

        Of a line that begins with a mistyped group the first two words are taken for the name, so that `near` can
        tell what they meant.
        """
        name, words = _first_word(text)
        if name in self._commands or not words:
            return name, words
        if name not in self._groups:
            near = closest(name[:64], [*self._commands, *self._groups])
            if near not in self._groups:
                return name, words
        second, behind = _first_word(words)
        return f"{name} {second}", behind


_HELP = Button(label="Help", command="help")
_NAME = re.compile(r"(?!-)[a-z0-9-]+(?: (?!-)[a-z0-9-]+)?")


def _first_word(text: str) -> tuple[str, str]:
    first, *rest = text.split(None, 1) or [""]
    return first.strip("`\"'/").rstrip(":,.!?").casefold(), rest[0] if rest else ""


def installed() -> Iterator[Command]:
    """Yield the commands that installed packages offer.

    Raises:
        TypeError: an entry point holds something else; names it.
        ImportError: it cannot be imported; the error says of which package.
    """
    for point in metadata.entry_points(group=ENTRY_POINTS):
        offered = point.load()
        for command in (offered,) if isinstance(offered, Command) else tuple(offered):
            if not isinstance(command, Command):
                owner = point.dist.name if point.dist else "an installed package"
                raise TypeError(f"{point.value} of {owner} is no command: declare it with bot.command.command")
            yield command
