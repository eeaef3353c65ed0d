"""GitLab's failures to our errors. Pure.

Its statuses: https://docs.gitlab.com/api/rest/troubleshooting/#status-codes
Its limits: https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    Refused,
    Unavailable,
)
from integrations.http import read_json

_DEFAULT_WAIT = 10.0
_LONGEST_WAIT = 3600.0
_REFUSALS = {400, 405, 406, 409, 412, 422}


def error_of(instance: str, status: int, headers: Mapping[str, str], body: bytes) -> IntegrationError | None:
    """Return what an answer with this HTTP status means for the caller, None for a good one.

    `headers` have lower-case names. A 404, 405, 406, 409 or 422 is told in GitLab's own words.
    """
    if status < 400:  # noqa: PLR2004 -- statuses of RFC 9110
        return None
    words = words_of(body)
    said = f"answers {status}: {words}" if words else f"answers {status}"
    if status == 429 or (status == 503 and "retry-after" in headers):  # noqa: PLR2004 -- statuses of RFC 9110
        return RateLimited(instance, said, retry_after=_wait(headers))
    if status in {401, 403, 404}:
        return _no_entry(instance, status, words, body)
    if status in _REFUSALS and words:
        return Refused(instance, words)
    if status >= 500 or status == 408:  # noqa: PLR2004 -- statuses of RFC 9110
        return Unavailable(instance, said)
    return BadReply(instance, said, excerpt=body[:500].decode(errors="replace"))


def lacks_scope(body: bytes) -> str:
    """Return the scopes that would be enough when a 403 says `insufficient_scope`, "" for any other body."""
    answer = _json(body)
    if answer.get("error") != "insufficient_scope":
        return ""
    return str(answer.get("scope", "")) or "api"


def words_of(body: bytes) -> str:
    """Return what GitLab says in the body of a failure, in one line; "" when it is none of GitLab's."""
    answer = _json(body)
    for name in ("message", "error_description", "error"):
        if name in answer:
            return _flat(answer[name])[:500]
    return ""


def _no_entry(instance: str, status: int, words: str, body: bytes) -> IntegrationError:
    if status == 401:  # noqa: PLR2004 -- Unauthorized
        if "expired" in words.lower():
            return NotAuthenticated(instance, "the token has expired: make a new one and give it as `token`")
        if "revoked" in words.lower():
            return NotAuthenticated(instance, "the token was revoked: make a new one and give it as `token`")
        return NotAuthenticated(instance, f"the token is missing or wrong ({words or 'no reason given'})")
    if status == 403:  # noqa: PLR2004 -- Forbidden
        needed = lacks_scope(body)
        if needed:
            return NotPermitted(instance, f"the token lacks a scope: one of {needed.replace(' ', ', ')} is needed")
        return NotPermitted(instance, f"these credentials may not do this ({words or 'no reason given'})")
    return NotFound(instance, words or "there is nothing of GitLab's at this address: check `url`")


def _flat(value: object) -> str:
    """Return GitLab's message, which is text, a list of texts, or lists by field."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_flat(one)}" if name != "base" else _flat(one) for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(one) for one in value)
    return " ".join(str(value).split())


def _json(body: bytes) -> Mapping[str, object]:
    try:
        answer = read_json(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _wait(headers: Mapping[str, str]) -> float:
    """Return for how many seconds to wait: as told, else until the limit is lifted by the server's own clock."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    reset = headers.get("ratelimit-reset", "").strip()  # seconds since 1970
    try:
        now = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return _DEFAULT_WAIT
    return min(max(int(reset) - now, 1.0), _LONGEST_WAIT) if reset.isdigit() else _DEFAULT_WAIT
