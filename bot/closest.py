"""Did you mean: the nearest of the words that would have been right."""

import difflib
from collections.abc import Iterable


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that `word` was most likely meant to be, None when nothing is near.

    A word that begins with what was typed counts as near: "prod" means "production".
    """
    choices = list(words)
    lowered = {choice.lower(): choice for choice in reversed(choices)}
    typed = word.strip().lower()
    if typed in lowered:
        return lowered[typed]
    near = difflib.get_close_matches(typed, lowered, n=1, cutoff=0.6)
    if near:
        return lowered[near[0]]
    longer = [choice for choice in lowered if len(typed) > 1 and choice.startswith(typed)]
    return lowered[longer[0]] if len(longer) == 1 else None


def did_you_mean(word: str, words: Iterable[str], *, limit: int = 8) -> str:
    """Return the sentence that helps: "Did you mean production?", else the few right words, else nothing."""
    choices = list(words)
    near = closest(word, choices)
    if near:
        return f"Did you mean {near}?"
    if not choices:
        return ""
    more = f" and {len(choices) - limit} more" if len(choices) > limit else ""
    return f"Known: {', '.join(choices[:limit])}{more}."
