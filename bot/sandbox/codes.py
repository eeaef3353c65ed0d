"""Codes and refresh tokens of OAuth: what somebody allowed, until the app exchanges it for tokens.

Reference: https://docs.slack.dev/authentication/installing-with-oauth and
https://docs.slack.dev/authentication/using-token-rotation
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from bot.sandbox.apps import App
from bot.sandbox.ids import new_secret

_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What an app asks for in `/oauth/v2/authorize`."""

    app: App
    scopes: frozenset[str]
    user_scopes: frozenset[str]
    redirect_uri: str
    state: str
    challenge: str


@dataclass(frozen=True, slots=True)
class Code:
    """An allowed wish, to be exchanged for tokens once and within ten minutes."""

    wish: Wish
    user: str
    expires: float


class Codes:
    """The codes and refresh tokens that were given out."""

    def __init__(self) -> None:
        """Start with none."""
        self._codes: OrderedDict[str, Code] = OrderedDict()
        self._refresh: OrderedDict[str, tuple[str, str, frozenset[str]]] = OrderedDict()

    @property
    def refresh_tokens(self) -> dict[str, tuple[str, str, frozenset[str]]]:
        """Return every refresh token with its app, its user and its scopes; set it to bring them back."""
        return dict(self._refresh)

    @refresh_tokens.setter
    def refresh_tokens(self, kept: dict[str, tuple[str, str, frozenset[str]]]) -> None:
        self._refresh = OrderedDict(kept)

    def give(self, code: Code) -> str:
        """Return the words that stand for this code."""
        key = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{new_secret(64)}"
        self._codes[key] = code
        while len(self._codes) > _KEPT:
            self._codes.popitem(last=False)
        return key

    def take(self, key: str) -> Code | None:
        """Return what a code stands for; it is used up by that."""
        return self._codes.pop(key, None)

    def refresh_token(self, app_id: str, user: str, scopes: frozenset[str]) -> str:
        """Return a token that gets the next access token; `user` is empty for the bot's."""
        key = f"xoxe-1-{new_secret(100)}"
        self._refresh[key] = (app_id, user, scopes)
        while len(self._refresh) > _KEPT:
            self._refresh.popitem(last=False)
        return key

    def refreshed(self, key: str, app_id: str) -> tuple[str, frozenset[str]] | None:
        """Return whose refresh token this is (empty: the bot's) and its scopes; it is used up by that."""
        known = self._refresh.get(key)
        if known is None or known[0] != app_id:
            return None
        del self._refresh[key]
        return known[1], known[2]
