"""`shipmate login`: sign a person in by the device flow (RFC 8628), and keep what proves it on their machine.

The client talks to the identity provider itself; Shipmate only tells which one and sees the ID token with each request.
What is kept stands in one file that only its owner reads, by the address of the Shipmate it is for.
"""

import asyncio
import base64
import binascii
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from bot.clock import Clock

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER_BY: Final = 5.0
"""Seconds that a `slow_down` adds to the pause, for good (RFC 8628 section 3.5)."""

_PAUSE = 5.0  # between two questions, where the provider names none
_RENEWED_BEFORE = 60.0
_LONGEST = 600.0
_NO_ANSWER = aiohttp.ClientTimeout(total=15)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Say = Callable[[str], None]
Pause = Callable[[float], Any]


class NotSignedIn(Exception):
    """Signing in did not work; the text says why and what to do, `status` is the exit status."""

    def __init__(self, text: str, status: int = REFUSED) -> None:
        super().__init__(text)
        self.status = status


class Kept:
    """The sign-ins of one person on their machine: a file below `folder` that only they read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sign-ins.json"

    def get(self, url: str) -> dict[str, str]:
        """Return what is kept for a Shipmate, nothing where nobody signed in."""
        found = self._read().get(_key(url))
        return found if isinstance(found, dict) else {}

    def put(self, url: str, values: Mapping[str, str] | None) -> None:
        """Keep a sign-in in place of the one before, or forget it. Written whole or not at all, with mode 0600."""
        everything = self._read()
        everything.pop(_key(url), None)
        if values is not None:
            everything[_key(url)] = dict(values)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent)  # made with 0600
        with os.fdopen(handle, "w") as file:
            json.dump(everything, file)
        Path(name).replace(self._path)

    def _read(self) -> dict[str, Any]:
        try:
            values = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}


class SignIn:
    """Signs a person in for the Shipmate at `url`."""

    def __init__(self, url: str, kept: Kept, clock: Clock, *, say: Say = print, pause: Pause = asyncio.sleep) -> None:
        self._url = url.rstrip("/")
        self._kept = kept
        self._clock = clock
        self._say = say
        self._pause = pause

    async def begin(self) -> None:
        """Show a code to type at the provider, wait until it was, and keep the sign-in.

        Raises:
            NotSignedIn: it was refused, took too long, or something does not answer.
        """
        _safe(self._url)
        async with aiohttp.ClientSession(timeout=_NO_ANSWER) as http:
            _, offer = await _ask(http, "GET", f"{self._url}/api/identity")
            if not offer.get("issuer"):
                raise NotSignedIn(f"The Shipmate at {self._url} signs nobody in in a terminal.")
            provider = await _discover(http, str(offer["issuer"]))
            endpoint = provider.get("device_authorization_endpoint")
            if not endpoint:
                raise NotSignedIn(f"{offer['issuer']} has no device flow.")
            scopes = " ".join(dict.fromkeys((*map(str, offer["scopes"]), "offline_access")))
            form = {"client_id": str(offer["client_id"]), "scope": scopes}
            status, device = await _ask(http, "POST", str(endpoint), form)
            if status != 200:  # noqa: PLR2004 - HTTP
                raise NotSignedIn(f"The provider refused: {_why(device)}.")
            self._say(f"Open {device['verification_uri']} and type {device['user_code']}")
            if complete := device.get("verification_uri_complete"):
                self._say(f"or open {complete} and see that it shows this code.")
            tokens = await self._wait(http, str(provider["token_endpoint"]), form["client_id"], device)
        self._keep(tokens, {"issuer": str(offer["issuer"]), "client_id": form["client_id"]})
        self._say("You are signed in.")

    async def _wait(
        self, http: aiohttp.ClientSession, endpoint: str, client_id: str, device: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Ask as often as the provider allows until it knows (RFC 8628 section 3.4 and 3.5)."""
        form = {"grant_type": DEVICE_CODE, "device_code": str(device["device_code"]), "client_id": client_id}
        pause = float(device.get("interval") or _PAUSE)
        ends = self._clock.monotonic() + min(float(device.get("expires_in") or _LONGEST), _LONGEST)
        while self._clock.monotonic() < ends:
            await self._pause(pause)
            try:
                status, answer = await _ask(http, "POST", endpoint, form)
            except NotSignedIn:
                pause *= 2  # it is away: ask less often
                continue
            if status == 200:  # noqa: PLR2004 - HTTP
                return answer
            match answer.get("error"):
                case "authorization_pending":
                    pass
                case "slow_down":
                    pause += SLOWER_BY
                case "expired_token":
                    break
                case "access_denied":
                    raise NotSignedIn("You said no, so nobody is signed in.")
                case _:
                    raise NotSignedIn(f"The provider refused: {_why(answer)}.")
        raise NotSignedIn("The code was not typed in time. Begin again: shipmate login")

    async def token(self) -> str:
        """Return the ID token to show, renewed where it is about to end; "" where nobody signed in.

        Raises:
            NotSignedIn: it has ended and cannot be renewed.
        """
        kept = self._kept.get(self._url)
        if not kept or _ends(kept["id_token"]) > self._clock.now().timestamp() + _RENEWED_BEFORE:
            return kept.get("id_token", "")
        again = "Your sign-in has ended. Sign in again: shipmate login"
        if not kept.get("refresh_token"):
            raise NotSignedIn(again)
        async with aiohttp.ClientSession(timeout=_NO_ANSWER) as http:
            provider = await _discover(http, kept["issuer"])
            form = {
                "grant_type": "refresh_token",
                "refresh_token": kept["refresh_token"],
                "client_id": kept["client_id"],
            }
            status, answer = await _ask(http, "POST", str(provider["token_endpoint"]), form)
        if status != 200 or not answer.get("id_token"):  # noqa: PLR2004 - HTTP
            raise NotSignedIn(again)
        self._keep({"refresh_token": kept["refresh_token"], **answer}, kept)
        return str(answer["id_token"])

    async def end(self) -> None:
        """Forget the sign-in, and have the provider forget it where it can (RFC 7009)."""
        kept = self._kept.get(self._url)
        self._kept.put(self._url, None)
        if not kept.get("refresh_token"):
            return
        try:
            async with aiohttp.ClientSession(timeout=_NO_ANSWER) as http:
                provider = await _discover(http, kept["issuer"])
                if endpoint := provider.get("revocation_endpoint"):
                    form = {"token": kept["refresh_token"], "client_id": kept["client_id"]}
                    await _ask(http, "POST", str(endpoint), form)
        except NotSignedIn as error:
            self._say(f"It is forgotten here, but the provider could not be told: {error}")

    def _keep(self, tokens: Mapping[str, Any], of: Mapping[str, str]) -> None:
        if not tokens.get("id_token"):
            raise NotSignedIn("The provider sent no ID token: is the scope openid allowed to this client?")
        values = {"issuer": of["issuer"], "client_id": of["client_id"], "id_token": str(tokens["id_token"])}
        if tokens.get("refresh_token"):
            values["refresh_token"] = str(tokens["refresh_token"])
        self._kept.put(self._url, values)


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return where the person's sign-ins are kept: $XDG_CONFIG_HOME/shipmate, else ~/.config/shipmate."""
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "shipmate"


