"""What a command's argument class declares, read once: which words go where.

A declaration that cannot work is a mistake of ours and fails when the registry is made, not when somebody types.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Union

from msgspec import Struct

from bot.arguments.values import KINDS
from bot.command import Arg, Command, Pairs

PLACE_WORDS = ("to", "in", "on")
"""People use them for one another: each that no argument claims leads to the argument that one of the others names."""


class Slot(Struct, frozen=True, kw_only=True):
    """One argument: its declaration and type. `label` is what usage calls it."""

    name: str
    label: str
    arg: Arg
    kind: type[Any]
    required: bool
    default: object = None

    @property
    def flag(self) -> str:
        """The flag with its hyphens, "" for none."""
        return f"--{self.arg.flag.lstrip('-')}" if self.arg.flag else ""

    @property
    def named(self) -> str:
        """How errors call it: by the flag or keyword that people typed, else by its label."""
        return self.flag or self.arg.word or self.label


class Chain(Struct, frozen=True):
    """An argument and those joined to it, as in `<service>@<version>`."""

    head: Slot
    joined: tuple[Slot, ...] = ()

    @property
    def marks(self) -> str:
        """The characters that join them."""
        return "".join(slot.arg.joined for slot in self.joined)


class Grammar(Struct, frozen=True):
    """Where each word of a command may go. `keywords` maps a leading word, synonyms included, to its argument.

    `flags` holds the declared flags; `names` also lets every other argument be given as `--<label> value`, so that
    whatever has no place among the words of a line can still be said.
    """

    slots: dict[str, Slot]
    chains: tuple[Chain, ...]
    positional: tuple[Chain, ...]
    keywords: dict[str, Chain]
    flags: dict[str, Slot]
    names: dict[str, Slot]

    @property
    def marks(self) -> str:
        """Every character that joins arguments of this command."""
        return "".join(chain.marks for chain in self.chains)


_KNOWN: dict[type, Grammar] = {}


def takes_pairs(command: Command) -> bool:
    """Tell whether an argument of the command takes names with values, which may be secret."""
    return any(slot.kind is Pairs for slot in grammar_of(command.args).slots.values())


def without_pairs(command: Command, given: Mapping[str, str]) -> dict[str, str]:
    """Return arguments without those that take names with values, which may be secret."""
    slots = grammar_of(command.args).slots
    return {name: text for name, text in given.items() if name not in slots or slots[name].kind is not Pairs}


def grammar_of(args: type[Any]) -> Grammar:
    """Return the grammar that an argument class declares; read once per class.

    Raises:
        TypeError: the declaration cannot work; says which field and why.
    """
    grammar = _KNOWN.get(args)
    if grammar is None:
        grammar = _KNOWN[args] = _read(args)
    return grammar


def _read(args: type[Any]) -> Grammar:
    if not dataclasses.is_dataclass(args):
        raise TypeError(f"{args.__qualname__} is no dataclass")
    hints = typing.get_type_hints(args, include_extras=True)
    slots = {f.name: _slot(args, f, hints[f.name]) for f in dataclasses.fields(args) if f.init}
    chains = _chains(args, slots.values())
    positional = tuple(c for c in chains if not c.head.arg.flag and not c.head.arg.word)
    if any(chain.head.arg.rest for chain in positional[:-1]):
        raise TypeError(f"{args.__qualname__}: what takes the rest of the words comes last")
    flags = {slot.flag: slot for slot in slots.values() if slot.flag}
    if len(flags) != sum(1 for slot in slots.values() if slot.flag):
        raise TypeError(f"{args.__qualname__}: two arguments have the same flag")
    return Grammar(
        slots=slots,
        chains=chains,
        positional=positional,
        keywords=_keywords(args, chains),
        flags=flags,
        names={f"--{slot.label}": slot for slot in slots.values() if not slot.flag} | flags,
    )


def _slot(args: type[Any], field: "dataclasses.Field[Any]", hint: Any) -> Slot:  # noqa: ANN401 - any annotation
    where = f"{args.__qualname__}.{field.name}"
    if typing.get_origin(hint) is not Annotated:
        raise TypeError(f"{where} needs Annotated[…, arg(…)]")
    inner, *extras = typing.get_args(hint)
    declared = [extra for extra in extras if isinstance(extra, Arg)]
    if len(declared) != 1:
        raise TypeError(f"{where} needs exactly one arg(…)")
    if typing.get_origin(inner) in {Union, types.UnionType}:
        kinds = [kind for kind in typing.get_args(inner) if kind is not types.NoneType]
    else:
        kinds = [inner]
    kind = kinds[0]
    if len(kinds) != 1 or not isinstance(kind, type) or not (kind in KINDS or issubclass(kind, StrEnum)):
        raise TypeError(f"{where}: arguments are str, bool, int, timedelta, Pairs or a StrEnum, perhaps | None")
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return Slot(
        name=field.name,
        label=field.name.strip("_").replace("_", "-"),
        arg=declared[0],
        kind=kind,
        required=default is dataclasses.MISSING,
        default=None if default is dataclasses.MISSING else default,
    )


def _chains(args: type[Any], slots: typing.Iterable[Slot]) -> tuple[Chain, ...]:
    chains: list[Chain] = []
    for slot in slots:
        if not slot.arg.joined:
            chains.append(Chain(slot))
            continue
        if len(slot.arg.joined) != 1 or not chains or chains[-1].head.arg.rest or _flag_alone(chains[-1].head):
            raise TypeError(f"{args.__qualname__}.{slot.name}: one character joins it to the word before")
        chains[-1] = Chain(chains[-1].head, (*chains[-1].joined, slot))
    return tuple(chains)


def _flag_alone(slot: Slot) -> bool:
    return bool(slot.arg.flag) and not slot.arg.word


def _keywords(args: type[Any], chains: tuple[Chain, ...]) -> dict[str, Chain]:
    keywords: dict[str, Chain] = {}
    for chain in chains:
        word = chain.head.arg.word.casefold()
        if word in keywords:
            raise TypeError(f"{args.__qualname__}: two arguments follow the word {word!r}")
        if word:
            keywords[word] = chain
    # "in" and "on" name a place, so one of them lends its synonyms before "to" does.
    lender = next((keywords[word] for word in ("in", "on", "to") if word in keywords), None)
    if lender is not None:
        for word in PLACE_WORDS:
            keywords.setdefault(word, lender)
    return keywords
