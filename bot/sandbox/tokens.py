"""Tokens: which kinds there are, and who calls with one.

Reference: https://docs.slack.dev/authentication/tokens
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from bot.sandbox.apps import App

TokenKind: TypeAlias = Literal["bot", "user", "app", "configuration"]

LIFETIME = 43_200
"""Seconds that a rotated token is good for; https://docs.slack.dev/authentication/using-token-rotation."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token given out: for a person (`user`), or a bot's that ends at `expires` (seconds since the epoch)."""

    kind: Literal["bot", "user"]
    user: str
    scopes: frozenset[str]
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a method: the app, the person or bot user it acts as, and what the token may do."""

    kind: TokenKind
    token: str
    app: "App | None"
    user: str
    scopes: frozenset[str]
    expires: float | None = None
