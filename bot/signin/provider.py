"""`Provider`: the company's identity provider, asked over HTTPS.

Discovery (OpenID Connect Discovery 1.0), its keys with their rotation, the authorization code flow with PKCE (RFC 6749
section 4.1, RFC 7636), and nothing else: no token is kept.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp

from bot.clock import Clock
from bot.errors import Degraded
from bot.settings import Settings
from bot.settings.identity import IdentitySettings
from bot.signin.rules import Identity
from bot.signin.tokens import Expected, TokenRefused, UnknownKey, key_set, validate

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

KNOWN_FOR: Final = 3600.0
"""Seconds that the discovery document and the keys are believed."""

KEYS_AGAIN_AFTER: Final = 30.0
"""Seconds between two looks for keys that a token names and we do not have: strangers cannot make us ask more often."""

_DEADLINE = 10.0
_LONGEST = 512 * 1024
_CLIENT_ERRORS = range(400, 500)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Provider:
    """The provider of the configuration, which is asked for each time. What it says of itself is remembered an hour."""

    def __init__(self, settings: Callable[[], Settings], clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._of = ""  # the issuer that the rest was learnt of
        self._document: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._reading = asyncio.Lock()

    @property
    def settings(self) -> IdentitySettings:
        """The settings in force."""
        return self._settings().identity

    async def document(self) -> Mapping[str, Any]:
        """Return the discovery document. Raises: Degraded (`identity_away`)."""
        if self._of != self.settings.issuer:  # another provider was configured meanwhile
            self._of, self._document, self._keys = self.settings.issuer, None, None
        known = self._document
        if known is not None and self._clock.monotonic() - known[0] < KNOWN_FOR:
            return known[1]
        url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await self._get(url)
        # Discovery 1.0 section 4.3: otherwise one provider could speak for another.
        if found.get("issuer") != self.settings.issuer:
            raise _away(self.settings.issuer, f"it calls itself {str(found.get('issuer'))[:200]}")
        for name in _ENDPOINTS:
            _trusted(str(found.get(name, "")), self.settings.issuer, name)
        self._document = (self._clock.monotonic(), found)
        return found

    async def ping(self) -> str:
        """Return what is well, for whoever checks: the provider is there and its keys can be read.

        Raises:
            Degraded: it is not.
        """
        await self.document()
        keys = await self._newer_keys(None)
        count = len(keys.keys)
        return f"{self.settings.issuer}, {count} key{'' if count == 1 else 's'}"

    async def sign_in_url(self, *, state: str, nonce: str, challenge: str, redirect_uri: str, fresh: bool) -> str:
        """Return where a browser signs in. With `fresh` it has to do so anew, however it had before.

        Raises:
            Degraded: the provider does not answer.
        """
        values = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.settings.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if fresh:
            values |= {"prompt": "login", "max_age": str(int(self.settings.max_age.total_seconds()))}
            if self.settings.acr_values:
                values["acr_values"] = " ".join(self.settings.acr_values)
        endpoint = str((await self.document())["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(values)}"

    async def redeem(self, code: str, *, verifier: str, nonce: str, redirect_uri: str) -> Identity:
        """Return who signed in, for the code that their browser brought.

        Raises:
            TokenRefused: the code is not good, or the token that came for it.
            Degraded: the provider does not answer.
        """
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self.settings.client_id,
        }
        secret = self.settings.client_secret.get_secret_value()
        headers = {}
        if secret and "client_secret_post" in await self._ways() and "client_secret_basic" not in await self._ways():
            values["client_secret"] = secret
        elif secret:  # RFC 6749 section 2.3.1: both are form-encoded first
            pair = f"{quote_plus(self.settings.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._post(str((await self.document())["token_endpoint"]), values, headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise TokenRefused("the provider sent no ID token: is the scope openid allowed to this client?")
        return await self.read(token, client_id=self.settings.client_id, nonce=nonce)

    async def read(self, token: str, *, client_id: str, nonce: str = "") -> Identity:
        """Return who a token is of. One look for new keys is taken where it names one that is not known.

        Raises:
            TokenRefused: it proves nothing.
            Degraded: the provider's keys cannot be read.
        """
        expected = Expected(
            issuer=self.settings.issuer, client_id=client_id, groups_claim=self.settings.groups_claim, nonce=nonce
        )
        await self.document()
        keys = await self._known_keys()
        try:
            return validate(token, keys, expected, self._clock.now())
        except UnknownKey:
            newer = await self._newer_keys(keys)
            if newer is keys:
                raise
            return validate(token, newer, expected, self._clock.now())

    async def _ways(self) -> tuple[str, ...]:
        listed = (await self.document()).get("token_endpoint_auth_methods_supported")
        return tuple(map(str, listed)) if isinstance(listed, list) else ("client_secret_basic",)

    async def _known_keys(self) -> "KeySet":
        known = self._keys
        if known is not None and self._clock.monotonic() - known[0] < KNOWN_FOR:
            return known[1]
        return await self._newer_keys(None)

    async def _newer_keys(self, seen: "KeySet | None") -> "KeySet":
        """Return keys newer than `seen`, or `seen` where somebody looked a moment ago."""
        async with self._reading:
            known = self._keys
            if known is not None:
                recent = self._clock.monotonic() - known[0] < (KNOWN_FOR if seen is not known[1] else KEYS_AGAIN_AFTER)
                if recent:
                    return known[1]
            document = await self._get(str((await self.document())["jwks_uri"]))
            try:
                keys = key_set(document)
            except ImportError as error:
                raise _away(self.settings.issuer, "install the extra: pip install 'shipmate[identity]'") from error
            except ValueError as error:
                raise _away(self.settings.issuer, f"of its keys: {error}") from error
            self._keys = (self._clock.monotonic(), keys)
            return keys

    # ------------------------------------------------------------------------------------------------------- the wire

    async def _get(self, url: str) -> Mapping[str, Any]:
        status, values = await self._send("GET", url)
        if status != 200 or values is None:  # noqa: PLR2004 - HTTP
            raise _away(self.settings.issuer, f"it answers {status}{' and no JSON' if values is None else ''}")
        return values

    async def _post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        status, values = await self._send("POST", url, data=form, headers=headers)
        if status in _CLIENT_ERRORS and values is not None and isinstance(values.get("error"), str):
            said = str(values.get("error_description") or values["error"])[:200]
            raise TokenRefused(f"the provider refused it: {said}")
        if status != 200 or values is None:  # noqa: PLR2004 - HTTP
            raise _away(self.settings.issuer, f"it answers {status}")
        return values

    async def _send(self, method: str, url: str, **more: Any) -> tuple[int, Mapping[str, Any] | None]:  # noqa: ANN401
        """Ask, and return the status and the JSON object, None where the answer is none."""
        timeout = aiohttp.ClientTimeout(total=_DEADLINE)
        proxy = None if urlsplit(url).hostname in _LOOPBACK else self._settings().network.proxy or None
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, connector=self._connector()) as session,
                session.request(method, url, proxy=proxy, allow_redirects=False, **more) as response,
            ):
                body = await response.content.read(_LONGEST)
                return response.status, _json(body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _away(self.settings.issuer, str(error) or type(error).__name__) from error

    def _connector(self) -> aiohttp.TCPConnector:
        if not self._settings().network.ca_file:
            return aiohttp.TCPConnector()
        context = ssl.create_default_context()
        context.load_verify_locations(self._settings().network.ca_file)
        return aiohttp.TCPConnector(ssl=context)


def _json(body: bytes) -> Mapping[str, Any] | None:

    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _trusted(url: str, issuer: str, name: str) -> None:
    """Refuse an endpoint that is less safe than the issuer itself."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise _away(issuer, f"its {name} is {url[:200] or 'not told'}")


def _away(issuer: str, why: str) -> Degraded:
    return Degraded(
        "identity_away",
        f"The identity provider {issuer} cannot be used now: {why}. Nothing was decided. Try again in a moment.",
    )
