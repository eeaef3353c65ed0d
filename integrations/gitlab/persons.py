"""PersonalAccess: GitLab's OAuth 2.0, authorization code with PKCE.

https://docs.gitlab.com/api/oauth2/#authorization-code-with-proof-key-for-code-exchange-pkce
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import gitlab
from pydantic import SecretStr

from integrations.capabilities.persons import Account, Grant
from integrations.errors import BadReply, NotAuthenticated, NotFound, NotPermitted, Refused
from integrations.gitlab.part import Part


class Persons(Part):
    """Lets a person sign in at GitLab, and renews and ends what they granted."""

    def sign_in_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return where the person signs in; `challenge` is the S256 code challenge.

        Raises:
            Refused: no OAuth application is configured for this instance.
        """
        asked = {
            "client_id": self._client()["client_id"],
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "state": state,
            "scope": " ".join(self._api.settings.oauth_scopes),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._api.settings.url}/oauth/authorize?{urlencode(asked)}"

    async def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant:
        """Return the grant for a code that came back. Raises: Refused when the code is no good."""
        fields = {
            **self._client(),
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        try:
            return self._grant(await self._api.post_form("/oauth/token", fields))
        except NotAuthenticated as error:
            raise Refused(
                self.instance, "GitLab does not know our OAuth application: check `oauth_client_id` and its secret"
            ) from error

    async def renew(self, grant: Grant) -> Grant:
        """Return a fresh grant for one that ends; the old one is worth nothing then. Raises: NotAuthenticated."""
        if grant.refresh_token is None:
            raise NotAuthenticated(self.instance, "the person's grant cannot be renewed: they sign in again")
        fields = {
            **self._client(),
            "grant_type": "refresh_token",
            "refresh_token": grant.refresh_token.get_secret_value(),
        }
        try:
            return self._grant(await self._api.post_form("/oauth/token", fields))
        except Refused as error:
            raise NotAuthenticated(
                self.instance, f"the person's grant has ended: they sign in again ({error.reason})"
            ) from error

    async def revoke(self, grant: Grant) -> None:
        """End a grant at GitLab. One that has ended is no error."""
        for token in (grant.access_token, grant.refresh_token):
            if token is not None:
                await self._api.post_form("/oauth/revoke", {**self._client(), "token": token.get_secret_value()})

    async def whose(self, grant: Grant) -> Account:
        """Return who gave the grant. Raises: NotAuthenticated."""

        def ask(library: gitlab.Gitlab) -> Account:
            answer = library.http_get("/user")
            if not isinstance(answer, dict):
                raise BadReply(self.instance, "a user is no object", excerpt=str(answer))
            email = str(answer.get("email") or "") if answer.get("confirmed_at") else ""
            return account_of(answer, email)

        return await self._api.read_as(grant.access_token.get_secret_value(), ask)

    async def find_account(self, email: str) -> Account | None:
        """Return the account that publicly has this address, a proposal and never a proof; None if none is seen."""

        def ask(library: gitlab.Gitlab) -> Account | None:
            listed = library.users.list(search=email, per_page=5, get_all=False)
            fits = []
            for one in listed:
                try:
                    about = library.users.get(one.id).attributes
                except (NotFound, NotPermitted):
                    continue
                if str(about.get("public_email") or "").lower() == email.lower():
                    fits.append(account_of(about, str(about["public_email"])))
            return fits[0] if len(fits) == 1 else None

        return await self._api.read(ask)

    def _client(self) -> dict[str, str]:
        settings = self._api.settings
        if not settings.oauth_client_id:
            raise Refused(
                self.instance,
                "no OAuth application is configured: make one in GitLab and give `oauth_client_id`, "
                "`oauth_client_secret`",
            )
        client = {"client_id": settings.oauth_client_id}
        if settings.oauth_client_secret is not None:
            client["client_secret"] = settings.oauth_client_secret.get_secret_value()
        return client

    def _grant(self, answer: Mapping[str, Any]) -> Grant:
        try:
            expires_at = None
            if answer.get("expires_in"):
                created_at = datetime.fromtimestamp(int(answer["created_at"]), tz=UTC)
                expires_at = created_at + timedelta(seconds=int(answer["expires_in"]))
            refresh_token = answer.get("refresh_token")
            return Grant(
                access_token=SecretStr(str(answer["access_token"])),
                refresh_token=SecretStr(str(refresh_token)) if refresh_token else None,
                expires_at=expires_at,
                scopes=tuple(str(answer.get("scope") or "").split()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadReply(self.instance, f"the answer is no grant: {type(error).__name__}") from error


def account_of(user: Mapping[str, Any], email: str) -> Account:
    """Return the account of a user of GitLab's."""
    return Account(
        id=str(user["id"]),
        username=str(user["username"]),
        name=str(user.get("name") or ""),
        email=email,
        url=str(user.get("web_url") or ""),
    )
