"""PersonalAccess: act in a tool as a person, by a grant that this person gave at the tool itself (OAuth 2.0)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct
from pydantic import SecretStr


class Grant(Struct, frozen=True, kw_only=True):
    """What lets us act as a person. Without `expires_at` it holds until it is revoked."""

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_at: datetime | None = None
    scopes: Sequence[str] = ()


class Account(Struct, frozen=True, kw_only=True):
    """Who somebody is in a tool. `id` never changes, `username` may; `email` is the confirmed one, if we may see it."""

    id: str
    username: str
    name: str = ""
    email: str = ""
    url: str = ""


@runtime_checkable
class PersonalAccess(Protocol):
    """The authorization code flow with PKCE (RFC 6749, RFC 7636). Our own tokens are never used for a person."""

    def sign_in_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return where the person signs in; `challenge` is the S256 code challenge.

        Raises:
            Refused: no OAuth application is configured for this instance.
        """
        ...

    async def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant:
        """Return the grant for a code that came back. Raises: Refused when the code is no good."""
        ...

    async def renew(self, grant: Grant) -> Grant:
        """Return a fresh grant for one that ends; the old one is worth nothing then. Raises: NotAuthenticated."""
        ...

    async def revoke(self, grant: Grant) -> None:
        """End a grant at the tool. One that has ended is no error."""
        ...

    async def whose(self, grant: Grant) -> Account:
        """Return who gave the grant. Raises: NotAuthenticated."""
        ...

    async def find_account(self, email: str) -> Account | None:
        """Return the account that publicly has this address, a proposal and never a proof; None if none is seen."""
        ...
