"""ID tokens, validated in full: OpenID Connect Core 1.0, section 3.1.3.7, with RFC 7519 and RFC 8725."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from bot.signin.rules import LEEWAY, Identity

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key alone: never `none`, and never a MAC, for which a public key could be taken as secret."""

_LONGEST = 32 * 1024
_MOST_GROUPS = 2000


class TokenRefused(Exception):
    """A token proves nothing; `why` is safe to show."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownKey(TokenRefused):
    """It was signed by a key that is not among those we have: perhaps the provider has changed its keys."""


class Expected(Struct, frozen=True, kw_only=True):
    """What a token must be: whose, for which client, and, where one was sent, with which nonce."""

    issuer: str
    client_id: str
    groups_claim: str
    nonce: str = ""


def key_set(document: Mapping[str, Any]) -> "KeySet":
    """Return the keys of a JWKS (RFC 7517). Raises: ValueError."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - costs only where people sign in
    from joserfc.jwk import KeySet  # noqa: PLC0415 - the same

    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("it lists no keys")  # noqa: TRY004 - what came is wrong, not our call
    signing = [one for one in entries if isinstance(one, dict) and one.get("use", "sig") == "sig"]
    try:
        keys = KeySet.import_key_set({"keys": signing})
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError(f"its keys cannot be read: {error}") from error
    if not keys.keys:
        raise ValueError("it lists no keys that sign")
    return keys


def validate(token: str, keys: "KeySet", expected: Expected, now: datetime) -> Identity:
    """Return who signed in, by a token whose every claim holds at `now`.

    Raises:
        UnknownKey: none of the keys is the one it names.
        TokenRefused: it is not signed by the provider, not for us, too old, or not the one that was asked for.
    """
    claims = _signed(token, keys)
    _hold(claims, expected, now)
    return _identity(claims, expected.groups_claim)


def _signed(token: str, keys: "KeySet") -> dict[str, Any]:
    from joserfc import jwt  # noqa: PLC0415 - costs only where people sign in
    from joserfc.errors import InvalidKeyIdError, JoseError  # noqa: PLC0415 - the same

    if len(token) > _LONGEST:
        raise TokenRefused("the token is too long")
    try:
        return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except InvalidKeyIdError as error:
        raise UnknownKey("the token is signed by a key that the provider does not list") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise TokenRefused(f"the token is not one that the provider signed ({type(error).__name__})") from error


def _hold(claims: Mapping[str, Any], expected: Expected, now: datetime) -> None:
    """Check each claim. Raises: TokenRefused."""
    from joserfc.errors import ClaimError  # noqa: PLC0415 - costs only where people sign in
    from joserfc.jwt import ClaimsOption, JWTClaimsRegistry  # noqa: PLC0415 - the same

    options: dict[str, ClaimsOption] = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }
    if expected.nonce:
        options["nonce"] = {"essential": True, "value": expected.nonce}
    leeway = int(LEEWAY.total_seconds())
    try:
        JWTClaimsRegistry(now=int(now.timestamp()), leeway=leeway, **options).validate(dict(claims))
    except ClaimError as error:
        raise TokenRefused(f"the token's claim does not hold: {error}") from error
    audience, party = claims["aud"], claims.get("azp")
    if isinstance(audience, list) and set(audience) != {expected.client_id} and party is None:
        raise TokenRefused("the token is for several, and does not say for whom it was made (azp)")
    if party is not None and party != expected.client_id:
        raise TokenRefused("the token was made for another client (azp)")


def _identity(claims: Mapping[str, Any], groups_claim: str) -> Identity:
    listed = claims.get(groups_claim)
    if isinstance(listed, str):
        listed = [listed]
    groups = None
    if isinstance(listed, list) and len(listed) <= _MOST_GROUPS:
        groups = tuple(sorted({one for one in listed if isinstance(one, str)}))
    verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        email=claims["email"].strip().casefold() if verified else "",
        name=str(claims.get("name") or claims.get("preferred_username") or ""),
        groups=groups,
        acr=claims["acr"] if isinstance(claims.get("acr"), str) else "",
        auth_time=_moment(claims.get("auth_time")),
        issued_at=_moment(claims["iat"]) or datetime.fromtimestamp(0, UTC),
    )


def _moment(value: Any) -> datetime | None:  # noqa: ANN401 - whatever the token says
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None
