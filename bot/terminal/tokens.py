"""`Tokens`: the secrets that open the terminal's door, what each may be used for, and when it last was."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from msgspec import Struct

from bot.clock import Clock
from bot.command import Command, Effect, Invocation, Resource
from bot.permissions import Grant
from bot.registry import OPEN
from bot.settings.tokens import Terminal as TerminalSettings, Token
from bot.store import Store, StoreUnavailable, Timestamp, insert, metadata

NOTED_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a token was last used."""

MARK: Final = "token:"
_PREFIX = "shipmate_"
_BYTES = 32
_FLAGS = {"force": "deployment.force", "exception": "freeze.change"}
"""Flags that use a further right of who asks."""

uses = sa.Table(
    "terminal_uses",
    metadata,
    sa.Column("token", sa.String(63), primary_key=True),
    sa.Column("used_at", Timestamp, nullable=False),
)

log = structlog.get_logger()


class Minted(Struct, frozen=True):
    """A new token: the secret, which is shown once, and what the configuration keeps of it."""

    secret: str
    sha256: str


def minted() -> Minted:
    """Make a token of 256 random bits. Its SHA-256 tells nothing of it, so that may stand in plain text."""
    secret = _PREFIX + secrets.token_urlsafe(_BYTES)
    return Minted(secret, hashlib.sha256(secret.encode()).hexdigest())


class Tokens:
    """The tokens of the configuration. `settings` may be replaced on a reload."""

    def __init__(self, settings: TerminalSettings, store: Store, clock: Clock) -> None:
        self.settings = settings
        self._store = store
        self._clock = clock
        self._noted: dict[str, datetime] = {}

    def of(self, shown: str) -> Token | None:
        """Return the token that is shown, None where there is none or it has expired. Takes the same time for each."""
        given = hashlib.sha256(shown.encode(errors="replace")).digest()
        found = None
        for token in self.settings.tokens:
            if hmac.compare_digest(given, _known(token)):
                found = token
        return found if found is not None and shown and not self.expired(found) else None

    def expired(self, token: Token) -> bool:
        """Tell whether a token opens nothing any more."""
        return token.expires is not None and self._clock.now() >= token.expires

    def why_not(self, invocation: Invocation, command: Command, args: object, resource: Resource) -> str:
        """Return why the token by which something was asked may not be used for it, "" where it may.

        What a token opens is looked up when the wish is run, so that one taken away meanwhile does nothing more.
        """
        name = invocation.via.removeprefix(MARK)
        if name == invocation.via:
            return ""
        token = next((one for one in self.settings.tokens if one.name == name), None)
        if token is None or self.expired(token):
            return f"the token {name} opens nothing any more"
        if not token.narrowed:
            return ""
        if command.permission == OPEN:
            return "" if command.effect is Effect.READ else f"the token {name} is not for this"
        scope = Grant(
            permissions=token.allow,
            groups=(),
            services=token.services,
            environments=token.environments,
            targets=token.targets,
        )
        wanted = [command.permission, *(right for flag, right in _FLAGS.items() if getattr(args, flag, None))]
        for permission in wanted:
            if not scope.covers(permission, resource):
                return f"the token {name} is not for {permission} here"
        return ""

    async def note(self, token: Token) -> None:
        """Note that a token was used; a store that is away keeps nobody out."""
        now = self._clock.now()
        if token.name in self._noted and now - self._noted[token.name] < NOTED_EVERY:
            return
        self._noted[token.name] = now
        try:
            async with self._store.write() as tx:
                row = insert(tx.conn, uses).values(token=token.name, used_at=now)
                await tx.conn.execute(
                    row.on_conflict_do_update(index_elements=[uses.c.token], set_={"used_at": row.excluded.used_at})
                )
        except StoreUnavailable as error:
            log.warning("terminal.use_not_noted", token=token.name, reason=error.reason)


async def last_uses(store: Store) -> Mapping[str, datetime]:
    """Return when each token was last used, to the minute; those never used are left out."""
    async with store.read() as conn:
        rows: list[Any] = list((await conn.execute(sa.select(uses))).all())
    return {row.token: row.used_at for row in rows}


def _known(token: Token) -> bytes:
    if token.secret_hash:
        return bytes.fromhex(token.secret_hash)
    return hashlib.sha256(token.secret.get_secret_value().encode()).digest()
