"""Alertmanager's JSON to our types, and its failures to our errors. Pure.

The webhook: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
The API: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import Alert, AlertGroup, Matcher, Silence
from integrations.contract import WebhookEvent
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
from integrations.http import MISREAD, read_json, same

NOTIFIED = "alerts.notified"
VERSION = "4"
_DEFAULT_WAIT = 5.0
_NO_TIME_YEAR = 1  # Go's zero time: 0001-01-01T00:00:00Z

# ------------------------------------------------------------------------------------------------------- the webhook


def verify(settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:  # noqa: ARG001 - nothing is signed
    """Tell whether the request carries the configured credentials; without any configured nothing gets in."""
    if not isinstance(settings, AlertmanagerSettings):
        return False
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if settings.webhook_token is not None:
        wanted = settings.webhook_token.get_secret_value()
        return scheme.lower() == "bearer" and _same(given.strip(), wanted)
    if settings.webhook_password is not None:
        wanted = f"{settings.webhook_username}:{settings.webhook_password.get_secret_value()}"
        try:
            told = base64.b64decode(given.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and _same(told, wanted)
    return False


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:  # noqa: ARG001 - the contract
    """Return the notification as one event, whose `data["group"]` is an `AlertGroup`.

    Alertmanager gives its deliveries no id, and the same again is news: what it tells of is still so.

    Raises:
        BadReply: it is no notification of version 4.
    """
    told = _json(instance, body)
    if not isinstance(told, dict) or "alerts" not in told:
        raise BadReply(instance, "this is no notification of Alertmanager", excerpt=_excerpt(body))
    if str(told.get("version")) != VERSION:
        raise BadReply(
            instance,
            f"the notification is of version {str(told.get('version'))[:20]!r}, version {VERSION!r} is understood",
            excerpt=_excerpt(body),
        )
    try:
        group = AlertGroup(
            labels=_texts(told.get("groupLabels")),
            alerts=tuple(_notified(one) for one in _list(told["alerts"])),
            receiver=_text(told.get("receiver")),
            key=_text(told.get("groupKey")),
            url=_text(told.get("externalURL")),
            truncated=int(told.get("truncatedAlerts") or 0),
        )
    except MISREAD as error:
        raise BadReply(instance, f"the notification has another form: {error!r}", excerpt=_excerpt(body)) from error
    return [WebhookEvent(instance=instance, kind=NOTIFIED, id="", ref=group.key, data={"group": group})]


def _notified(one: Any) -> Alert:  # noqa: ANN401 - whatever came
    labels = _texts(one["labels"])
    status = one["status"]
    if status not in {"firing", "resolved"}:
        message = f"an alert is {status!r}, neither firing nor resolved"
        raise ValueError(message)
    firing = status == "firing"
    return Alert(
        fingerprint=_fingerprint(one, labels),
        labels=labels,
        annotations=_texts(one.get("annotations")),
        firing=firing,
        starts_at=_moment(one["startsAt"]),
        ends_at=None if firing else _perhaps(one.get("endsAt")),
        generator_url=_text(one.get("generatorURL")),
    )


# ----------------------------------------------------------------------------------------------------------- the API


def groups_of(instance: str, body: bytes) -> Sequence[AlertGroup]:
    """Return the groups of an answer of /api/v2/alerts/groups. Raises: BadReply."""
    try:
        return tuple(
            AlertGroup(
                labels=_texts(one.get("labels")),
                alerts=tuple(_asked(alert) for alert in _let_go(_list(one["alerts"]))),
                receiver=_text(one["receiver"]["name"]),
            )
            for one in _let_go(_list(_json(instance, body)))
        )
    except MISREAD as error:
        raise _other_form(instance, error, body) from error


def alerts_of(instance: str, body: bytes) -> Sequence[Alert]:
    """Return the alerts of an answer of /api/v2/alerts. Raises: BadReply."""
    try:
        return tuple(_asked(one) for one in _list(_json(instance, body)))
    except MISREAD as error:
        raise _other_form(instance, error, body) from error


def silences_of(instance: str, body: bytes) -> Sequence[Silence]:
    """Return the silences of an answer of /api/v2/silences. Raises: BadReply."""
    try:
        return tuple(_silence(one) for one in _list(_json(instance, body)))
    except MISREAD as error:
        raise _other_form(instance, error, body) from error


def silence_body(silence: Silence) -> dict[str, Any]:
    """Return a silence as POST /api/v2/silences takes it."""
    told: dict[str, Any] = {
        "matchers": [
            {"name": one.name, "value": one.value, "isRegex": one.is_regex, "isEqual": one.is_equal}
            for one in silence.matchers
        ],
        "startsAt": silence.starts_at.isoformat(),
        "endsAt": silence.ends_at.isoformat(),
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }
    return told | {"id": silence.id} if silence.id else told


def silence_id_of(instance: str, body: bytes) -> str:
    """Return the id in an answer to a silence that was put. Raises: BadReply."""
    told = _json(instance, body)
    if not isinstance(told, dict) or not isinstance(told.get("silenceID"), str):
        raise BadReply(instance, "the answer names no silence", excerpt=_excerpt(body))
    return str(told["silenceID"])


def status_of(instance: str, body: bytes) -> tuple[str, datetime]:
    """Return (version, when it began to run) of an answer of /api/v2/status. Raises: BadReply."""
    try:
        told = _json(instance, body)
        return str(told["versionInfo"]["version"]), _moment(told["uptime"])
    except MISREAD as error:
        raise _other_form(instance, error, body) from error


def error_of(instance: str, status: int, headers: Mapping[str, str], body: bytes) -> IntegrationError | None:
    """Return what an answer with this HTTP status means for the caller, None for a good one."""
    if 200 <= status < 300:  # noqa: PLR2004 -- statuses of RFC 9110
        return None
    words = _words(body)
    said = f"answers {status}: {words}" if words else f"answers {status}"
    known = {
        401: NotAuthenticated(instance, "the token or password is missing, wrong or has expired"),
        403: NotPermitted(instance, f"these credentials may not do this{': ' if words else ''}{words}"),
        404: NotFound(instance, words or "there is nothing of this name, or no Alertmanager at this address"),
    }
    if status in known:
        return known[status]
    if status == 429 or (status == 503 and "Retry-After" in headers):  # noqa: PLR2004
        return RateLimited(instance, said, retry_after=_seconds(headers.get("Retry-After", "")))
    if status in {400, 422} and words:
        return Refused(instance, words)
    if status >= 500 or status == 408:  # noqa: PLR2004
        return Unavailable(instance, said)
    elsewhere = f" and names {headers['Location'][:200]}; check `url`" if "Location" in headers else ""
    return BadReply(instance, f"{said}{elsewhere}", excerpt=_excerpt(body))


def _asked(one: Any) -> Alert:  # noqa: ANN401 - whatever came
    labels = _texts(one["labels"])
    status = one["status"]
    return Alert(
        fingerprint=_fingerprint(one, labels),
        labels=labels,
        annotations=_texts(one.get("annotations")),
        starts_at=_moment(one["startsAt"]),
        generator_url=_text(one.get("generatorURL")),
        silenced_by=tuple(_text(ident) for ident in _list(status.get("silencedBy") or [])),
        inhibited=bool(status.get("inhibitedBy")),
    )


def _silence(one: Any) -> Silence:  # noqa: ANN401 - whatever came
    matchers = tuple(
        Matcher(
            name=_text(matcher["name"]),
            value=_text(matcher["value"]),
            is_regex=bool(matcher["isRegex"]),
            is_equal=bool(matcher.get("isEqual", True)),  # absent before Alertmanager 0.22
        )
        for matcher in _list(one["matchers"])
    )
    return Silence(
        id=_text(one["id"]),
        matchers=matchers,
        starts_at=_moment(one["startsAt"]),
        ends_at=_moment(one["endsAt"]),
        created_by=_text(one.get("createdBy")),
        comment=_text(one.get("comment")),
        state=_text(one["status"]["state"]),
    )


# ------------------------------------------------------------------------------------------------------------- values


def _same(told: str, wanted: str) -> bool:
    return bool(wanted) and same(told, wanted)


def _json(instance: str, body: bytes) -> Any:  # noqa: ANN401 - whatever came
    try:
        return read_json(body)
    except ValueError as error:
        what = "HTML" if body.lstrip()[:1] == b"<" else "something"
        raise BadReply(instance, f"{what} came where JSON was expected", excerpt=_excerpt(body)) from error


def _other_form(instance: str, error: Exception, body: bytes) -> BadReply:
    return BadReply(instance, f"the answer has another form: {error!r}; check `url`", excerpt=_excerpt(body))


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        message = f"a list was expected, {type(value).__name__} came"
        raise TypeError(message)
    return value


def _let_go(values: Sequence[Any]) -> Iterator[Any]:
    """Yield the values of a list in their order, each let go of: ten thousand alerts are not held twice."""
    left = list(values)
    if isinstance(values, list):
        values.clear()
    left.reverse()
    while left:
        yield left.pop()


def _texts(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = f"an object was expected, {type(value).__name__} came"
        raise TypeError(message)
    return {_text(name): _text(one) for name, one in value.items()}


def _text(value: object) -> str:
    """Return a text without the one character that a database cannot hold, and without halves of characters."""
    return str(value if value is not None else "").replace("\0", "").encode(errors="replace").decode()


def _moment(value: object) -> datetime:
    """Return a moment, cut to milliseconds: a notification is exact to the nanosecond, the API is not."""
    if not isinstance(value, str):
        message = f"a moment was expected, {type(value).__name__} came"
        raise TypeError(message)
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        message = f"{value!r} has no time zone"
        raise ValueError(message)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _perhaps(value: object) -> datetime | None:
    found = _moment(value) if value else None
    return None if found is None or found.year == _NO_TIME_YEAR else found


def _fingerprint(one: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return the source's fingerprint; of a sender that tells none (an imitation of Alertmanager) one of our own."""
    told = _text(one.get("fingerprint"))
    if told:
        return told[:64]
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]


def _words(body: bytes) -> str:
    """Return what an error says: Alertmanager answers a JSON text, a proxy in between HTML, which says nothing."""
    text = body[:2000].decode(errors="replace").strip()
    try:
        told = read_json(text)
    except ValueError:
        return "" if text[:1] == "<" else text[:500]
    if isinstance(told, dict):
        told = told.get("message", "")
    return str(told)[:500] if isinstance(told, str) else ""


def _seconds(text: str) -> float:
    return float(text) if text.strip().isdigit() else _DEFAULT_WAIT


def _excerpt(body: bytes) -> str:
    return body[:500].decode(errors="replace")