async def _discover(http: aiohttp.ClientSession, issuer: str) -> Mapping[str, Any]:
    _safe(issuer)
    status, found = await _ask(http, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if status != 200 or found.get("issuer") != issuer:  # noqa: PLR2004 - HTTP
        raise NotSignedIn(f"{issuer} is no identity provider.", UNREACHABLE)
    for name in ("token_endpoint", "device_authorization_endpoint", "revocation_endpoint"):
        if name in found:
            _safe(str(found[name]))
    return found


async def _ask(
    http: aiohttp.ClientSession, method: str, url: str, form: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, Any]]:
    """Return status and JSON object of an answer; nothing in it where it is none. Raises: NotSignedIn."""
    try:
        async with http.request(method, url, data=form, allow_redirects=False) as response:
            body = await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise NotSignedIn(f"No answer from {url}: {str(error) or type(error).__name__}.", UNREACHABLE) from error
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        values = {}
    return status, values if isinstance(values, dict) else {}


def _safe(url: str) -> None:
    """Refuse an address that anybody on the way could answer for."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise NotSignedIn(f"{url} is not https: a sign-in would travel unencrypted.", USAGE)


def _ends(token: str) -> float:
    """Return when a token says that it ends, seconds since 1970; 0 where it says nothing. Shipmate validates it."""
    try:
        body = token.split(".")[1]
        values = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(values["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return 0.0


def _why(answer: Mapping[str, Any]) -> str:
    return str(answer.get("error_description") or answer.get("error") or "it does not say why")[:200]


def _key(url: str) -> str:
    return url.rstrip("/")
