"""What Shipmate says, as data: a message is a summary and parts. Slack, terminal and tests render the same.

Only `bot/slack/blocks.py` makes Block Kit of these and only `bot/terminal.py` makes plain text.
Text from outside (commit titles, log lines, labels) is escaped by `say`; nothing else may build markup.
"""

import string
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from bot.identity import Channel


class Markup(str):
    """Text in Slack's mrkdwn that is safe to send as it is: made by `say`, never from input."""

    __slots__ = ()

    def __add__(self, other: str) -> "Markup":
        """Join with markup as it is, with plain text escaped."""
        return Markup(str(self) + escape(other))


def escape(text: object) -> Markup:
    """Return `text` with Slack's three control characters escaped, so that it can neither mention nor link.

    `Markup` passes through. Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    if isinstance(text, Markup):
        return text
    return Markup(str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


NOTHING = Markup("")


class _Escaping(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - string.Formatter's own signature
        if isinstance(value, Markup) and not format_spec:
            return value
        return escape(format(value, format_spec))


@lru_cache(maxsize=1024)
def _simple(template: str) -> tuple[tuple[str, str | None], ...] | None:
    """Return the pieces (text, name of the field after it) of a template, None when it holds more than plain fields."""
    pieces = []
    for text, name, spec, conversion in string.Formatter().parse(template):
        if spec or conversion or not (name is None or name == "" or name.isidentifier()):
            return None
        pieces.append((text, name))
    return tuple(pieces)


def say(template: str, /, *args: object, **values: object) -> Markup:
    """Fill a template of ours with values from anywhere: `say("*{}* by {}", service, mention(person))`.

    The template is trusted markup; every value that is not `Markup` is escaped.
    """
    pieces = _simple(template)
    if pieces is None:
        return Markup(_Escaping().format(template, *args, **values))
    given = iter(args)
    said = []
    for text, name in pieces:
        said.append(text)
        if name is not None:
            try:
                said.append(escape(values[name] if name else next(given)))
            except StopIteration:
                raise IndexError(f"{template!r} has more fields than there are values") from None
    return Markup("".join(said))


def joined(separator: str, parts: Iterable[Markup]) -> Markup:
    """Return markup joined to markup."""
    return Markup(separator.join(parts))


def sentence(words: str) -> str:
    """Return words as a sentence: with a capital and a full stop; nothing stays nothing."""
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words.endswith((".", "?", "!")) else ".")


def code(text: object) -> Markup:
    """Return `text` as inline code; a backtick inside becomes an apostrophe, as mrkdwn cannot escape it."""
    return Markup(f"`{escape(str(text).replace('`', chr(39)).replace(chr(10), ' '))}`")


def link(url: str, label: object) -> Markup:
    """Return a link when `url` is http or https, the bare label otherwise."""
    if not url.startswith(("https://", "http://")):
        return escape(label)
    safe = str(url).replace("|", "%7C").replace(">", "%3E").replace("<", "%3C").replace(" ", "%20")
    return Markup(f"<{safe}|{escape(str(label).replace('|', '/').replace(chr(10), ' '))}>")


def moment(at: datetime, *, day: bool = False) -> Markup:
    """Return a moment that Slack shows in the reader's own time zone; elsewhere, and when read aloud, it is UTC.

    With `day` the date stands before the time ("yesterday" where it fits).
    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    token = "{date_short_pretty} {time}" if day else "{time}"
    clock = f"{at.hour:02}:{at.minute:02} UTC"
    plain = f"{at.year}-{at.month:02}-{at.day:02} {clock}" if day else clock
    return Markup(f"<!date^{int(at.timestamp())}^{token}|{plain}>")


class Style(StrEnum):
    """How a button looks; its meaning is in its label."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


class Confirm(Struct, frozen=True, kw_only=True):
    """The question asked before a button acts."""

    title: str
    text: str
    yes: str
    no: str = "Keep"


class Button(Struct, frozen=True, kw_only=True):
    """A press that invokes a command with these arguments, as if typed by who presses it; or a link.

    `args` maps the command's argument names to text. With `ask` the press opens the command's modal,
    filled with `args`, instead of running it (labels of such buttons end with "…").
    """

    label: str
    command: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    style: Style = Style.PLAIN
    confirm: Confirm | None = None
    ask: bool = False
    url: str = ""


class Headline(Struct, frozen=True):
    """The first line: what happened to what."""

    text: Markup


class Paragraph(Struct, frozen=True):
    """A run of text."""

    text: Markup


class Note(Struct, frozen=True):
    """Small print: who asked, when, what follows."""

    text: Markup


class Code(Struct, frozen=True):
    """Preformatted text, such as a log excerpt. Escaped when rendered."""

    text: str


class Table(Struct, frozen=True):
    """Rows under named columns; rendered so that it also reads without alignment."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Markup, ...], ...]


class Picture(Struct, frozen=True):
    """A PNG with the words for who cannot see it."""

    png: bytes
    alt: str
    title: str = ""


class Document(Struct, frozen=True):
    """A text file for who asked, such as a whole log; it is handed over in a direct message and kept nowhere."""

    name: str
    content: bytes
    title: str = ""


class StepState(StrEnum):
    """Where one step of a list of steps stands."""

    PENDING = "pending"
    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(Struct, frozen=True, kw_only=True):
    """One line of a plan: a stage, how it stands and what is known of it."""

    key: str
    title: str
    state: StepState
    detail: Markup = NOTHING
    url: str = ""


class Steps(Struct, frozen=True):
    """The stages of something under way, in order. Slack's plan and task blocks where they render."""

    title: str
    steps: tuple[Step, ...]


class Buttons(Struct, frozen=True):
    """A row of buttons; past five, the rest go into an overflow menu."""

    buttons: tuple[Button, ...]


class Divider(Struct, frozen=True):
    """A line between two things."""


Part = Headline | Paragraph | Note | Code | Table | Picture | Document | Steps | Buttons | Divider


class Message(Struct, frozen=True, kw_only=True):
    """Something to be read: `summary` alone says what, where and what is wanted (it is the notification)."""

    summary: str
    parts: tuple[Part, ...] = ()


class Reply(Message, frozen=True, kw_only=True):
    """The answer to one command.

    `share` shows it to the channel instead of only to who asked. `subject` is the id of what the command
    started or touched ("D-1042"), whose live card carries on from here. `shown_in` is the channel that card appears in:
    who asked there sees it and needs no other answer. `code` is the stable reason code of a refusal, "" for an answer.
    `form` opens the form that asks for what was missing: where Slack lets us, it is opened in place of this answer.
    """

    share: bool = False
    subject: str = ""
    shown_in: Channel | None = None
    code: str = ""
    form: Button | None = None


def text(summary: str, markup: Markup | None = None, *buttons: Button) -> Reply:
    """Return the common reply: one paragraph and perhaps buttons."""
    parts: tuple[Part, ...] = (Paragraph(markup if markup is not None else escape(summary)),)
    return Reply(summary=summary, parts=(*parts, Buttons(buttons)) if buttons else parts)
