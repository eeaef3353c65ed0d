"""One call of a Web API method: its arguments, who calls, and the table of methods."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from bot.sandbox.apps import App
from bot.sandbox.decoding import decode
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.platform import Platform
from bot.sandbox.tokens import Caller, TokenKind

_TRUE = frozenset(("1", "true", "True"))
_FALSE = frozenset(("0", "false", "False", ""))
_MAX_PAGE = 1000
_Item = TypeVar("_Item")
_NOBODY = Caller("bot", "", None, "", frozenset())


@dataclass(slots=True)
class Call:
    """A call that passed authentication; reads arguments from form fields and from JSON alike.

    `warnings` collects what Slack tells beside the answer (https://docs.slack.dev/apis/web-api/#evaluating-responses);
    `client` is the id and the secret of HTTP basic authentication, where a request had one.
    """

    method: str
    platform: Platform
    caller: Caller = _NOBODY
    args: Mapping[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    client: tuple[str, str] | None = None

    @property
    def app(self) -> App:
        """Return the app that calls."""
        if self.caller.app is None:
            raise SlackError("not_allowed_token_type")
        return self.caller.app

    @property
    def actor(self) -> str:
        """Return the id of who acts: the app's bot user, or with a user token the person."""
        return self.caller.user

    @property
    def scopes(self) -> frozenset[str]:
        """Return what the token may do."""
        return self.caller.scopes

    def warn(self, code: str) -> None:
        """Tell something beside the answer."""
        self.warnings.append(code)

    def raw(self, name: str) -> object:
        """Return an argument as it came, or None."""
        return self.args.get(name)

    def text(self, name: str, default: str = "") -> str:
        """Return a string argument, or `default` when it is absent."""
        value = self.args.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise invalid("must be a string", f"/{name}")
        return str(value)

    def required(self, name: str) -> str:
        """Return a string argument that must be there; raises `invalid_arguments` otherwise."""
        value = self.text(name)
        if not value:
            raise invalid(f"missing required field: {name}")
        return value

    def names(self, name: str) -> list[str]:
        """Return the parts of an argument that is a comma-separated string, or in a JSON body an array of strings."""
        value = self.args.get(name)
        if isinstance(value, list):
            if not all(isinstance(one, str) for one in value):
                raise invalid("must be an array of strings", f"/{name}")
            return [one.strip() for one in value if one.strip()]
        return [one.strip() for one in self.text(name).split(",") if one.strip()]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean argument, written as JSON or as 1/0/true/false."""
        value = self.args.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if str(value) in _TRUE | _FALSE:
            return str(value) in _TRUE
        raise invalid("must be a boolean", f"/{name}")

    def integer(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self.text(name)
        if not value:
            return default
        try:
            return int(value)
        except ValueError:
            raise invalid("must be an integer", f"/{name}") from None

    def decoded(self, name: str, error: str = "invalid_arguments") -> object:
        """Return a structured argument: JSON inside a form field, or the value itself in a JSON body."""
        value = self.args.get(name)
        if not isinstance(value, str) or not value:
            return value or None
        try:
            return decode(value)
        except ValueError:
            raise SlackError(error, messages=[f"[ERROR] not valid JSON [json-pointer:/{name}]"]) from None

    def channel(
        self, name: str = "channel", *, member: bool = False, by_name: bool = False, error: str = "channel_not_found"
    ) -> Channel:
        """Return the channel an argument names by its id, or where Slack allows it (`by_name`) by its name.

        Raises `error` for one that does not exist or is private and without the caller, and, with `member`,
        `not_in_channel` where the caller is not in it, `is_archived` where nobody can write.
        """
        wanted, workspace = self.required(name), self.platform.workspace
        channel = workspace.find_channel(wanted) if by_name else workspace.channels.get(wanted)
        if channel is None or (channel.kind != "channel" and self.actor not in channel.members):
            raise SlackError(error)
        if member and self.actor not in channel.members:
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
        """Raise `missing_scope` unless the token has one of these scopes."""
        if scopes and self.scopes.isdisjoint(scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.scopes)))

    def page(
        self,
        items: Sequence[_Item],
        default: int = 100,
        *,
        maximum: int = _MAX_PAGE,
        error: str = "invalid_limit",
    ) -> tuple[Sequence[_Item], str]:
        """Return one page of `items` and the cursor of the next (https://docs.slack.dev/apis/web-api/pagination).

        Raises `invalid_cursor` for a cursor that this workspace did not give out, and `error` for a limit below 1 or
        above `maximum`; a limit of 0 means the default.
        """
        limit = self.integer("limit", default) or default
        if not 1 <= limit <= maximum:
            if error == "invalid_arguments":
                raise invalid(f"must be less than {maximum + 1}" if limit > 0 else "must be greater than 0", "/limit")
            raise SlackError(error)
        cursor = self.text("cursor")
        start = _position(cursor) if cursor else 0
        following = start + limit
        return items[start:following], _cursor(following) if following < len(items) else ""


def _cursor(position: int) -> str:
    return base64.b64encode(f"next_ts:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        words = base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    number = words.removeprefix("next_ts:")
    if number == words or not number.isdecimal() or not number.isascii():
        raise SlackError("invalid_cursor")
    return int(number)


def invalid(message: str, pointer: str = "") -> SlackError:
    """Return Slack's refusal of an argument: `invalid_arguments`, with what is wrong in the metadata's messages."""
    where = f" [json-pointer:{pointer}]" if pointer else ""
    return SlackError("invalid_arguments", messages=[f"[ERROR] {message}{where}"])


Handler: TypeAlias = Callable[[Call], Awaitable[Json]]

PEOPLE: frozenset[TokenKind] = frozenset(("bot", "user"))
BOT: frozenset[TokenKind] = frozenset(("bot",))
USER: frozenset[TokenKind] = frozenset(("user",))
APP: frozenset[TokenKind] = frozenset(("app",))
CONFIGURATION: frozenset[TokenKind] = frozenset(("configuration",))
ANY: frozenset[TokenKind] = frozenset(("bot", "user", "app"))
NOBODY: frozenset[TokenKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method: what it does and whom it answers.

    `scopes` are those of which a bot token needs one, `user_scopes` the same for user tokens; `tokens` the kinds it
    takes, none meaning that it asks for no token; `takes_json` tells whether arguments may come as a JSON body
    (https://docs.slack.dev/apis/web-api/#basics).
    """

    name: str
    handler: Handler
    scopes: tuple[str, ...]
    user_scopes: tuple[str, ...]
    tier: int
    tokens: frozenset[TokenKind]
    takes_json: bool

    @property
    def app_token(self) -> bool:
        """Tell whether it takes app-level tokens alone."""
        return self.tokens == APP

    def scopes_for(self, kind: TokenKind) -> tuple[str, ...]:
        """Return the scopes of which a token of this kind needs one."""
        return {"bot": self.scopes, "user": self.user_scopes}.get(kind, ())


METHODS: dict[str, Method] = {}
"""Every method the sandbox knows."""


def method(
    name: str,
    *scopes: str,
    tier: int = 3,
    user: tuple[str, ...] | None = None,
    tokens: frozenset[TokenKind] = PEOPLE,
    json_body: bool = True,
) -> Callable[[Handler], Handler]:
    """Enter a function into the table of methods; `user` are the scopes of user tokens where they differ."""

    def enter(handler: Handler) -> Handler:
        METHODS[name] = Method(name, handler, scopes, scopes if user is None else user, tier, tokens, json_body)
        return handler

    return enter
