"""Messages as plain text for a terminal: tables aligned, states in words, nothing that acts."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from bot.amounts import amount
from bot.plain import strip, tame
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


def render(message: Message, line: Line = lambda _button: "") -> str:
    """Return a message as text, without a newline at its end; `line` says what to type for a button."""
    if not message.parts:
        return tame(message.summary)
    blocks = [block for part in message.parts if (block := _part(part, line))]
    return "\n".join(blocks)


def _part(part: Part, line: Line) -> str:  # noqa: PLR0911 - one return per kind of part
    match part:
        case Headline(text) | Paragraph(text) | Note(text):
            return strip(text)
        case Code(text):
            return "\n".join(f"    {one}" for one in tame(text).split("\n"))
        case Table(columns, rows):
            return _table(columns, rows)
        case Picture():
            return f"[picture: {tame(part.alt)}]"
        case Document():
            return _file(part)
        case Steps(title, steps):
            lines = [
                f"  {_WORDS[step.state]:<{_WIDEST}}  {tame(step.title)}{_more(step.detail, step.url)}" for step in steps
            ]
            return "\n".join([tame(title), *lines])
        case Buttons(buttons):
            return "\n".join(text for button in buttons if (text := _button(button, line)))
        case Divider():
            return "-" * 8


def _file(part: Document) -> str:
    """Return a text as it is; of anything else that it is there."""
    try:
        return tame(part.content.decode())
    except UnicodeDecodeError:
        return f"[file: {tame(part.name)}, {amount(len(part.content), 'bytes')}: in Slack it is handed over]"


def _more(detail: Markup, url: str) -> str:
    return "".join(f"  {text}" for text in (strip(detail), tame(url)) if text)


def _button(button: Button, line: Line) -> str:
    label = tame(button.label).removesuffix("…").rstrip()
    if button.url:
        return f"  {label}: {tame(button.url)}"
    words = line(button)
    return f"  {label}: {tame(words)}" if words else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[Markup]]) -> str:
    cells = [[tame(column) for column in columns]]
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
