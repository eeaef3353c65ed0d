"""A `Message` as Block Kit, within Slack's limits whatever is in it.

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Literal, TypeAlias

from bot.reply import (
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
    Step,
    Steps,
    StepState,
    Table,
    escape,
    link,
    say,
)
from bot.slack import buttons
from bot.slack.mrkdwn import MAX_URL, Json, cut, cut_plain, elements, preformatted, rich_text, strip

Surface: TypeAlias = Literal["message", "modal", "home"]

MAX_BLOCKS: Mapping[Surface, int] = {"message": 50, "modal": 100, "home": 100}
MAX_TEXT = 3000
MAX_CONTEXT = 2000
MAX_FALLBACK = 3000
MAX_MESSAGE = 12_000
"""Characters of all blocks together: Slack refuses longer ones (msg_blocks_too_long) without saying where it begins."""
MAX_ALT = 2000
MAX_CELLS = 10_000
MAX_ROWS = 100
MAX_COLUMNS = 20
MAX_TASKS = 50
MAX_TITLE = 250
MAX_TITLES = 5000
MAX_DETAIL = 1000
MAX_DETAILS = 6000

_WORDS = {
    StepState.PENDING: "○",
    StepState.ACTIVE: "▶",
    StepState.DONE: "✓",
    StepState.FAILED: "✗ failed:",
    StepState.SKIPPED: "– skipped:",
}
_STATUS = {
    StepState.PENDING: "pending",
    StepState.ACTIVE: "in_progress",
    StepState.DONE: "complete",
    StepState.FAILED: "error",
    StepState.SKIPPED: "complete",
}


def render(
    message: Message, *, surface: Surface = "message", rich: bool = True, pictures: Sequence[str] = ()
) -> list[Json]:
    """Return the blocks of a message; what does not fit is counted in a last line.

    `rich` uses Slack's plan, task card and table blocks, which stand in messages only; without it the same is said
    in plain sections. `pictures` are the Slack file ids of the message's pictures, in order; one that has none
    yet is named by its alternative text.
    """
    pages = paged(message, surface=surface, rich=rich, pictures=pictures)
    if len(pages) == 1:
        return pages[0]
    left = sum(len(page) for page in pages[1:])
    return [*pages[0], _context(f"… {left} more not shown here")]


def paged(
    message: Message, *, surface: Surface = "message", rich: bool = True, pictures: Sequence[str] = ()
) -> list[list[Json]]:
    """Return the blocks of a message in as many pages as Slack's limits need; most messages have one.

    Each page but the last leaves room for a line that says where it goes on.
    """
    blocks = _Renderer(rich=rich and surface == "message", pictures=iter(pictures)).all(message)
    if len(blocks) <= MAX_BLOCKS[surface] and len(json.dumps(blocks)) <= MAX_MESSAGE:
        return [blocks]  # nearly all: no need to weigh each block
    pages: list[list[Json]] = [[]]
    size = 0
    for block in blocks:
        weight = _weight(block)
        if pages[-1] and (len(pages[-1]) >= MAX_BLOCKS[surface] - 1 or size + weight > MAX_MESSAGE):
            pages.append([])
            size = 0
        pages[-1].append(block)
        size += weight
    if len(pages) > 1 and len(pages[-1]) == 1 and len(pages[-2]) == MAX_BLOCKS[surface] - 1:
        last = pages.pop()
        pages[-1].extend(last)
    return pages


def plain(message: Message) -> str:
    """Return what notifications show and screen readers say: the summary, escaped."""
    return cut(escape(message.summary.strip() or "…"), MAX_FALLBACK)


def spelled_out(message: Message) -> str:
    """Return the whole message as mrkdwn text without blocks, for when Slack refuses the blocks."""
    lines = [plain(message)]
    for part in message.parts:
        match part:
            case Headline() | Paragraph() | Note():
                if part.text.strip() != lines[0]:
                    lines.append(str(part.text))
            case Code():
                lines.append(f"```{escape(part.text)}```")
            case Table():
                lines += _table_lines(part)
            case Picture() | Document():
                lines.append(_elsewhere(part))
            case Steps():
                lines += _step_lines(part)
            case Buttons():
                lines += [link(button.url, button.label) for button in part.buttons if button.url]
            case Divider():
                pass
    return cut("\n".join(line for line in lines if line.strip()), MAX_MESSAGE)


def pictures(message: Message) -> list[Picture]:
    """Return the pictures of a message in order: they are uploaded before it is sent."""
    return [part for part in message.parts if isinstance(part, Picture)]


def documents(message: Message) -> list[Document]:
    """Return the files of a message: they are handed to who asked, beside it."""
    return [part for part in message.parts if isinstance(part, Document)]


class _Renderer:
    """Renders the parts of one message; counts what has to be unique in it."""

    def __init__(self, *, rich: bool, pictures: Iterator[str]) -> None:
        self._rich = rich
        self._pictures = pictures
        self._numbers = count()
        self._tables = 0

    def all(self, message: Message) -> list[Json]:
        """Return all blocks; the summary when the parts say nothing."""
        blocks = [block for part in message.parts for block in self._part(part)]
        return blocks or [_section(escape(message.summary.strip() or "…"))]

    def _part(self, part: Part) -> list[Json]:  # noqa: PLR0911 - one return for each kind of part
        match part:
            case Headline():
                return _sections(_bold(part.text))
            case Paragraph():
                return _sections(part.text)
            case Note() | Document():
                return _small_print(part)
            case Code():
                return [preformatted(cut_plain(part.text, MAX_TEXT))] if part.text.strip() else []
            case Table():
                return self._table(part)
            case Picture():
                return [self._picture(part)]
            case Steps():
                return self._steps(part)
            case Buttons():
                return buttons.rows(part.buttons, self._numbers)
            case Divider():
                return [{"type": "divider"}]

    def _picture(self, part: Picture) -> Json:
        ident = next(self._pictures, "")
        if not ident:
            return _context(_missing_picture(part))
        block: Json = {
            "type": "image",
            "slack_file": {"id": ident},
            "alt_text": cut_plain(part.alt, MAX_ALT) or "picture",
        }
        if part.title.strip():
            block["title"] = buttons.plain_text(part.title, MAX_ALT)
        return block

    def _table(self, table: Table) -> list[Json]:
        if not self._rich or self._tables or not _fits(table):
            return _lines([f"*{' · '.join(escape(name) for name in table.columns)}*"] * bool(table.columns), table)
        self._tables += 1
        head = [_cell(escape(name)) for name in table.columns]
        rows = [[_cell(row[i] if i < len(row) else Markup("")) for i in range(len(head))] for row in table.rows]
        return [{"type": "table", "rows": [head, *rows], "column_settings": [{"is_wrapped": True}] * len(head)}]

    def _steps(self, part: Steps) -> list[Json]:
        if not part.steps:
            return []
        if not self._rich or len(part.steps) > MAX_TASKS:
            return _joined(_step_lines(part))
        titles = min(MAX_TITLE, MAX_TITLES // len(part.steps))
        details = min(MAX_DETAIL, MAX_DETAILS // len(part.steps))
        tasks = [_task(step, number, titles, details) for number, step in enumerate(part.steps)]
        return [{"type": "plan", "title": cut_plain(part.title.strip(), MAX_TITLE) or "Stages", "tasks": tasks}]


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, MAX_TEXT)}}


def _sections(text: str) -> list[Json]:
    """Return one section, or as many as it takes where whole lines can be kept together."""
    if len(text) > MAX_TEXT and "\n" in text:
        return _joined(text.split("\n"))
    return [_section(text)] if text.strip() else []


def _context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, MAX_CONTEXT)}]}


def _bold(text: Markup) -> str:
    """Return a headline in bold, unless marks in it would end the bold early."""
    stripped = text.strip()
    return f"*{stripped}*" if stripped and not set("*\n") & set(stripped) else stripped


def _missing_picture(part: Picture) -> Markup:
    return say("(picture: {})", cut_plain(part.alt or part.title or "no description", 300))


def _small_print(part: Note | Document) -> list[Json]:
    text = part.text if isinstance(part, Note) else _elsewhere(part)
    return [_context(text)] if text.strip() else []


def _elsewhere(part: Picture | Document) -> Markup:
    """Return what stands for a picture that cannot be shown, or a file that is handed over beside the message."""
    if isinstance(part, Document):
        return say("{} is in your direct messages with me.", part.name)
    return _missing_picture(part)


def _fits(table: Table) -> bool:
    if not 0 < len(table.columns) <= MAX_COLUMNS or not 0 < len(table.rows) < MAX_ROWS:
        return False
    size = sum(len(name) for name in table.columns) + sum(len(cell) for row in table.rows for cell in row)
    widest = max(len(row) for row in table.rows)
    return size <= MAX_CELLS and widest <= len(table.columns)


def _cell(text: Markup) -> Json:
    inline = elements(text)
    if all(element["type"] == "text" and "style" not in element for element in inline):
        return {"type": "raw_text", "text": cut_plain(strip(text).strip(), MAX_TEXT) or "–"}
    return rich_text(text)


def _lines(head: list[str], table: Table) -> list[Json]:
    return _joined([*head, *_table_lines(table)])


def _table_lines(table: Table) -> list[str]:
    return [" · ".join(cell for cell in row if cell.strip()) for row in table.rows]


def _step_lines(part: Steps) -> list[str]:
    lines = [f"*{escape(part.title.strip())}*"] if part.title.strip() else []
    for step in part.steps:
        title = link(step.url, step.title) if step.url else escape(step.title)
        detail = f"   {step.detail}" if step.detail.strip() else ""
        lines.append(f"{_WORDS[step.state]} {title}{detail}")
    return lines


def _joined(lines: Sequence[str]) -> list[Json]:
    """Return sections of whole lines, each section as full as it may be."""
    blocks: list[Json] = []
    held: list[str] = []
    size = 0
    for line in lines:
        short = cut(line, MAX_TEXT)
        if held and size + len(short) + 1 > MAX_TEXT:
            blocks += (
                [_section("\n".join(held))] if any(one.strip() for one in held) else []
            )  # a section without text is refused
            held, size = [], 0
        held.append(short)
        size += len(short) + 1
    rest = "\n".join(held)
    return [*blocks, _section(rest)] if rest.strip() else blocks


def _task(step: Step, number: int, longest_title: int, longest_detail: int) -> Json:
    title = step.title.strip() or step.key.strip() or "…"
    if step.state is StepState.SKIPPED:
        title = f"{title} (skipped)"
    task: Json = {
        "type": "task_card",
        "task_id": f"{number}-{cut_plain(step.key, 200)}",
        "title": cut_plain(title, longest_title),
        "status": _STATUS[step.state],
    }
    if step.detail.strip():
        task["details"] = rich_text(cut(step.detail, longest_detail))
    if step.url.startswith(("https://", "http://")) and len(step.url) <= MAX_URL:
        task["sources"] = [{"type": "url", "url": step.url, "text": "Open"}]
    return task


def _weight(value: object) -> int:
    """Return how many characters of text there are in a block; what buttons carry is not read by people."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_weight(inner) for key, inner in value.items() if key != "value")
    if isinstance(value, list):
        return sum(_weight(inner) for inner in value)
    return 0
