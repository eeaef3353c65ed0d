"""Messages as plain text for a terminal: no markup left over, tables aligned, states in words, nothing that acts.

Text from outside may hold control characters that a terminal would obey; they are taken out.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from bot.reply import (
    Button,
    Buttons,
    Code,
    Divider,
    Document,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    Picture,
    Steps,
    StepState,
    Table,
)

Line = Callable[[Button], str]
"""(button) -> the words that do the same in a terminal, "" when there are none."""

_WORDS = {
    StepState.PENDING: "waiting",
    StepState.ACTIVE: "running",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.SKIPPED: "skipped",
}
_WIDEST = max(len(word) for word in _WORDS.values())
_TOKEN = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
# A pair of marks counts only around words, as in Slack: snake_case and 2*3*4 stay.
_STYLED = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def render(message: Message, line: Line = lambda _button: "") -> str:
    """Return a message as text, without a newline at its end; `line` says what to type for a button."""
    if not message.parts:
        return _tame(message.summary)
    blocks = [block for part in message.parts if (block := _part(part, line))]
    return "\n".join(blocks)


def strip(markup: str) -> str:
    """Return Slack's mrkdwn as plain text: links with their address, moments and mentions in words."""
    pieces: list[str] = []
    at = 0
    for match in _CODE.finditer(markup):
        pieces += [_unstyled(markup[at : match.start()]), _unescaped(_untoken(match[1] or match[2]))]
        at = match.end()
    pieces.append(_unstyled(markup[at:]))
    return _tame("".join(pieces))


def _unstyled(text: str) -> str:
    # Tokens first, with their insides kept out of the way of the marks: an address may hold underscores.
    pieces: list[str] = []
    at = 0
    for match in _TOKEN.finditer(text):
        pieces += [_unmarked(text[at : match.start()]), _token(match[1])]
        at = match.end()
    pieces.append(_unmarked(text[at:]))
    return _unescaped("".join(pieces))


def _unmarked(text: str) -> str:
    before = ""
    while text != before:
        before, text = text, _STYLED.sub(r"\2", text)
    return text


def _untoken(text: str) -> str:
    return _TOKEN.sub(lambda match: _token(match[1]), text)


def _token(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{label.removeprefix(target[0])}" if label else target
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return f"{label} ({target})" if label and label != target else target


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _tame(text: str) -> str:
    """Return `text` without what a terminal would obey, such as the escape sequences of colours and titles."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def _part(part: Part, line: Line) -> str:  # noqa: PLR0911 - one return per kind of part
    match part:
        case Headline(text) | Paragraph(text) | Note(text):
            return strip(text)
        case Code(text):
            return "\n".join(f"    {one}" for one in _tame(text).split("\n"))
        case Table(columns, rows):
            return _table(columns, rows)
        case Picture():
            return f"[picture: {_tame(part.alt)}]"
        case Document():
            return _tame(part.content.decode(errors="replace"))
        case Steps(title, steps):
            lines = [
                f"  {_WORDS[step.state]:<{_WIDEST}}  {_tame(step.title)}{_more(step.detail, step.url)}"
                for step in steps
            ]
            return "\n".join([_tame(title), *lines])
        case Buttons(buttons):
            return "\n".join(text for button in buttons if (text := _button(button, line)))
        case Divider():
            return "-" * 8


def _more(detail: Markup, url: str) -> str:
    return "".join(f"  {text}" for text in (strip(detail), _tame(url)) if text)


def _button(button: Button, line: Line) -> str:
    label = _tame(button.label).removesuffix("…").rstrip()
    if button.url:
        return f"  {label}: {_tame(button.url)}"
    words = line(button)
    return f"  {label}: {_tame(words)}" if words else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[Markup]]) -> str:
    cells = [[_tame(column) for column in columns]]
    cells += [[strip(cell).replace("\n", " ") for cell in row] for row in rows]
    count = max(len(row) for row in cells)
    for row in cells:
        row.extend([""] * (count - len(row)))
    widths = [max(_width(row[i]) for row in cells) for i in range(count)]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _width(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
