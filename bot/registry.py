"""The declared commands, by name, in the order in which help lists them."""

from collections.abc import Iterable, Iterator, Mapping
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

    Raises:
        ValueError: two commands have one name, or a name cannot be typed as one word.
        TypeError: a command's argument class cannot be parsed into; says why.
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands: dict[str, Command] = {}
        for command in commands:
            if command.name in self._commands:
                raise ValueError(f"there are two commands called {command.name!r}: rename one of them")
            if command.name != command.name.casefold() or not command.name.replace("-", "").isalnum():
                raise ValueError(f"{command.name!r} cannot be a command's name: one word in lower case")
            grammar_of(command.args)
            self._commands[command.name] = command

    def __getitem__(self, name: str) -> Command:
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)

    def find(self, word: str) -> Command:
        """Return the command that a typed word names; upper and lower case are the same.

        Raises:
            BadInput: "unknown_command", with what was probably meant.
        """
        found = self._commands.get(word) or self._commands.get(word.casefold())
        if found is not None:
            return found
        near = self.near(word)
        hint = f"Did you mean {near.name}?" if near else "help lists what you can ask."
        raise BadInput("unknown_command", f"{shown(word)} is no command. {hint}", moves=(_HELP,))

    def near(self, word: str) -> Command | None:
        """Return the command that a mistyped word most likely meant."""
        known = [name for name, command in self._commands.items() if not command.hidden]
        name = closest(word[:64].casefold(), known)
        return self._commands[name] if name else None


_HELP = Button(label="Help", command="help")


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
