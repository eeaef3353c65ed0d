"""Why a call to Slack failed, by what has to be done next.

Source: https://docs.slack.dev/reference/methods/chat.postMessage#errors and its neighbours
"""

from enum import Enum, auto

import aiohttp
from msgspec import Struct
from slack_sdk.errors import SlackApiError, SlackClientError

DEFAULT_RETRY_AFTER = 30.0
_SERVER_ERROR = 500
_TOO_MANY = 429


class Cause(Enum):
    """What a failure asks for."""

    RATE_LIMITED = auto()  # wait as long as it says
    UNAUTHORISED = auto()  # the token does not count any more: everything waits
    UNSENT = auto()  # it never reached Slack: everything waits a little
    UNKNOWN = auto()  # no answer: it may have happened, look before doing it again
    TOO_MUCH = auto()  # Slack does not take these blocks: say it in a plainer form
    GONE = auto()  # the message to edit is not there any more
    REFUSED = auto()  # a reason that waiting does not cure


_UNAUTHORISED = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "org_login_required"}
)
_UNKNOWN = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "external_error"}
)
_TOO_MUCH = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "invalid_arguments"}
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


class Failure(Struct, frozen=True):
    """A failed call: its cause, Slack's own word or the error's, and how long to wait if Slack said so."""

    cause: Cause
    reason: str
    retry_after: float = 0.0


def read(error: BaseException) -> Failure | None:
    """Return what a failed call means, None when the error is not Slack's nor the network's (a mistake of ours)."""
    if isinstance(error, SlackApiError):
        return _answered(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return Failure(Cause.UNSENT, f"no connection: {error.strerror or error}")
    if isinstance(error, TimeoutError):
        return Failure(Cause.UNKNOWN, "no answer in time")
    if isinstance(error, aiohttp.ClientError | OSError):
        return Failure(Cause.UNKNOWN, f"connection lost: {type(error).__name__}")
    if isinstance(error, SlackClientError):
        return Failure(Cause.UNKNOWN, str(error)[:200])
    return None


def from_status(status: int, body: str, retry_after: str | None) -> Failure | None:
    """Return what the answer of a `response_url` means; None when it was taken."""
    if status == _TOO_MANY:
        return Failure(Cause.RATE_LIMITED, "ratelimited", _seconds(retry_after))
    if status >= _SERVER_ERROR:
        return Failure(Cause.UNKNOWN, f"HTTP {status}")
    if status != 200:  # noqa: PLR2004 - the one status that means it was taken
        return Failure(Cause.TOO_MUCH if "invalid_blocks" in body else Cause.REFUSED, body[:200] or f"HTTP {status}")
    return None


def _answered(error: SlackApiError) -> Failure:  # noqa: PLR0911 - one return for each kind of answer
    response = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    word = str(data.get("error", "")) if isinstance(data, dict) else ""
    headers = getattr(response, "headers", None) or {}
    if status == _TOO_MANY or word in {"ratelimited", "rate_limited"}:
        return Failure(Cause.RATE_LIMITED, "ratelimited", _seconds(headers.get("Retry-After")))
    if status >= _SERVER_ERROR or not word:
        return Failure(Cause.UNKNOWN, word or f"HTTP {status}")
    if word in _UNAUTHORISED:
        return Failure(Cause.UNAUTHORISED, word)
    if word in _UNKNOWN:
        return Failure(Cause.UNKNOWN, word)
    details = (data or {}).get("response_metadata") or {}
    told = "; ".join(str(line) for line in details.get("messages", ()))[:300]
    reason = f"{word}: {told}" if told else word
    if word == "missing_scope":
        return Failure(Cause.REFUSED, f"missing_scope: {(data or {}).get('needed', '')}")
    if word in _TOO_MUCH:
        return Failure(Cause.TOO_MUCH, reason)
    return Failure(Cause.GONE if word in _GONE else Cause.REFUSED, reason)


def _seconds(text: str | None) -> float:
    try:
        return max(1.0, float(text)) if text else DEFAULT_RETRY_AFTER
    except ValueError:
        return DEFAULT_RETRY_AFTER
