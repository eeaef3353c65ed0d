"""Arguments -> words: what a person would type for them, what a button carries, and how usage shows them."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum

from bot.arguments.slots import Chain, Grammar, Slot, grammar_of
from bot.arguments.values import write
from bot.arguments.words import quote
from bot.command import Command, Pairs


def format(command: Command, args: object) -> str:  # noqa: A001 - the inverse of `parse` is called so
    """Return the words behind the command's name that stand for `args`: `parse` reads the same from them."""
    grammar = grammar_of(command.args)
    words: list[str] = []
    flags: list[Slot] = []
    rest = ""
    last = max((i for i, chain in enumerate(grammar.positional) if _said(chain, args)), default=-1)
    for i, chain in enumerate(grammar.chains):
        if chain.head.flag and not chain.head.arg.word:
            flags.append(chain.head)
            continue
        leading = chain in grammar.positional[: last + 1]
        if not leading and not _said(chain, args):
            continue
        if _value(chain.head, args) is None or (chain.joined and _value(chain.head, args) == ""):
            # Nothing can stand for it here, so all behind it has to be called by name.
            flags.extend((chain.head, *chain.joined, *_slots(grammar.chains[i + 1 :])))
            break
        if chain.head.arg.rest and not chain.head.arg.word:
            rest = _free_text(grammar, write(_value(chain.head, args)))
        else:
            words.extend(_chain(grammar, chain, args))
    words.extend(_flag(slot, args) for slot in flags if _value(slot, args) not in (_default(slot), {}))
    return " ".join([*words, rest] if rest else words)


def line(command: Command, args: object) -> str:
    """Return the whole line, the command's name first, for people and records: values of pairs are left out."""
    hidden = {
        slot.name: Pairs(dict.fromkeys(_value(slot, args) or {}, "…"))  # type: ignore[call-overload]
        for slot in grammar_of(command.args).slots.values()
        if slot.kind is Pairs
    }
    shown = dataclasses.replace(args, **hidden) if hidden else args  # type: ignore[type-var]
    return f"{command.name} {format(command, shown)}".rstrip()


def as_mapping(command: Command, args: object) -> dict[str, str]:
    """Return what a button has to carry: the text of every argument that is not its default. See `build`."""
    slots = grammar_of(command.args).slots.values()
    return {slot.name: write(_value(slot, args)) for slot in slots if _value(slot, args) != _default(slot)}


def usage(command: Command, *, whole: bool = True) -> str:
    """Return the command's form in one line: `deploy <service>[@<version>] [to <environment>] [--dry-run]`.

    Without `whole` the flags that may be left out are.
    """
    grammar = grammar_of(command.args)
    parts = [command.name]
    for chain in grammar.chains:
        slot = chain.head
        word = f"{slot.arg.word} " if slot.arg.word else ""
        if slot.flag and not word:
            if not whole and not slot.required:
                continue
            shown = slot.flag if slot.kind is bool else f"{slot.flag} {_placeholder(slot)}"
        else:
            joined = "".join(_bracket(f"{s.arg.joined}{_placeholder(s)}", required=s.required) for s in chain.joined)
            shown = f"{word}{_placeholder(slot)}{joined}"
        parts.append(_bracket(shown, required=slot.required))
    return " ".join(parts)


def _bracket(text: str, *, required: bool) -> str:
    return text if required else f"[{text}]"


def _placeholder(slot: Slot) -> str:
    if issubclass(slot.kind, StrEnum):
        return f"<{'|'.join(member.value for member in slot.kind)}>"
    if slot.kind is timedelta:
        return "<30m|2h|1d>"
    if slot.kind is Pairs:
        return "<name=value>"
    return f"<{slot.label}{'…' if slot.arg.rest else ''}>"


def _value(slot: Slot, args: object) -> object:
    return getattr(args, slot.name)


def _default(slot: Slot) -> object:
    """Return the slot's default; a required one has none that any value equals."""
    return _Never if slot.required else slot.default


class _Never:
    """Equals nothing but itself."""


def _slots(chains: tuple[Chain, ...]) -> Iterator[Slot]:
    for chain in chains:
        yield chain.head
        yield from chain.joined


def _said(chain: Chain, args: object) -> bool:
    return any(_value(slot, args) != _default(slot) for slot in (chain.head, *chain.joined))


def _chain(grammar: Grammar, chain: Chain, args: object) -> list[str]:
    text = _bare(grammar, write(_value(chain.head, args)), chain.marks)
    for i, slot in enumerate(chain.joined):
        value = _value(slot, args)
        if value is not None and value != _default(slot):
            later = "".join(s.arg.joined for s in chain.joined[i + 1 :])
            text += slot.arg.joined + quote(write(value), special=later)
    return [chain.head.arg.word, text] if chain.head.arg.word else [text]


def _bare(grammar: Grammar, value: str, marks: str) -> str:
    taken = value.casefold() in grammar.keywords or value[:1] in grammar.marks
    return quote(value, special=marks, always=taken)


def _flag(slot: Slot, args: object) -> str:
    name = slot.flag or f"--{slot.label}"
    value = _value(slot, args)
    if isinstance(value, Pairs):
        return " ".join(f"{name}={quote(f'{key}={text}')}" for key, text in value.items())
    if slot.kind is bool and value is True:
        return name
    return f"{name}={quote(write(value))}"


def _free_text(grammar: Grammar, value: str) -> str:
    """Return a free text as it is where it reads back the same, else in quotes."""
    words = value.split(" ")
    plain = all(word and quote(word) == word for word in words)
    return value if plain and _bare(grammar, words[0], "") == words[0] else quote(value, always=True)
