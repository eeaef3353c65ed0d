"""ID tokens: what is not signed by the provider, for us, now, proves nothing."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings as tried, strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from bot.signin.rules import too_weak
from bot.signin.tokens import Expected, TokenRefused, UnknownKey, key_set, validate

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
FORGED = RSAKey.generate_key(2048, {"kid": "one"})
KEYS = key_set({"keys": [KEY.as_dict(private=False)]})
EXPECTED = Expected(issuer="https://id.example", client_id="shipmate", groups_claim="groups", nonce="n1")
CLAIMS = {
    "iss": "https://id.example",
    "aud": "shipmate",
    "sub": "s1",
    "exp": AT + 600,
    "iat": AT,
    "nonce": "n1",
    "email": "Ana@Example.org ",
    "email_verified": True,
    "groups": ["b", "a", 7],
    "auth_time": AT - 5,
    "acr": "mfa",
}


def token(key=KEY, alg="RS256", kid="one", **changed):
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid}, claims, key, algorithms=[alg])


def unsigned(**header):
    def part(values):
        return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', **header})}.{part(CLAIMS)}."


def test_a_good_token_says_who_it_is():
    who = validate(token(), KEYS, EXPECTED, NOW)
    assert (who.issuer, who.subject, who.email, who.groups) == (
        "https://id.example",
        "s1",
        "ana@example.org",
        ("a", "b"),
    )
    assert (who.acr, who.auth_time, who.issued_at) == ("mfa", NOW - timedelta(seconds=5), NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://id.example/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["another"]},
        {"aud": ["shipmate", "another"]},
        {"aud": ["shipmate", "another"], "azp": "another"},
        {"azp": "another"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"exp": None},
        {"exp": AT - 61},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": AT + 600},
        {"nbf": AT + 600},
        {"nonce": None},
        {"nonce": "n2"},
    ],
    ids=str,
)
def test_a_claim_that_does_not_hold(changed):
    with pytest.raises(TokenRefused):
        validate(token(**changed), KEYS, EXPECTED, NOW)


def test_a_clock_that_is_a_little_off_is_borne():
    assert validate(token(exp=AT - 59, iat=AT + 59), KEYS, EXPECTED, NOW).subject == "s1"


def test_several_audiences_with_ours_as_the_party():
    assert validate(token(aud=["shipmate", "another"], azp="shipmate"), KEYS, EXPECTED, NOW).subject == "s1"


def test_a_signature_by_another_key_of_the_same_name():
    with pytest.raises(TokenRefused) as caught:
        validate(token(FORGED), KEYS, EXPECTED, NOW)
    assert not isinstance(caught.value, UnknownKey)


def test_a_key_that_is_not_listed_is_worth_a_look_at_the_provider():
    with pytest.raises(UnknownKey):
        validate(token(OTHER, kid="two"), KEYS, EXPECTED, NOW)


def test_a_public_key_is_never_a_shared_secret():
    head, body, _ = unsigned(alg="HS256", kid="one").split(".")
    mac = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    with pytest.raises(TokenRefused):
        validate(f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}", KEYS, EXPECTED, NOW)
    known = KeySet([*KEYS.keys, OctKey.import_key({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "mac"})])
    forged = token(known.keys[-1], alg="HS256", kid="mac")
    with pytest.raises(TokenRefused):
        validate(forged, known, EXPECTED, NOW)


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 40_000, unsigned(), unsigned(kid="one"), "é.é.é"])
def test_what_is_no_signed_token(text):
    with pytest.raises(TokenRefused):
        validate(text, KEYS, EXPECTED, NOW)


@given(st.text(max_size=200), st.integers(min_value=0, max_value=600))
@tried(max_examples=60, deadline=None)
def test_a_token_that_was_changed_anywhere(text, at):
    good = token()
    at %= len(good)
    changed = good[:at] + text + good[at + 1 :]
    if changed == good:
        return
    try:
        who = validate(changed, KEYS, EXPECTED, NOW)
    except TokenRefused:
        return
    assert who == validate(good, KEYS, EXPECTED, NOW), "only what base64 ignores may differ"


def test_elliptic_curves_and_keys_that_are_not_for_signing():
    curve = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig", "alg": "ES256"})
    listed = key_set(
        {
            "keys": [
                curve.as_dict(private=False),
                {"kty": "PQ", "kid": "new"},
                {**KEY.as_dict(private=False), "use": "enc"},
            ]
        }
    )
    assert validate(token(curve, alg="ES256", kid="ec"), listed, EXPECTED, NOW).subject == "s1"
    with pytest.raises(UnknownKey):
        validate(token(), listed, EXPECTED, NOW)


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": "x"}, {"keys": [{"kty": "RSA"}]}, {"keys": [7]}])
def test_documents_without_keys(document):
    with pytest.raises(ValueError, match="keys"):
        key_set(document)


@pytest.mark.parametrize(
    ("changed", "email"), [({"email_verified": False}, ""), ({"email_verified": "true"}, ""), ({"email": None}, "")]
)
def test_an_address_counts_only_where_it_is_verified(changed, email):
    assert validate(token(**changed), KEYS, EXPECTED, NOW).email == email


@pytest.mark.parametrize(
    ("listed", "groups"), [(None, None), ("one", ("one",)), ([], ()), ({"a": 1}, None), (["g"] * 3000, None)]
)
def test_groups_as_providers_tell_them(listed, groups):
    assert validate(token(groups=listed), KEYS, EXPECTED, NOW).groups == groups


@pytest.mark.parametrize(
    ("changed", "since", "word"),
    [
        ({"auth_time": None}, NOW, "auth_time"),
        ({"auth_time": True}, NOW, "auth_time"),
        ({"auth_time": AT - 3600}, NOW, "anew"),
        ({"auth_time": AT - 120}, NOW - timedelta(seconds=30), "anew"),
        ({"auth_time": 10**30}, NOW, "auth_time"),
        ({"acr": "password"}, NOW, "password"),
        ({"acr": None}, NOW, "not told"),
        ({}, NOW, ""),
    ],
)
def test_what_is_too_weak_or_too_old_to_approve_by(changed, since, word):
    who = validate(token(**changed), KEYS, EXPECTED, NOW)
    weak = too_weak(who, ("mfa",), now=NOW, max_age=timedelta(minutes=5), since=since)
    assert word in weak
    assert bool(word) == bool(weak)
