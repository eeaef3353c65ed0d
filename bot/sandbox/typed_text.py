"""What people type, in the form that Slack hands to apps.

Reference: https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

import re
from collections.abc import Callable

from bot.sandbox.errors import Json
from bot.sandbox.workspace import SLACKBOT, Workspace

_SPECIAL = ("here", "channel", "everyone")
_TOKEN = re.compile(r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+)(?:\|[^<>]*)?>")
_NAMES = re.compile(r"(?<![\w<])([@#])([\w][\w.-]*)")
_ENCODED = re.compile(r"<([^<>]+)>")
_LINK = re.compile(r"https?://[^\s<>]+")


def escape(text: str) -> str:
    """Escape the three characters that are control characters in Slack's text: `&`, `<` and `>`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _outside_tokens(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the text between mentions that already are in Slack's form (`<@U123>`)."""
    parts: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        parts += [change(text[end : token.start()]), token.group()]
        end = token.end()
    return "".join([*parts, change(text[end:])])


def encode(text: str, workspace: Workspace) -> str:
    """Return a message as apps receive it: names become mentions, links are marked, the rest is escaped.

    An unknown `@name` stays as it was typed. `<@U…>` and `<#C…>` are taken as they are.
    """
    return _outside_tokens(text, lambda part: _link(_mention(escape(part), workspace, with_label=False)))


def composed(encoded: str) -> Json:
    """Return the rich text block that Slack's composer makes of an encoded message.

    Reference: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
    """
    parts: list[Json] = []
    end = 0
    for found in _ENCODED.finditer(encoded):
        parts += [*_plain(encoded[end : found.start()]), _part(found.group(1))]
        end = found.end()
    parts += _plain(encoded[end:])
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def links_of(encoded: str) -> list[str]:
    """Return the links of an encoded message, each once."""
    bodies = (found.group(1).partition("|")[0] for found in _ENCODED.finditer(encoded))
    return list(dict.fromkeys(unescape(body) for body in bodies if body.startswith(("https://", "http://"))))


def _plain(encoded: str) -> list[Json]:
    return [{"type": "text", "text": unescape(encoded)}] if encoded else []


def _part(token: str) -> Json:
    body = token.partition("|")[0]
    if body.startswith("@"):
        return {"type": "user", "user_id": body[1:]}
    if body.startswith("#"):
        return {"type": "channel", "channel_id": body[1:]}
    if body.startswith("!"):
        return {"type": "broadcast", "range": body[1:]}
    return {"type": "link", "url": unescape(body)}


def unescape(text: str) -> str:
    """Undo `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def encode_command(text: str, workspace: Workspace, *, should_escape: bool) -> str:
    """Return a command's text as apps receive it.

    With the manifest's `should_escape`, names become `<@U123|mia>` and `<#C123|general>` and links are marked
    (https://docs.slack.dev/interactivity/implementing-slash-commands#escaping_users_warning); without it they stay as
    they were typed. `&`, `<` and `>` are escaped either way.
    """
    text = text.strip()
    if not should_escape:
        return escape(text)
    return _outside_tokens(text, lambda part: _link(_mention(escape(part), workspace, with_label=True)))


def _mention(text: str, workspace: Workspace, *, with_label: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        sigil, name = match.groups()
        if sigil == "@" and name in _SPECIAL:
            return f"<!{name}>"
        trailing = len(name) - len(name.rstrip(".-"))
        name, tail = (name[:-trailing], name[-trailing:]) if trailing else (name, "")
        if sigil == "@" and (user := workspace.find_user(name)) and user.id != SLACKBOT:
            return f"<@{user.id}|{user.name}>{tail}" if with_label else f"<@{user.id}>{tail}"
        if sigil == "#" and (channel := workspace.find_channel(name)) and channel.name:
            return f"<#{channel.id}|{channel.name}>{tail}"
        return match.group()

    return _NAMES.sub(replace, text)


def _link(text: str) -> str:
    return _LINK.sub(lambda match: f"<{match.group()}>", text)
