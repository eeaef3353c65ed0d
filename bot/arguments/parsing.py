"""Words -> arguments. Every text gives arguments, what is missing, or a `BadInput` that says what to type instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bot.arguments.slots import Chain, Grammar, Slot, grammar_of
from bot.arguments.values import joined_pairs, read, shown
from bot.arguments.words import MAX_TEXT, Word, clean, split
from bot.arguments.writing import as_mapping, line, usage
from bot.closest import closest
from bot.command import Command, Pairs
from bot.errors import BadInput
from bot.reply import Button

_BUTTON_LINE = 200
"""A corrected line longer than this is no button: nobody could read what it does."""
_MOST_FIXES = 3
_EXPLAIN = "--explain"
"""What every command understands."""
_LONGEST_NAME = 255
"""What stands in a place of the line names something; only flags and the rest hold text."""


class Incomplete(Struct, frozen=True):
    """A command whose `missing` arguments are to be asked for; `given` holds the text of the others."""

    command: Command
    given: Mapping[str, str]
    missing: tuple[str, ...]


class Explain(Struct, frozen=True):
    """Arguments of a command that shall only say by which rule it would be done: `--explain` was among the words.

    Commands that declare a flag of this name have more to say, and read it themselves.
    """

    args: object


def parse(command: Command, words: str) -> object:
    """Return the arguments that `words`, the text behind the command's name, stand for, `Explain`, or `Incomplete`.

    Raises:
        BadInput: "unknown_flag", "extra_word", "given_twice", "empty_value", "bad_value" or "too_long"; with a
            button where a corrected line can be offered.
    """
    if len(words) > MAX_TEXT:
        raise BadInput("too_long", f"That is {len(words)} characters; {MAX_TEXT} are the most a command may have.")
    return _parse(command, split(words), fixes=True)


def build(command: Command, values: Mapping[str, str]) -> object:
    """Return the arguments that a button or a modal filled in, or `Incomplete`. Empty text means not given.

    Raises:
        BadInput: "unknown_argument" or "bad_value".
    """
    grammar = grammar_of(command.args)
    for name in values:
        if name not in grammar.slots:
            raise BadInput("unknown_argument", f"{command.name} has no argument {shown(name)}.")
    return _finish(command, grammar, {name: clean(text) for name, text in values.items() if text}, [])


def _parse(command: Command, words: Sequence[Word], *, fixes: bool) -> object:
    grammar = grammar_of(command.args)
    reading = _Reading(command, grammar, words, fixes=fixes)
    reading.run()
    args = _finish(command, grammar, reading.given, reading.wanted)
    return Explain(args) if reading.explain and not isinstance(args, Incomplete) else args


def _finish(command: Command, grammar: Grammar, given: Mapping[str, str], wanted: Sequence[str]) -> object:
    values: dict[str, Any] = {name: _value(grammar.slots[name], text) for name, text in given.items()}
    missing = tuple(
        slot.name
        for slot in grammar.slots.values()
        if slot.name not in given and (slot.required or slot.name in wanted)
    )
    if missing:
        return Incomplete(command, dict(given), missing)
    try:
        return command.args(**values)
    except ValueError as error:
        raise BadInput("bad_value", str(error)) from error


def _value(slot: Slot, text: str) -> object:
    if len(text) > _LONGEST_NAME and not slot.flag and not slot.arg.rest:
        raise BadInput(
            "too_long", f"{shown(text)} is too long for {slot.named}: {_LONGEST_NAME} characters are the most."
        )
    return read(slot.kind, text, slot.named)


class _Reading:
    """One pass over the words: `given` fills up; `wanted` are arguments that were named without a value."""

    def __init__(self, command: Command, grammar: Grammar, words: Sequence[Word], *, fixes: bool) -> None:
        self.command = command
        self.grammar = grammar
        self.words = words
        self.fixes = fixes
        self.given: dict[str, str] = {}
        self.wanted: list[str] = []
        self.explain = False
        self._open = list(grammar.positional)
        self._at = 0
        self._literal = False

    def run(self) -> None:
        while (word := self._next()) is not None:
            if self._literal or not word.plain:
                self._place(word)
            elif word.text == "--":
                self._literal = True
            elif word.text.startswith("-") and (word.text.startswith("--") or self._slot_of(word)):
                self._take_flag(word)
            elif (chain := self.grammar.keywords.get(word.text.casefold())) is not None:
                self._take_keyword(chain)
            elif not self._join(word):
                self._place(word)

    def _next(self) -> Word | None:
        if self._at == len(self.words):
            return None
        self._at += 1
        return self.words[self._at - 1]

    def _slot_of(self, word: Word) -> Slot | None:
        end = word.find("=")
        name = word.text[: end if end >= 0 else None].lstrip("-").replace("_", "-").casefold()
        return self.grammar.names.get(f"--{name}")

    def _take_flag(self, word: Word) -> None:
        slot = self._slot_of(word)
        equals = word.find("=")
        if slot is None and word.text.casefold() == _EXPLAIN:
            self.explain = True
            return
        if slot is None:
            raise self._unknown_flag(word.text[: equals if equals >= 0 else None])
        if equals >= 0:
            self._give(slot, word.text[equals + 1 :])
        elif slot.kind is bool:
            self._give(slot, "yes")
        elif self._at < len(self.words) and not _is_flag(self.words[self._at]):
            self._give(slot, self.words[self._at].text)
            self._at += 1
        else:
            self.wanted.append(slot.name)

    def _take_keyword(self, chain: Chain) -> None:
        if self._at == len(self.words) or _is_flag(self.words[self._at]):
            self.wanted.append(chain.head.name)
        elif chain.head.arg.rest:
            self._take_rest(chain.head, [])
        else:
            word = self.words[self._at]
            self._at += 1
            self._give_chain(chain, word)

    def _join(self, word: Word) -> bool:
        """Take "@1.4.2" that stands apart from its "checkout"."""
        for chain in self.grammar.chains:
            for slot in chain.joined:
                if word.text[0] == slot.arg.joined and chain.head.name in self.given and slot.name not in self.given:
                    self._give(slot, self._behind(slot, word.cut(1)))
                    return True
        return False

    def _place(self, word: Word) -> None:
        while self._open and self._open[0].head.name in self.given:
            del self._open[0]
        if not self._open:
            raise self._extra_word(word)
        chain = self._open.pop(0)
        if chain.head.arg.rest:
            self._take_rest(chain.head, [word])
        else:
            self._give_chain(chain, word)

    def _take_rest(self, slot: Slot, taken: list[Word]) -> None:
        while (word := self._next()) is not None:
            if not self._literal and _is_flag(word) and self._slot_of(word):
                self._take_flag(word)
            else:
                taken.append(word)
        if len(taken) == 1:
            self._give(slot, taken[0].text)
        elif taken:
            self._give(slot, taken[0].raw + "".join(word.gap + word.raw for word in taken[1:]))
        else:
            self.wanted.append(slot.name)

    def _give_chain(self, chain: Chain, word: Word) -> None:
        slot, part = chain.head, word
        for joined in chain.joined:
            at = part.find(joined.arg.joined)
            if at >= 0:
                self._give_part(slot, part.cut(0, at))
                slot, part = joined, part.cut(at + 1)
        self._give_part(slot, part)

    def _give_part(self, slot: Slot, part: Word) -> None:
        if slot.arg.joined:
            self._give(slot, self._behind(slot, part))
        elif part.text or part.quoted:
            self._give(slot, part.text)

    def _behind(self, slot: Slot, part: Word) -> str:
        if not part.text and not part.quoted:
            raise BadInput("empty_value", f"Nothing stands behind {shown(slot.arg.joined)}: a {slot.label} goes there.")
        return part.text

    def _give(self, slot: Slot, text: str) -> None:
        if slot.kind is Pairs:
            self.given[slot.name] = joined_pairs(self.given.get(slot.name, ""), text, slot.named)
            return
        if self.given.get(slot.name, text) != text:
            raise BadInput(
                "given_twice", f"{slot.named} is given twice: {shown(self.given[slot.name])} and {shown(text)}."
            )
        self.given[slot.name] = text

    def _unknown_flag(self, typed: str) -> BadInput:
        flags = list(self.grammar.flags)
        near = closest(typed[:64].casefold(), flags)
        says = f"{self.command.name} has no flag {shown(typed)}."
        if near is None:
            says += f" It has {', '.join(flags)}." if flags else f" Usage: {usage(self.command)}"
            return BadInput("unknown_flag", says)
        word = self.words[self._at - 1]
        fixed = replace(
            word, text=near + word.text[len(typed) :], quoted=frozenset(), raw=near + word.raw[len(typed) :]
        )
        return BadInput("unknown_flag", f"{says} Did you mean {near}?", moves=self._offers([[fixed]]))

    def _extra_word(self, word: Word) -> BadInput:
        says = f"{shown(word.text)} is one word too many."
        offers = self._offers(self._readings_of(word)) if self.fixes else ()
        if offers:
            lines = " or ".join(f"“{offer.label}”" for offer in offers)
            return BadInput("extra_word", f"{says} Did you mean {lines}?", moves=offers)
        return BadInput("extra_word", f"{says} Usage: {usage(self.command)}")

    def _readings_of(self, word: Word) -> list[list[Word]]:
        """Return what a word too many may have been meant as: a flag, a value without its keyword or its mark."""
        readings: list[list[Word]] = []
        near = closest(f"--{word.text[:64].casefold()}", list(self.grammar.flags))
        if near and self.grammar.flags[near].kind is bool:
            readings.append([replace(word, text=near, quoted=frozenset(), raw=near)])
        for chain in self.grammar.chains:
            keyword = chain.head.arg.word
            if keyword and chain.head.name not in self.given:
                readings.append([Word(keyword, raw=keyword, gap=" "), word])
            for slot in chain.joined:
                if slot.name not in self.given and chain.head.name in self.given:
                    text = slot.arg.joined + word.text
                    readings.append([Word(text, frozenset(i + 1 for i in word.quoted if i >= 0), text, " ")])
        return readings

    def _offers(self, readings: list[list[Word]]) -> tuple[Button, ...]:
        """Return a button for each reading of the present word that makes the whole line good."""
        if not self.fixes:
            return ()
        offers: list[Button] = []
        for reading in readings[:_MOST_FIXES]:
            words = [*self.words[: self._at - 1], *reading, *self.words[self._at :]]
            try:
                args = _parse(self.command, words, fixes=False)
            except BadInput:
                continue
            if not isinstance(args, Explain | Incomplete) and len(label := line(self.command, args)) <= _BUTTON_LINE:
                offers.append(Button(label=label, command=self.command.name, args=as_mapping(self.command, args)))
        return tuple(offers)


def _is_flag(word: Word) -> bool:
    return word.plain and word.text.startswith("--") and len(word.text) > len("--")
