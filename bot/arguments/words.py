"""Text as people type it -> words: quotes, what phones make of them, and Slack's automatic formatting.

Nothing here knows of commands. Invisible characters never become part of a word; lone surrogates, which no
store and no tool accepts, become U+FFFD.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

MAX_TEXT = 12_000
"""Longer texts are refused: Slack's own limit is 4,000 characters for a message and less for a command."""

# What phones and word processors make of a quote: curly, low, reversed, angled, full width.
_DOUBLE = '"\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02'
_APOSTROPHES = "'\u2018\u2019\u201a\u201b"
_CLOSED_BY = {**dict.fromkeys(_DOUBLE, _DOUBLE), **dict.fromkeys(_APOSTROPHES, _APOSTROPHES), "`": "`"}
_ESCAPABLE = frozenset([*_CLOSED_BY, "\\"])
# ... and of a hyphen: hyphens, figure, en and em dash, bar, minus, small and full-width forms.
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"

# These patterns are compiled (and kept) by `re` when a text first needs them: ranges of Unicode are slow to compile.
# Format characters nobody sees and everybody copies: zero-width space, soft hyphen, marks of writing direction,
# byte order mark; control characters except the white ones.
_INVISIBLE = "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
# Joiners belong to emoji and to Persian; beside ASCII they are dirt.
_STRAY_JOINER = "(?<![^\\x00-\\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\\x00-\\x7f])"
_SURROGATE = "[\ud800-\udfff]"
_PHONE_DASH = rf"-?[{_DASHES}][-{_DASHES}]*(?=[^\W\d_])"
_SLACK_TOKEN = re.compile(r"<((?:[@#!]|[a-z][a-z+.-]{1,20}:)[^<>\n]{1,3000})>")
_BARE = re.compile(rf"[^\s{re.escape(''.join(_CLOSED_BY))}]++(?=\s|\Z)")
"""A word without anything that might be a quote: nearly all of them, and read at once."""
_SCHEME = re.compile(r"\A(?:https?://|mailto:|tel:)")


class Word(Struct, frozen=True):
    """One word. `quoted` holds the positions of `text` that stood in quotes, -1 for an empty pair of them.

    `raw` is the word as typed. `gap` is the white space before it, so that a free text can be put together again.
    """

    text: str
    quoted: frozenset[int] = frozenset()
    raw: str = ""
    gap: str = ""

    @property
    def plain(self) -> bool:
        """Whether the word begins outside of quotes: only then it can be a flag or a keyword."""
        return bool(self.text) and 0 not in self.quoted

    def find(self, mark: str) -> int:
        """Return where `mark` first stands outside of quotes, -1 if nowhere."""
        at = self.text.find(mark)
        while at >= 0 and at in self.quoted:
            at = self.text.find(mark, at + 1)
        return at

    def cut(self, start: int, end: int | None = None) -> "Word":
        """Return the part from `start` to `end`, its quoted positions moved along."""
        text = self.text[start:end]
        moved = frozenset(i - start if i >= 0 else i for i in self.quoted if i < 0 or start <= i < start + len(text))
        return Word(text, moved, self.raw, self.gap)


def clean(text: str) -> str:
    """Return `text` without what cannot be seen, typed or stored."""
    if text.isascii() and text.isprintable():
        return text
    text = re.sub(_SURROGATE, "\ufffd", text)
    return re.sub(_STRAY_JOINER, "", re.sub(_INVISIBLE, "", text))


def from_slack(text: str) -> str:
    """Undo what Slack does to typed text: links made of plain words, mentions, escaped characters.

    A word that Slack linked by itself is the word again (`<mailto:a@1.2|a@1.2>` -> `a@1.2`), a link with another
    label is its address, a person `@U123`, a channel `#C123`, a group `@S123`.
    Source: https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
    """
    if "<" in text:
        text = _SLACK_TOKEN.sub(_untoken, text)
    if "&" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text


def _untoken(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    if target.startswith(("@", "#")):
        return target
    if target.startswith("!"):
        kind, _, ident = target[1:].partition("^")
        return f"@{ident}" if kind == "subteam" else label or f"@{kind}"
    bare = _SCHEME.sub("", target)
    typed = label and label in {target, bare, bare.rstrip("/")}
    return label if typed else target


def unwrap(text: str) -> str:
    """Return `text` without white space around it, and without backticks that wrap it as a whole."""
    text = text.strip()
    for fence in ("```", "`"):
        inner = text[len(fence) : -len(fence)]
        if len(text) > 2 * len(fence) and text.startswith(fence) and text.endswith(fence) and "`" not in inner:
            return inner.strip()
    return text


def split(text: str) -> list[Word]:
    """Return the words of `text`. Never fails: a quote that nothing closes is a character like any other."""
    text = clean(text)
    words: list[Word] = []
    at, end = 0, len(text)
    # Where a kind of quote was looked for in vain, it is not looked for again: the whole stays linear.
    unclosed: set[str] = set()
    while at < end:
        begin = at
        while at < end and text[at].isspace():
            at += 1
        if at == end:
            break
        gap, start = text[begin:at], at
        chars, quoted, at = _one_word(text, at, unclosed)
        words.append(_dashed(Word("".join(chars), frozenset(quoted), text[start:at], gap)))
    return words


def _one_word(text: str, at: int, unclosed: set[str]) -> tuple[Sequence[str], list[int], int]:
    bare = _BARE.match(text, at)
    if bare is not None:
        return bare.group(), [], bare.end()
    chars: list[str] = []
    quoted: list[int] = []
    may_quote = True  # at the start, and after what joins a value to its name: never inside "it's"
    while at < len(text) and not text[at].isspace():
        mark = text[at]
        closers = _CLOSED_BY.get(mark)
        if closers and may_quote and closers not in unclosed:
            inside, after = _quotation(text, at + 1, closers)
            if after:
                if mark != "`":  # backticks hold words together, but are put around things for their looks
                    quoted.extend(range(len(chars), len(chars) + len(inside)) if inside else [-1])
                chars.extend(inside)
                at, may_quote = after, False
                continue
            unclosed.add(closers)
        chars.append(mark)
        may_quote = mark in "=@/:#,"
        at += 1
    return chars, quoted, at


def _quotation(text: str, at: int, closers: str) -> tuple[list[str], int]:
    """Return the characters up to the closing quote and the position behind it, 0 when nothing closes it."""
    inside: list[str] = []
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in _ESCAPABLE and at + 1 < len(text):
            inside.append(text[at + 1])
            at += 2
        elif text[at] in closers:
            return inside, at + 1
        else:
            inside.append(text[at])
            at += 1
    return [], 0


def _dashed(word: Word) -> Word:
    """Give a flag its two hyphens back where a phone made one dash of them."""
    if (
        not word.plain
        or word.text[0].isalnum()
        or (match := re.match(_PHONE_DASH, word.text)) is None
        or any(i < match.end() for i in word.quoted)
    ):
        return word
    moved = 2 - match.end()
    quoted = frozenset(i + moved for i in word.quoted)
    return Word("--" + word.text[match.end() :], quoted, word.raw, word.gap)


def quote(value: str, *, special: str = "", always: bool = False) -> str:
    """Return `value` so that `split` reads it as one word with exactly this text.

    `special` names further characters that must not stand bare in it.
    """
    bare = (
        value
        and not always
        and not any(c.isspace() or c in _ESCAPABLE or c in special for c in value)
        and value[0] not in "-" + _DASHES
    )
    if bare:
        return value
    return '"' + "".join(f"\\{c}" if c in _DOUBLE or c == "\\" else c for c in value) + '"'
