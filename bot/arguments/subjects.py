"""What a line said in a thread is about: the thread's subject, where the line names none itself."""

import re

from bot.arguments.slots import grammar_of
from bot.command import Command

SUBJECT_ARGS = ("deployment", "alert", "subject", "id")
"""The arguments that a message's subject fills in."""

_PREFIXES = {"deployment": "D", "alert": "A"}
_ID = re.compile(r"[\"'`]?([A-Z]{1,4})-\d+\b")


def takes_subject(command: Command) -> bool:
    """Tell whether a command has an argument that the subject of a message fills in."""
    return any(name in grammar_of(command.args).slots for name in SUBJECT_ARGS)


def slot_of(command: Command, subject: str) -> str:
    """Return the argument of a command that must be given and that a subject such as A-7 fits into, "" for none."""
    slots = grammar_of(command.args).slots
    kind = _ID.fullmatch(subject)
    name = next((one for one in SUBJECT_ARGS if one in slots), "")
    fits = kind is not None and name and _PREFIXES.get(name, kind[1]) == kind[1]
    return name if fits and slots[name].required else ""


def about(command: Command, words: str, subject: str) -> str:
    """Return the words behind a command's name with the subject of the thread in its place, where they name none.

    "ack" in the thread of A-7 becomes "ack A-7", and "page @bob" becomes "page @bob about A-7". A subject of another
    kind than the command takes changes nothing.
    """
    name = slot_of(command, subject)
    if not name:
        return words
    if name not in _PREFIXES:
        return words.strip() or subject
    grammar = grammar_of(command.args)
    keyword = grammar.slots[name].arg.word
    if keyword:
        if re.search(rf"(^|\s){re.escape(keyword)}\s", f"{words} ", re.IGNORECASE) is not None:
            return words
        head, flag, flags = words.partition(" --")
        return f"{head} {keyword} {subject}{flag}{flags}".strip()
    if grammar.positional and grammar.positional[0].head.name == name:
        named = _ID.match(words.strip().upper())
        return words if named is not None and named[1] == _PREFIXES[name] else f"{subject} {words}".strip()
    return words
