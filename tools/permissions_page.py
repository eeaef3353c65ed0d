"""The page of permissions: who needs what for which command, and what mentions, reactions and tokens may do of it."""

import re
from collections.abc import Iterable, Iterator, Mapping

from bot.access.rules import NEVER
from bot.arguments.slots import grammar_of
from bot.command import Command
from bot.registry import OPEN

_BEFORE = re.compile(r"^what (?:a|the) permission(?: to [a-z ]+)? is asked on(?: from|:|,)? ?")
_NAMED = re.compile(r"when the argument `(\w+)` names")
_BEHIND = re.compile(r": what a permission is asked on$")
_PLACE = ("service", "environment", "target")
_HEAD = """# Permissions

Which permission each command needs, and on what it is asked. Grants are told in
[configuration.md](configuration.md#permissions), what proves who asks in [security.md](security.md#who-asks). This page
is written by `make reference` from the code.

Every way to ask meets the same decision: slash command, mention, button, reaction, form, and terminal with a token or
signed in. A test asks for every command in every way, for owners, requesters, people on call, readers, people without
grants, guests, people of other organisations, deactivated accounts, bots and service accounts
([tests/matrix](../tests/matrix/test_matrix.py)). What differs is this alone:

- a command that **decides** is offered as a button where a mention or a reaction asked for it, because anybody's token
  can make those;
- a shortcut opens the form and decides nothing; submitting the form does;
- a terminal's token can be narrowed further (`terminal.tokens`), and never widened;
- what only a person may do (approve, merge, take a page) is refused to service accounts by the command itself.

`open` is granted to nobody: it is for everybody of the team, and the command itself tells what is whose. Where *asked
on* says *everything*, only a grant without `services` (or with `"*"`) covers it.

"""


def page(declared: Iterable[Command]) -> str:
    """Return the page of these commands."""
    commands = sorted(declared, key=lambda one: one.name)
    by_permission: dict[str, list[str]] = {}
    for one in commands:
        by_permission.setdefault(one.permission, []).append(one.name)
    rows = ["| command | permission | asked on | by mention or reaction |", "|---|---|---|---|"]
    rows += [_row(one) for one in commands]
    return (
        _HEAD
        + "## By command\n\n"
        + "\n".join(rows)
        + "\n\n## By permission\n\n"
        + "\n".join(_held(by_permission))
        + "\n"
    )


def _row(one: Command) -> str:
    name = f"`{one.name}`" + (" (a button)" if one.hidden else "")
    offered = "a button to press" if one.decides else "done"
    return f"| {name} | `{one.permission}` | {_asked_on(one)} | {offered} |"


def _asked_on(one: Command) -> str:
    if one.permission == OPEN:
        return "nothing"
    if one.resource is not None:
        told = (one.resource.__doc__ or "").strip().partition("\n")[0].removeprefix("Return ").rstrip(".")
        told = _BEFORE.sub("", _BEHIND.sub("", told)).replace("|", "or")
        found = _NAMED.match(told)
        return f"the place of the `{found[1]}` that is named" if found else told
    named = [name for name in _PLACE if name in grammar_of(one.args).slots]
    return "the " + ", ".join(f"`{name}`" for name in named) + " that is named" if named else "*everything*"


def _held(by_permission: Mapping[str, list[str]]) -> Iterator[str]:
    yield "| permission | commands | can be [lent for a while](security.md#rights-for-a-while) |"
    yield "|---|---|---|"
    for permission, names in sorted(by_permission.items()):
        lent = "no" if permission in {OPEN, *NEVER} else "yes"
        yield f"| `{permission}` | {', '.join(f'`{name}`' for name in names)} | {lent} |"
