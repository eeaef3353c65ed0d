"""Methods about Block Kit (https://docs.slack.dev/reference/methods/blocks.validate)."""

from bot.sandbox import posting
from bot.sandbox.blockkit import message_blocks, view_content
from bot.sandbox.call import Call, invalid, method
from bot.sandbox.errors import Json, SlackError


@method("blocks.validate", tier=4)
async def validate(call: Call) -> Json:
    """Check blocks, a message or a view without showing them to anybody.

    Reference: https://docs.slack.dev/reference/methods/blocks.validate. The problems are the lines that posting them
    would be refused with, each with its pointer.
    """
    given = [name for name in ("blocks", "message", "view") if call.raw(name) is not None]
    if len(given) != 1:
        raise SlackError("invalid_arguments", messages=["must provide exactly one of `blocks`, `view`, or `message`"])
    (name,) = given
    value = call.decoded(name)
    try:
        if name == "blocks":
            message_blocks(value)
        elif name == "view":
            view_content(value)
        elif isinstance(value, dict):
            posting.read_content(value.get("text"), value.get("blocks"), value.get("attachments"))
        else:
            raise invalid("must provide an object", "/message")
    except SlackError as error:
        problems = [_problem(line, f"/{name}") for line in error.messages or (error.code,)]
        raise SlackError(f"invalid_{name}", errors=problems) from None
    return {}


def _problem(line: str, root: str) -> Json:
    """Return a problem as this method tells it: its pointer begins at what was given."""
    message, _, pointer = line.removeprefix("[ERROR] ").partition(" [json-pointer:")
    where = pointer.removesuffix("]").removeprefix(root)
    return {"code": "failed_constraint", "message": message, "pointer": where or "/"}
