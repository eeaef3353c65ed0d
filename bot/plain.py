"""Slack's mrkdwn as plain text: links with their address, moments and mentions in words, nothing that acts.

Text from outside may hold control characters that a terminal would obey; they are taken out.
"""

import re

_TOKEN = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
# A pair of marks counts only around words, as in Slack: snake_case and 2*3*4 stay.
_STYLED = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def strip(markup: str) -> str:
    """Return Slack's mrkdwn as plain text: links with their address, moments and mentions in words."""
    pieces: list[str] = []
    at = 0
    for match in _CODE.finditer(markup):
        pieces += [_unstyled(markup[at : match.start()]), _unescaped(_untoken(match[1] or match[2]))]
        at = match.end()
    pieces.append(_unstyled(markup[at:]))
    return tame("".join(pieces))


def _unstyled(text: str) -> str:
    # Tokens first, with their insides kept out of the way of the marks: an address may hold underscores.
    pieces: list[str] = []
    at = 0
    for match in _TOKEN.finditer(text):
        pieces += [_unmarked(text[at : match.start()]), _token(match[1])]
        at = match.end()
    pieces.append(_unmarked(text[at:]))
    return _unescaped("".join(pieces))


def _unmarked(text: str) -> str:
    before = ""
    while text != before:
        before, text = text, _STYLED.sub(r"\2", text)
    return text


def _untoken(text: str) -> str:
    return _TOKEN.sub(lambda match: _token(match[1]), text)


def _token(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{label.removeprefix(target[0])}" if label else target
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return f"{label} ({target})" if label and label != target else target


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def tame(text: str) -> str:
    """Return `text` without what a terminal would obey, such as the escape sequences of colours and titles."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))
