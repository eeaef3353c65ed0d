"""The contract of PersonalAccess."""

import base64
import hashlib
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from integrations.capabilities.persons import Account, Grant, PersonalAccess
from integrations.errors import NotAuthenticated, Refused

REDIRECT = "https://shipmate.example.org/oauth/callback"
VERIFIER = "a-verifier-of-forty-three-characters-or-more-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class SigningIn(Protocol):
    """What the suite needs: a tool with an account `ada`, whose address ada@example.org is public, and `bob`."""

    tool: PersonalAccess

    async def sign_in(self, url: str, username: str) -> str:
        """Open the address as a browser in which somebody is signed in; return where it is sent back to."""
        ...

    def end_all(self, username: str) -> None:
        """Take back, in the tool itself, all that somebody granted."""
        ...


class PersonalAccessContract:
    """Derive from it and override `signing`."""

    @pytest.fixture
    def signing(self) -> SigningIn:
        raise NotImplementedError

    async def code(self, signing: SigningIn, username: str = "ada") -> str:
        back = await signing.sign_in(signing.tool.sign_in_url(REDIRECT, "st/ate", CHALLENGE), username)
        assert back.startswith(f"{REDIRECT}?")
        query = parse_qs(urlsplit(back).query)
        assert query["state"] == ["st/ate"]
        return query["code"][0]

    async def granted(self, signing: SigningIn, username: str = "ada") -> Grant:
        return await signing.tool.redeem(await self.code(signing, username), REDIRECT, VERIFIER)

    async def test_a_person_signs_in_and_is_known(self, signing):
        grant = await self.granted(signing)
        account = await signing.tool.whose(grant)
        assert (account.username, account.email) == ("ada", "ada@example.org")
        assert account.id
        assert grant.expires_at is not None
        assert grant.refresh_token is not None
        other = await signing.tool.whose(await self.granted(signing, "bob"))
        assert (other.username, other.id != account.id) == ("bob", True)

    async def test_no_token_is_shown(self, signing):
        grant = await self.granted(signing)
        assert grant.access_token.get_secret_value() not in repr(grant)

    async def test_a_code_works_once_with_its_verifier_and_its_address(self, signing):
        code = await self.code(signing)
        await signing.tool.redeem(code, REDIRECT, VERIFIER)
        with pytest.raises(Refused):
            await signing.tool.redeem(code, REDIRECT, VERIFIER)
        with pytest.raises(Refused):
            await signing.tool.redeem(await self.code(signing), REDIRECT, "another" + VERIFIER)
        with pytest.raises(Refused):
            await signing.tool.redeem(await self.code(signing), f"{REDIRECT}/2", VERIFIER)
        with pytest.raises(Refused):
            await signing.tool.redeem("made-up", REDIRECT, VERIFIER)

    async def test_a_grant_is_renewed_and_the_old_one_is_worth_nothing(self, signing):
        old = await self.granted(signing)
        new = await signing.tool.renew(old)
        assert (await signing.tool.whose(new)).username == "ada"
        with pytest.raises(NotAuthenticated):
            await signing.tool.whose(old)
        with pytest.raises(NotAuthenticated):
            await signing.tool.renew(old)

    async def test_a_grant_that_was_revoked_is_no_more(self, signing):
        grant = await self.granted(signing)
        await signing.tool.revoke(grant)
        await signing.tool.revoke(grant)
        with pytest.raises(NotAuthenticated):
            await signing.tool.whose(grant)
        with pytest.raises(NotAuthenticated):
            await signing.tool.renew(grant)

    async def test_a_grant_that_was_ended_at_the_tool_is_no_more(self, signing):
        grant = await self.granted(signing)
        signing.end_all("ada")
        with pytest.raises(NotAuthenticated):
            await signing.tool.whose(grant)
        with pytest.raises(NotAuthenticated):
            await signing.tool.renew(grant)

    async def test_what_cannot_be_renewed_and_what_nobody_gave(self, signing):
        for grant in (Grant(access_token=SecretStr("x")), Grant(access_token=SecretStr(""))):
            with pytest.raises(NotAuthenticated):
                await signing.tool.renew(grant)
            with pytest.raises(NotAuthenticated):
                await signing.tool.whose(grant)

    async def test_an_account_is_proposed_by_its_public_address_alone(self, signing):
        found = await signing.tool.find_account("ada@example.org")
        assert isinstance(found, Account)
        assert found.username == "ada"
        assert await signing.tool.find_account("nobody@example.org") is None
        assert await signing.tool.find_account("ada") is None
