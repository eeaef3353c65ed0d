"""Prometheus' JSON to our types, and its failures to our errors.

Pure. The format: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from integrations.capabilities.metrics import AlertRule, Sample, Series
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
from integrations.http import MISREAD, read_json

_DEFAULT_WAIT = 5.0
_OK = 200


def error_of(instance: str, status: int, headers: Mapping[str, str], body: bytes) -> IntegrationError | None:
    """Return what an answer with this HTTP status means for the caller, None for a good one."""
    if status == _OK:
        return None
    kind, words = _failure(body)
    said = f"answers {status}: {words}" if words else f"answers {status}"
    if status in {401, 403, 404} and kind != "not_found":
        return _no_entry(instance, status, words)
    if status == 429 or (status == 503 and "retry-after" in headers):  # noqa: PLR2004 -- statuses of RFC 9110
        return RateLimited(instance, said, retry_after=_seconds(headers.get("retry-after", "")))
    # `bad_data` comes with 400, `execution` with 422: the query itself cannot be answered; `timeout` with 503.
    if kind in {"bad_data", "execution"} or (status in {400, 422} and words):
        return Refused(instance, words)
    if status >= 500 or status == 408:  # noqa: PLR2004 -- statuses of RFC 9110
        return Unavailable(instance, said)
    elsewhere = f" and names {headers['location'][:200]}; check `url`" if "location" in headers else ""
    return BadReply(instance, f"{said}{elsewhere}", excerpt=_excerpt(body))


def _no_entry(instance: str, status: int, words: str) -> IntegrationError:
    if status == 401:  # noqa: PLR2004 -- Unauthorized
        return NotAuthenticated(instance, "the token or password is missing, wrong or has expired")
    if status == 403:  # noqa: PLR2004 -- Forbidden
        return NotPermitted(instance, f"these credentials may not ask this{': ' if words else ''}{words}")
    return NotFound(instance, "there is no Prometheus API at this address: check `url`")


def check_body(instance: str, body: bytes) -> None:
    """Make sure that a good status carries a good answer. Raises: BadReply."""
    try:
        answer = read_json(body)
    except ValueError as error:
        what = "HTML" if body.lstrip()[:1] == b"<" else "something"
        raise BadReply(
            instance, f"answers {what} where JSON was expected: check `url`", excerpt=_excerpt(body)
        ) from error
    if not isinstance(answer, dict) or answer.get("status") != "success" or not isinstance(answer.get("data"), dict):
        raise BadReply(instance, "the answer is no Prometheus answer", excerpt=_excerpt(body))


def samples_of(instance: str, result: object) -> Sequence[Sample]:
    """Return the samples of an instant query's result: a vector, or a scalar as one sample without labels.

    Raises:
        BadReply: it is none of these.
    """
    try:
        if _is_point(result):
            at, value = _point(result)
            return (Sample(labels={}, at=at, value=value),)
        samples = []
        for one in _list(result):
            labels, name = _labels(one)
            at, value = _point(one["value"])
            samples.append(Sample(labels=labels, at=at, value=value, name=name))
    except (*MISREAD, OSError) as error:
        raise BadReply(instance, f"the result is no vector: {error}", excerpt=str(result)) from error
    return tuple(samples)


def series_of(instance: str, result: object) -> Sequence[Series]:
    """Return the series of a range query's result. Raises: BadReply."""
    try:
        found = []
        for one in _list(result):
            labels, name = _labels(one)
            points = tuple(_point(point) for point in _list(one["values"]))
            found.append(Series(labels=labels, points=points, name=name))
    except (*MISREAD, OSError) as error:
        raise BadReply(instance, f"the result is no matrix: {error}", excerpt=str(result)) from error
    return tuple(found)


def rules_of(instance: str, body: bytes, name: str) -> Sequence[AlertRule]:
    """Return the alerting rules of one name in an answer of /api/v1/rules. Raises: BadReply."""
    check_body(instance, body)
    try:
        return tuple(
            AlertRule(name=name, expression=str(rule["query"]), labels={str(k): str(v) for k, v in _mapping(rule)})
            for group in _list(read_json(body)["data"]["groups"])
            for rule in _list(group["rules"])
            if rule.get("type") == "alerting" and rule.get("name") == name
        )
    except MISREAD as error:
        raise BadReply(instance, f"the result is no list of rules: {error}", excerpt=_excerpt(body)) from error


def version_of(instance: str, body: bytes) -> str:
    """Return the version in an answer of /api/v1/status/buildinfo. Raises: BadReply."""
    check_body(instance, body)
    return str(read_json(body)["data"].get("version", ""))


def _is_point(result: object) -> bool:
    return isinstance(result, list) and len(result) == 2 and not isinstance(result[0], dict)  # noqa: PLR2004


def _list(result: object) -> Sequence[dict[str, object]]:
    if not isinstance(result, list):
        message = f"a list was expected, {type(result).__name__} came"
        raise TypeError(message)
    return result


def _labels(one: Mapping[str, object]) -> tuple[dict[str, str], str]:
    metric = one["metric"]
    if not isinstance(metric, dict):
        raise TypeError("`metric` is no object")
    labels = {str(name): str(value) for name, value in metric.items()}
    return labels, labels.pop("__name__", "")


def _mapping(rule: Mapping[str, object]) -> Sequence[tuple[object, object]]:
    labels = rule.get("labels") or {}
    if not isinstance(labels, dict):
        raise TypeError("`labels` is no object")
    return tuple(labels.items())


def _point(pair: object) -> tuple[datetime, float]:
    """Return (moment, value) of `[1700000000.123, "0.5"]`; NaN, +Inf and -Inf are what `float` makes of them."""
    if not isinstance(pair, list | tuple):
        raise TypeError("a pair of time and value was expected")
    at, value = pair
    return datetime.fromtimestamp(float(at), tz=UTC), float(value)


def _failure(body: bytes) -> tuple[str, str]:
    """Return (errorType, error) of a failure that Prometheus itself described."""
    try:
        answer = read_json(body)
    except ValueError:
        return "", ""
    if not isinstance(answer, dict) or answer.get("status") != "error":
        return "", ""
    return str(answer.get("errorType", "")), str(answer.get("error", ""))[:1000]


def _seconds(text: str) -> float:
    return float(text) if text.strip().isdigit() else _DEFAULT_WAIT


def _excerpt(body: bytes) -> str:
    return body[:500].decode(errors="replace")
