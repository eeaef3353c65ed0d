"""Jenkins' refusals and error pages to our errors. Pure.

Jenkins answers errors in HTML, in plain text or with a reason in `X-Error`, whatever was asked for.
"""

import re
from collections.abc import Mapping
from html import unescape

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

_DEFAULT_WAIT = 5.0
_TITLE = re.compile(r"<title>\s*(?:Error \d+ )?(.*?)\s*(?:\[Jenkins\])?\s*</title>", re.DOTALL | re.IGNORECASE)
_PERMISSION = re.compile(r"Permission you need to have \(but didn't\): (\S+)|is missing the (\S+) permission")
_USER = re.compile(r"You are authenticated as: (\S+)")
_STARTING = re.compile(r"Please wait while Jenkins is (?:getting ready|restarting)", re.IGNORECASE)
_SIGN_IN = re.compile(r"login|signin|sso|oauth|saml|securityRealm", re.IGNORECASE)
_BUSY = 503


def error_of(instance: str, status: int, headers: Mapping[str, str], body: bytes) -> IntegrationError | None:
    """Return what an answer with this HTTP status means for the caller, None for a good one (2xx)."""
    if status // 100 == 2:  # noqa: PLR2004 -- RFC 9110: successful
        return None
    text = body[:65536].decode(errors="replace")
    if status in {401, 403, 404}:
        return _no_entry(instance, status, text)
    if status in {429, _BUSY} and (late := _later(instance, status, headers, text)) is not None:
        return late
    words = words_of(headers, text)
    said = f"answers {status}: {words}" if words else f"answers {status}"
    if status in {400, 405, 409, 413, 422}:
        return Refused(instance, words or said)
    return _trouble(instance, status, said, headers.get("location", ""), text)


def _trouble(instance: str, status: int, said: str, location: str, text: str) -> IntegrationError:
    if status >= 500 or status == 408:  # noqa: PLR2004 -- statuses of RFC 9110
        return Unavailable(instance, said)
    if _SIGN_IN.search(location):
        words = "Jenkins, or a proxy before it, asks to sign in: check `username` and `token`"
        return NotAuthenticated(instance, words)
    elsewhere = f" and names {location[:200]}; check `url`" if location else ""
    return BadReply(instance, f"{said}{elsewhere}", excerpt=text)


def _later(instance: str, status: int, headers: Mapping[str, str], text: str) -> IntegrationError | None:
    if status != _BUSY or "retry-after" in headers:
        return RateLimited(instance, f"answers {status}", retry_after=_seconds(headers.get("retry-after", "")))
    return Unavailable(instance, "Jenkins is starting up") if _STARTING.search(text) else None


def _no_entry(instance: str, status: int, text: str) -> IntegrationError:
    if status == 401:  # noqa: PLR2004 -- Unauthorized
        return NotAuthenticated(instance, "the token or password is wrong or has been revoked")
    if status == 404:  # noqa: PLR2004 -- Not Found
        return NotFound(instance, "Jenkins does not know it, or these credentials may not see it")
    user = _USER.search(text)
    if user is not None and user[1] == "anonymous":
        return NotAuthenticated(instance, "Jenkins took no credentials and knows us as anonymous: check `token`")
    if "No valid crumb" in text:
        return NotPermitted(
            instance, "Jenkins wants a crumb that fits the session; an API token needs none: use `token`"
        )
    needed = _PERMISSION.search(text)
    lacking = f": {_short(needed[1] or needed[2])} is lacking" if needed else ""
    return NotPermitted(instance, f"{user[1] if user else 'this user'} may not do this{lacking}")


def words_of(headers: Mapping[str, str], text: str) -> str:
    """Return what an error says in one line: `X-Error`, the page's title, or the message of a stack trace."""
    if "x-error" in headers:
        return " ".join(headers["x-error"].split())[:300]
    if title := _TITLE.search(text):
        words = " ".join(unescape(title[1]).split())[:300]
        return "" if words in {"Jenkins", ""} else words
    first = text.strip().partition("\n")[0].strip()
    if first.startswith("<"):
        return ""
    return re.sub(r"^[\w.$]+(?:Exception|Error): ", "", first)[:300]


def bad_json(instance: str, body: bytes) -> BadReply:
    """Return the error of a good status whose body is no JSON."""
    what = "HTML" if body.lstrip()[:1] == b"<" else "something"
    excerpt = body[:500].decode(errors="replace")
    return BadReply(instance, f"answers {what} where JSON was expected: check `url`", excerpt=excerpt)


def _short(permission: str) -> str:
    return permission.removeprefix("hudson.model.").replace("Item.", "Job/").replace("Hudson.", "Overall/")


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 3600.0)
    except ValueError:
        return _DEFAULT_WAIT
