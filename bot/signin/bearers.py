"""`Bearers`: people who signed in in a terminal, by the ID token that their client shows with each request.

The token is made for a client of its own (`identity.terminal_client_id`), so that it is none of a browser's sign-in and
the other way round, and is validated in full each time: signature, issuer, audience, expiry.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from bot.errors import Refused
from bot.permissions import EVERYONE, Permissions
from bot.signin.persons import Persons
from bot.signin.provider import Provider
from bot.signin.tokens import TokenRefused
from bot.terminal import Bearer


class Bearers:
    """Tells the terminal's door who is there."""

    def __init__(self, provider: Provider, persons: Persons, permissions: Permissions) -> None:
        self._provider = provider
        self._persons = persons
        self._permissions = permissions

    def offer(self) -> Mapping[str, Any]:
        """Return what `shipmate login` needs to know; nothing where nobody may sign in so."""
        settings = self._provider.settings
        if not settings.issuer or not settings.terminal_client_id:
            return {}
        scopes = list(dict.fromkeys(("openid", *settings.scopes)))
        return {"issuer": settings.issuer, "client_id": settings.terminal_client_id, "scopes": scopes}

    async def of(self, token: str) -> Bearer | None:
        """Return whose ID token this is, None where nobody signs in here.

        Raises:
            Refused: the token proves nothing (`bad_token`), or its owner is nobody here (`nobody_here`).
            Degraded: the provider's keys are needed and cannot be read.
        """
        if not self.offer():
            return None
        try:
            who = await self._provider.read(token, client_id=self._provider.settings.terminal_client_id)
        except TokenRefused as error:
            raise Refused("bad_token", f"This sign-in opens nothing: {error.why}. Type: shipmate login") from error
        person = await self._persons.of_subject(who)
        if person is None:
            raise Refused(
                "nobody_here",
                f"{who.email or who.subject} is nobody's account here. Type /shipmate login in Slack once, which links "
                "it with you.",
            )
        name = hashlib.sha256(f"{who.issuer} {who.subject}".encode()).hexdigest()[:24]
        groups = await self._permissions.groups_of(person, among=())
        return Bearer(
            name=f"oidc-{name}",
            person=person,
            title=self._permissions.name_of(person),
            via=f"oidc:{who.issuer} {who.subject}",
            guest=EVERYONE not in groups,
        )
