"""One call of a Web API method: its arguments, who calls, and the table of methods."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.apps import App
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.platform import Platform

_TRUE = frozenset(("1", "true", "True"))
_FALSE = frozenset(("0", "false", "False", ""))
_MAX_PAGE = 1000


@dataclass(slots=True)
class Call:
    """A call that passed authentication; reads arguments from form fields and from JSON alike."""

    method: str
    platform: Platform
    app: App
    args: Mapping[str, object] = field(default_factory=dict)

    def raw(self, name: str) -> object:
        """Return an argument as it came, or None."""
        return self.args.get(name)

    def text(self, name: str, default: str = "") -> str:
        """Return a string argument, or `default` when it is absent."""
        value = self.args.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise SlackError("invalid_arguments", messages=[f"[ERROR] must be a string [json-pointer:/{name}]"])
        return str(value)

    def required(self, name: str) -> str:
        """Return a string argument that must be there; raises `invalid_arguments` otherwise."""
        value = self.text(name)
        if not value:
            raise SlackError("invalid_arguments", messages=[f"[ERROR] missing required field: {name}"])
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean argument, written as JSON or as 1/0/true/false."""
        value = self.args.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if str(value) in _TRUE | _FALSE:
            return str(value) in _TRUE
        raise SlackError("invalid_arguments", messages=[f"[ERROR] must be a boolean [json-pointer:/{name}]"])

    def integer(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self.text(name)
        if not value:
            return default
        try:
            return int(value)
        except ValueError:
            raise SlackError(
                "invalid_arguments", messages=[f"[ERROR] must be an integer [json-pointer:/{name}]"]
            ) from None

    def decoded(self, name: str, error: str = "invalid_arguments") -> object:
        """Return a structured argument: JSON inside a form field, or the value itself in a JSON body."""
        value = self.args.get(name)
        if not isinstance(value, str) or not value:
            return value or None
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise SlackError(error, messages=[f"[ERROR] not valid JSON [json-pointer:/{name}]"]) from None

    def channel(self, name: str = "channel", *, member: bool = False, by_name: bool = False) -> Channel:
        """Return the channel an argument names by its id, or where Slack allows it (`by_name`) by its name.

        Raises `channel_not_found` for one that does not exist or is private and without this app, and, with `member`,
        `not_in_channel` where the app is not in it, `is_archived` where nobody can write.
        """
        wanted, workspace = self.required(name), self.platform.workspace
        channel = workspace.find_channel(wanted) if by_name else workspace.channels.get(wanted)
        bot = self.app.bot_user_id
        if channel is None or (channel.kind != "channel" and bot not in channel.members):
            raise SlackError("channel_not_found")
        if member and bot not in channel.members:
            raise SlackError("not_in_channel")
        if member and channel.is_archived:
            raise SlackError("is_archived")
        return channel

    def user(self, name: str = "user") -> User:
        """Return the user an argument names by id; raises `user_not_found`."""
        user = self.platform.workspace.users.get(self.required(name))
        if user is None:
            raise SlackError("user_not_found")
        return user

    def message(self, channel: Channel, name: str = "ts", error: str = "message_not_found") -> Message:
        """Return the message an argument names by its `ts`; ephemeral ones cannot be reached by it."""
        message = channel.messages.get(self.required(name))
        if message is None or message.ephemeral_to:
            raise SlackError(error)
        return message

    def need(self, *scopes: str) -> None:
        """Raise `missing_scope` unless the app holds one of these scopes."""
        granted = self.app.manifest.scopes
        if scopes and granted.isdisjoint(scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(granted)))

    def page(self, items: list[Json], default: int = 100) -> tuple[list[Json], str]:
        """Return one page of `items` and the cursor of the next (https://docs.slack.dev/apis/web-api/pagination)."""
        limit = self.integer("limit", default)
        if not 1 <= limit <= _MAX_PAGE:
            raise SlackError("invalid_limit")
        cursor = self.text("cursor")
        start = 0
        if cursor:
            if not cursor.startswith("next:") or not cursor[5:].isdigit():
                raise SlackError("invalid_cursor")
            start = int(cursor[5:])
        following = start + limit
        return items[start:following], f"next:{following}" if following < len(items) else ""


Handler: TypeAlias = Callable[[Call], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method: what it does, the scopes of which one is needed, its tier, and the token it takes."""

    name: str
    handler: Handler
    scopes: tuple[str, ...]
    tier: int
    app_token: bool = False


METHODS: dict[str, Method] = {}
"""Every method the sandbox knows."""


def method(name: str, *scopes: str, tier: int = 3, app_token: bool = False) -> Callable[[Handler], Handler]:
    """Enter a function into the table of methods."""

    def enter(handler: Handler) -> Handler:
        METHODS[name] = Method(name, handler, scopes, tier, app_token)
        return handler

    return enter
