"""Slack's mrkdwn, cut and taken apart without ever breaking a link, a mention or an escaped character.

Source: https://docs.slack.dev/messaging/formatting-message-text and, for the rich form,
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import re
from typing import Any, TypeAlias

from bot.reply import Markup

Json: TypeAlias = dict[str, Any]

ELLIPSIS = "…"
MAX_URL = 3000

_ATOM = re.compile(r"<[^<>\n]*>|&(?:amp|lt|gt);|.", re.DOTALL)
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_STYLES = {"*": "bold", "_": "italic", "~": "strike"}
_WORD = re.compile(r"\w")
_MENTIONS = {"@": ("user", "user_id"), "#": ("channel", "channel_id")}
_BROADCASTS = {"here", "channel", "everyone"}


def cut(text: str, limit: int) -> str:
    """Return mrkdwn of at most `limit` characters, ended by "…" where something is left out.

    Links, mentions and escaped characters stay whole or go; an inline code span that is cut is closed.
    """
    if len(text) <= limit:
        return text
    room = limit - len(ELLIPSIS) - 1  # one more for a closing backtick
    kept: list[str] = []
    used = 0
    for atom in _ATOM.findall(text):
        if used + len(atom) > room:
            break
        kept.append(atom)
        used += len(atom)
    result = "".join(kept)
    closing = "`" if sum(atom == "`" for atom in kept) % 2 else ""
    return f"{result.rstrip()}{closing}{ELLIPSIS}"[:limit]


def cut_plain(text: str, limit: int) -> str:
    """Return plain text of at most `limit` characters, ended by "…" where something is left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def unescape(text: str) -> str:
    """Return the characters that Slack's three entities stand for."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def strip(text: Markup | str) -> str:
    """Return mrkdwn as plain text: labels for links, ids for mentions, no style marks."""
    parts = []
    for element in elements(text):
        match element["type"]:
            case "text" | "link":
                parts.append(str(element.get("text") or element.get("url", "")))
            case "user":
                parts.append(f"@{element['user_id']}")
            case "channel":
                parts.append(f"#{element['channel_id']}")
            case "usergroup":
                parts.append(f"@{element['usergroup_id']}")
            case "date":
                parts.append(str(element["fallback"]))
            case _:
                parts.append(f"@{element.get('range', '')}")
    return "".join(parts)


def rich_text(text: Markup | str) -> Json:
    """Return mrkdwn as a `rich_text` entity, as task cards and table cells want it."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": elements(text) or [_text(" ", frozenset())]}],
    }


def preformatted(text: str) -> Json:
    """Return plain text as a `rich_text` block that keeps every space and shows every character as it is."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}],
    }


def elements(text: Markup | str) -> list[Json]:
    """Return the inline `rich_text` elements of mrkdwn: text runs with their styles, links, mentions, dates."""
    found: list[Json] = []
    run: list[str] = []
    styles: set[str] = set()

    def flush() -> None:
        if run:
            found.append(_text("".join(run), frozenset(styles)))
            run.clear()

    atoms = _ATOM.findall(str(text))
    for position, atom in enumerate(atoms):
        if atom == "`":
            if "code" in styles or "`" in atoms[position + 1 :]:
                flush()
                styles ^= {"code"}
            else:
                run.append(atom)
        elif "code" in styles:
            run.append(_ENTITIES.get(atom, atom))
        elif atom in _STYLES and _toggles(atoms, position, open_now=_STYLES[atom] in styles):
            flush()
            styles ^= {_STYLES[atom]}
        elif len(atom) > 1 and atom.startswith("<"):
            flush()
            found.append(_entity(atom[1:-1], frozenset(styles)))
        else:
            run.append(_ENTITIES.get(atom, atom))
    flush()
    return found


def _toggles(atoms: list[str], position: int, *, open_now: bool) -> bool:
    """Tell whether the mark at `position` opens or closes a style, as Slack reads it: at the edge of words."""
    mark = atoms[position]
    before = atoms[position - 1] if position else " "
    after = atoms[position + 1] if position + 1 < len(atoms) else " "
    if open_now:
        return not before.isspace() and not _WORD.match(after)
    if _WORD.match(before) or after.isspace():
        return False
    return any(
        atoms[i] == mark and not atoms[i - 1].isspace() and not _WORD.match(atoms[i + 1] if i + 1 < len(atoms) else " ")
        for i in range(position + 2, len(atoms))
    )


def _text(text: str, styles: frozenset[str]) -> Json:
    element: Json = {"type": "text", "text": text}
    if styles:
        element["style"] = dict.fromkeys(sorted(styles), True)
    return element


def _entity(inner: str, styles: frozenset[str]) -> Json:
    head, _, label = inner.partition("|")
    sign, ident = head[:1], head[1:]
    if sign in _MENTIONS and ident:
        kind, key = _MENTIONS[sign]
        return {"type": kind, key: ident}
    if group := re.fullmatch(r"!subteam\^(\w+)", head):
        return {"type": "usergroup", "usergroup_id": group[1]}
    if date := re.fullmatch(r"!date\^([0-9]{1,11})\^([^^]+)(\^.*)?", head):
        return {"type": "date", "timestamp": int(date[1]), "format": date[2], "fallback": unescape(label)}
    if sign == "!" and ident in _BROADCASTS:
        return {"type": "broadcast", "range": ident}
    url = unescape(head)
    if not url.startswith(("https://", "http://", "mailto:")) or len(url) > MAX_URL:
        return _text(unescape(label) or url or "<>", styles)
    element: Json = {"type": "link", "url": url}
    if label:
        element["text"] = unescape(label)
    if styles:
        element["style"] = dict.fromkeys(sorted(styles), True)
    return element
