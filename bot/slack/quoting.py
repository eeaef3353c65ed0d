"""A message of somebody as the arguments of a command: its first line, and all of it with where it stands.

Source: https://docs.slack.dev/reference/methods/conversations.replies and
https://docs.slack.dev/reference/methods/chat.getPermalink
"""

from bot.arguments import from_slack, grammar_of
from bot.command import Command
from bot.slack.connection import Connection, SlackError
from bot.slack.mrkdwn import Json, cut_plain

_TITLE = 120
_TEXT = 1200
"""Characters: a button that carries them holds two thousand in all."""


def takes_message(command: Command) -> bool:
    """Tell whether a command can be asked for with a message: by its shortcut, or by a reaction."""
    return any(slot.arg.message for slot in grammar_of(command.args).slots.values())


def arguments_of(command: Command, text: str, link: str) -> dict[str, str]:
    """Return the arguments that a message fills in: its first line as the title, all of it quoted as the text."""
    plain = from_slack(text).strip()
    if not plain:
        return {}
    title = next(line.strip() for line in plain.splitlines() if line.strip())
    quoted = "\n".join(f"> {line}" for line in cut_plain(plain, _TEXT).splitlines())
    filled = {"title": cut_plain(title, _TITLE), "text": f"{quoted}\n\n{link}".strip()}
    slots = grammar_of(command.args).slots.values()
    return {slot.name: filled[slot.arg.message] for slot in slots if slot.arg.message}


async def link_to(connection: Connection, channel: str, ts: str) -> str:
    """Return the address of a message, "" where Slack does not tell it."""
    try:
        answer = await connection.call("chat.getPermalink", {"channel": channel, "message_ts": ts})
    except SlackError:
        return ""
    return str(answer.get("permalink") or "")


async def text_of(connection: Connection, channel: str, ts: str) -> tuple[str, str]:
    """Return what a message says and which message's thread it stands in, "" where we cannot see it.

    Raises: SlackError.
    """
    answer = await connection.call(
        "conversations.replies", {"channel": channel, "ts": ts, "latest": ts, "inclusive": True, "limit": 1}
    )
    messages: list[Json] = [one for one in answer.get("messages", ()) if str(one.get("ts")) == ts]
    return (str(messages[0].get("text") or ""), str(messages[0].get("thread_ts") or "")) if messages else ("", "")
