"""Messages as JSON and back, so that what shall be said is a row before it is sent.

Rows outlive a version of the program: an unknown part of a newer one is read as a note instead of failing.
"""

from typing import Any

from bot.reply import (
    Button,
    Buttons,
    Code,
    Confirm,
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
    Style,
    Table,
    escape,
)
from bot.slack.mrkdwn import Json


def dump(message: Message) -> Json:
    """Return a message as JSON; the bytes of pictures are left out (`blocks.pictures` has them)."""
    return {"summary": str(message.summary), "parts": [_dump_part(part) for part in message.parts]}


def load(data: Json) -> Message:
    """Return the message that `dump` wrote; its pictures have no bytes."""
    return Message(summary=data["summary"], parts=tuple(_load_part(part) for part in data["parts"]))


def _dump_part(part: Part) -> Json:  # noqa: PLR0911 - one return for each kind of part
    match part:
        case Headline() | Paragraph() | Note():
            return {"kind": type(part).__name__, "text": str(part.text)}
        case Code():
            return {"kind": "Code", "text": part.text}
        case Table():
            rows = [[str(cell) for cell in row] for row in part.rows]
            return {"kind": "Table", "columns": list(part.columns), "rows": rows}
        case Picture():
            return {"kind": "Picture", "alt": part.alt, "title": part.title}
        case Document():
            return {"kind": "Document", "text": f"(file: {escape(part.name)})"}
        case Steps():
            return {"kind": "Steps", "title": part.title, "steps": [_dump_step(step) for step in part.steps]}
        case Buttons():
            return {"kind": "Buttons", "buttons": [_dump_button(button) for button in part.buttons]}
        case Divider():
            return {"kind": "Divider"}


def _load_part(data: Json) -> Part:  # noqa: PLR0911 - one return for each kind of part
    match data["kind"]:
        case "Headline":
            return Headline(Markup(data["text"]))
        case "Paragraph":
            return Paragraph(Markup(data["text"]))
        case "Code":
            return Code(data["text"])
        case "Table":
            return Table(tuple(data["columns"]), tuple(tuple(Markup(cell) for cell in row) for row in data["rows"]))
        case "Picture":
            return Picture(b"", data["alt"], data["title"])
        case "Steps":
            return Steps(data["title"], tuple(_load_step(step) for step in data["steps"]))
        case "Buttons":
            return Buttons(tuple(_load_button(button) for button in data["buttons"]))
        case "Divider":
            return Divider()
        case _:
            return Note(Markup(str(data.get("text", ""))))


def _dump_step(step: Step) -> Json:
    state, detail = step.state.value, str(step.detail)
    return {"key": step.key, "title": step.title, "state": state, "detail": detail, "url": step.url}


def _load_step(data: Json) -> Step:
    return Step(
        key=data["key"],
        title=data["title"],
        state=StepState(data["state"]),
        detail=Markup(data["detail"]),
        url=data["url"],
    )


def _dump_button(button: Button) -> Json:
    data: dict[str, Any] = {"label": button.label}
    for name in ("command", "url"):
        if value := getattr(button, name):
            data[name] = value
    if button.args:
        data["args"] = dict(button.args)
    if button.style is not Style.PLAIN:
        data["style"] = button.style.value
    if button.ask:
        data["ask"] = True
    if (confirm := button.confirm) is not None:
        data["confirm"] = {"title": confirm.title, "text": confirm.text, "yes": confirm.yes, "no": confirm.no}
    return data


def _load_button(data: Json) -> Button:
    return Button(
        label=data["label"],
        command=data.get("command", ""),
        args=data.get("args", {}),
        style=Style(data.get("style", Style.PLAIN)),
        confirm=Confirm(**data["confirm"]) if "confirm" in data else None,
        ask=data.get("ask", False),
        url=data.get("url", ""),
    )
