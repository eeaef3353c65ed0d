"""Text <-> arguments: one grammar for slash commands, mentions, buttons, modals and the terminal.

    deploy checkout@1.4.2 to production/eu --dry-run --reason "hot fix"

Arguments stand in their place, behind a keyword ("to", "in" and "on" stand in for one another where only one of them
is declared), joined by a character, or behind a flag (`--x`, `--x value`, `--x=value`); any of them may also be given
as `--<name> value`. Every command understands `--explain`. Quotes hold words together; a lone `--` ends the flags.
"""

from bot.arguments.parsing import Explain, Incomplete, build, parse
from bot.arguments.slots import Slot, grammar_of, takes_pairs, without_pairs
from bot.arguments.subjects import SUBJECT_ARGS, about, slot_of, takes_subject
from bot.arguments.values import shown
from bot.arguments.words import MAX_TEXT, clean, from_slack, unwrap
from bot.arguments.writing import as_mapping, format, line, usage  # noqa: A004 - the inverse of `parse`

__all__ = [
    "MAX_TEXT",
    "SUBJECT_ARGS",
    "Explain",
    "Incomplete",
    "Slot",
    "about",
    "as_mapping",
    "build",
    "clean",
    "format",
    "from_slack",
    "grammar_of",
    "line",
    "parse",
    "shown",
    "slot_of",
    "takes_pairs",
    "takes_subject",
    "unwrap",
    "usage",
    "without_pairs",
]
