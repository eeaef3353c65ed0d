"""Matchers of labels as people write them: `severity="critical"`, `team=~"pay.*"`, `env!=staging`. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence

from integrations.capabilities.alerts import Matcher

_ONE = re.compile(
    r"""\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<sign>=~|!~|!=|=)\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"{}]*))\s*"""
)
_ESCAPED = {"n": "\n", '"': '"', "\\": "\\"}


def read(text: str) -> Matcher:
    """Return the matcher that a text holds.

    Raises:
        ValueError: it is none, or its regular expression is wrong; says what is.
    """
    found = read_all(text)
    if len(found) != 1:
        raise ValueError(f'{text!r} is not one matcher: name="value" was expected')
    return found[0]


def read_all(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a text, separated by commas, perhaps in braces.

    Raises:
        ValueError: it is not of that form, or a regular expression is wrong; says which.
    """
    body = text.strip()
    if body[:1] == "{" and body[-1:] == "}":
        body = body[1:-1]
    found: list[Matcher] = []
    at = 0
    while at < len(body):
        match = _ONE.match(body, at)
        if match is None or (match.end() < len(body) and body[match.end()] != ","):
            raise ValueError(f'{body[at:][:60]!r} is no matcher: name="value", !=, =~ or !~ was expected')
        found.append(_matcher(match))
        at = match.end() + 1
    return tuple(found)


def _matcher(match: re.Match[str]) -> Matcher:
    quoted = match["quoted"]
    value = match["bare"] if quoted is None else re.sub(r"\\(.)", lambda one: _ESCAPED.get(one[1], one[0]), quoted)
    is_regex = match["sign"].endswith("~")
    if is_regex:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from error
    return Matcher(match["name"], value, is_regex=is_regex, is_equal=not match["sign"].startswith("!"))


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet a matcher; a label that is not there is empty, expressions are anchored."""
    value = labels.get(matcher.name, "")
    same = re.fullmatch(matcher.value, value) is not None if matcher.is_regex else value == matcher.value
    return same == matcher.is_equal


def all_match(matchers: Collection[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet all of these."""
    return all(matches(one, labels) for one in matchers)


def of_labels(labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    """Return the matchers that are about exactly what carries these labels."""
    return tuple(Matcher(name, value) for name, value in sorted(labels.items()))


def written(matchers: Sequence[Matcher]) -> str:
    """Return matchers in one line, as `read_all` reads them."""
    return ", ".join(map(str, matchers))
