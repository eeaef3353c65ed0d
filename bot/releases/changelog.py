"""What a release holds: changes in groups, merge requests, tickets, authors; and its notes, as Markdown and for Slack.

The notes are text from here on: a person may edit them before the release is cut. Everything in them that came from
outside (titles, names) is escaped, so that a commit can neither mention anybody nor forge a link or a heading.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, convert, to_builtins
from pydantic import JsonValue

from bot.releases.conventional import Group, read
from bot.reply import Markup, code, joined, link, say
from integrations.capabilities.git import Commit
from integrations.capabilities.merge_requests import MergeRequest

LISTED = 500
"""Commits that a changelog names; the rest is counted."""
_TITLE = 200
_HEADINGS = {
    Group.BREAKING: "Breaking changes",
    Group.FEATURE: "Features",
    Group.FIX: "Fixes",
    Group.OTHER: "Other changes",
}
# The trailer that GitLab writes below merge commits; its title is the paragraph before.
_SEE = re.compile(r"^See merge request (?:\S*?)!(?P<number>[1-9]\d{0,9})[ \t]*$", re.MULTILINE)
_MERGE = re.compile(r"Merge (?:branch|remote-tracking branch|pull request|tag) ")
_ACTIVE = re.compile(r"([\\`*_\[\]<>~|])")
_ADDRESS = re.compile(r"https?://[^\s()<>\[\]]+")
_BARE = re.compile(r"\\([\\`*_\[\]<>~|#+-])")
_MENTION = re.compile(r"@(?=\w)")
_WORD_JOINER = "\u2060"  # seen by nobody, and no host takes what follows it for a name
_LINK = re.compile(r"(?<!\\)\[((?:\\.|[^\]\\])*)\]\((https?://[^\s()]+)\)")
_SIMPLE = re.compile(r"(?<!\\)`([^`]+)`|(?<!\\)\*\*((?:\\.|[^*\\])+)\*\*")
REST = re.compile(r"\n?\[… and (\d+) more lines, added when it is cut\]\s*$")


class Entry(Struct, frozen=True, kw_only=True):
    """One change. `authors` are names; `merge_request` is such as "!12", "" where none is known."""

    group: Group
    text: str
    sha: str
    authors: tuple[str, ...]
    scope: str = ""
    breaks: str = ""
    url: str = ""
    merge_request: str = ""


class Merged(Struct, frozen=True, kw_only=True):
    """One merge request that the release holds."""

    name: str
    title: str
    author: str = ""
    url: str = ""


class Changelog(Struct, frozen=True, kw_only=True):
    """All that lies between two releases, of `total` commits the first ones. `tickets` are names with addresses."""

    entries: tuple[Entry, ...] = ()
    merged: tuple[Merged, ...] = ()
    tickets: tuple[tuple[str, str], ...] = ()
    authors: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    total: int = 0

    @property
    def groups(self) -> tuple[Group, ...]:
        """The group of each change."""
        return tuple(entry.group for entry in self.entries)

    def to_json(self) -> dict[str, JsonValue]:
        """Return it as plain JSON."""
        written: dict[str, JsonValue] = to_builtins(self)
        return written

    @classmethod
    def from_json(cls, value: JsonValue) -> "Changelog":
        """Return what `to_json` wrote."""
        return convert(value, Changelog)


def changelog_of(
    commits: Sequence[Commit], merged: Iterable[MergeRequest], *, total: int, ticket: str = "", ticket_url: str = ""
) -> Changelog:
    """Return what these commits hold; `ticket` is the pattern of a ticket's name, `ticket_url` where {} is one.

    A merge commit is no change of its own: it tells of its merge request, if it has one.
    """
    requests = {str(one.number): _merged(one) for one in merged}
    heads: dict[str, str] = {}
    for one in merged if isinstance(merged, Sequence) else ():
        heads |= dict.fromkeys(filter(None, (one.sha, one.merge_sha)), f"!{one.number}")
    entries: list[Entry] = []
    for commit in commits:
        see = _SEE.search(commit.message)
        if see is not None:
            requests.setdefault(see["number"], Merged(name=f"!{see['number']}", title=_title_above(commit, see)))
        if _MERGE.match(commit.title):
            continue
        entries.append(_entry(commit, heads.get(commit.sha, f"!{see['number']}" if see else "")))
    people = [person for commit in commits for person in (commit.author, *commit.co_authors)]
    named = dict.fromkeys(found[0] for one in commits for found in re.finditer(ticket, one.message)) if ticket else {}
    return Changelog(
        entries=tuple(entries),
        merged=tuple(requests.values()),
        tickets=tuple((name, ticket_url.replace("{}", name) if ticket_url else "") for name in named if name),
        authors=tuple(dict.fromkeys(person.name for person in people if person.name)),
        emails=tuple(dict.fromkeys(person.email.strip().lower() for person in people if person.email)),
        total=total,
    )


def markdown(changelog: Changelog) -> str:
    """Return the notes as they are proposed: Markdown that any Git host shows."""
    parts = []
    for group, heading in _HEADINGS.items():
        lines = [_line(entry) for entry in changelog.entries if entry.group is group]
        if lines:
            parts.append("\n".join([f"### {heading}", "", *lines]))
    if changelog.merged:
        lines = [f"- {_named(one.name, one.url)} {_safe(one.title)}{_by((one.author,))}" for one in changelog.merged]
        parts.append("\n".join(["### Merge requests", "", *lines]))
    if changelog.tickets:
        parts.append("### Tickets\n\n" + "\n".join(f"- {_named(name, url)}" for name, url in changelog.tickets))
    if changelog.total > len(changelog.entries) and changelog.total > LISTED:
        parts.append(f"{changelog.total} commits in all.")
    if changelog.authors:
        parts.append("By " + ", ".join(map(_safe, changelog.authors)) + ".")
    return "\n\n".join(parts)


def shortened(notes: str, longest: int) -> str:
    """Return notes that fit an input of `longest` characters: whole lines, and how many were left out."""
    if len(notes) <= longest:
        return notes
    lines = notes.split("\n")
    room = longest - 60  # for the line that says so
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > room:
            break
        kept.append(line)
    return "\n".join(kept) + f"\n[… and {len(lines) - len(kept)} more lines, added when it is cut]"


def lengthened(edited: str, notes: str) -> str:
    """Return what a person made of notes that `shortened` gave them, with the lines that were left out."""
    found = REST.search(edited)
    if found is None:
        return edited
    left_out = notes.split("\n")[-int(found[1]) :]
    return edited[: found.start()] + "\n" + "\n".join(left_out)


def for_slack(notes: str) -> Markup:
    """Return notes as Slack shows them: headings bold, bullets, code and links to http and https; all else escaped."""
    return joined("\n", (_slack_line(line) for line in notes.split("\n")))


def _slack_line(line: str) -> Markup:
    if line.startswith("#"):
        return say("*{}*", _bare(line.lstrip("#").strip()).replace("*", ""))
    bullet = line.startswith(("- ", "* "))
    return (Markup("• ") if bullet else Markup("")) + _inline(line[2:] if bullet else line)


def _inline(text: str) -> Markup:
    said, at = Markup(""), 0
    for found in sorted((*_LINK.finditer(text), *_SIMPLE.finditer(text)), key=lambda one: one.start()):
        if found.start() < at:
            continue
        said = said + _plain(text[at : found.start()])
        if found.re is _LINK:
            said = said + link(found[2], _bare(found[1]))
        elif found[1] is not None:
            said = said + code(found[1])
        else:
            said = said + say("*{}*", _bare(found[2]))
        at = found.end()
    return said + _plain(text[at:])


def _plain(text: str) -> str:
    return _bare(text)


def _bare(text: str) -> str:
    return _BARE.sub(r"\1", text)


def _line(entry: Entry) -> str:
    scope = f"**{_safe(entry.scope)}:** " if entry.scope else ""
    about = [_named(entry.merge_request, "")] if entry.merge_request else []
    commit = f"[`{entry.sha[:7]}`]({entry.url})" if _is_address(entry.url) else f"`{entry.sha[:7]}`"
    breaks = f" {_safe(entry.breaks)}" if entry.breaks and entry.breaks != entry.text else ""
    text = _safe(entry.text) + (":" if breaks and not entry.text.endswith((".", ":")) else "")
    return f"- {scope}{text}{breaks} ({', '.join([commit, *about])}){_by(entry.authors)}"


def _by(authors: Sequence[str]) -> str:
    named = [_safe(author) for author in authors if author]
    return f" by {', '.join(named)}" if named else ""


def _named(name: str, url: str) -> str:
    return f"[{_safe(name)}]({url})" if _is_address(url) else _safe(name)


def _is_address(url: str) -> bool:
    """Tell whether an address may stand in a link of Markdown."""
    return _ADDRESS.fullmatch(url) is not None


def _safe(text: str) -> str:
    """Return text from outside in one line of Markdown, as what it is: no markup, no mention, no quick action."""
    flat = _ACTIVE.sub(r"\\\1", " ".join(text.split())[:_TITLE])
    return _MENTION.sub(f"@{_WORD_JOINER}", flat)


def _entry(commit: Commit, merge_request: str) -> Entry:
    said = read(commit.message)
    people = (commit.author, *commit.co_authors)
    return Entry(
        group=said.group,
        text=said.text[:_TITLE],
        scope=said.scope,
        breaks=said.breaks[:_TITLE],
        sha=commit.sha,
        authors=tuple(dict.fromkeys(person.name for person in people if person.name)),
        url=commit.url,
        merge_request=merge_request,
    )


def _merged(one: MergeRequest) -> Merged:
    return Merged(name=f"!{one.number}", title=one.title[:_TITLE], author=one.author, url=one.url)


def _title_above(commit: Commit, see: re.Match[str]) -> str:
    above = commit.message[: see.start()].strip().split("\n\n")[-1]
    return " ".join((commit.title if above.startswith("Merge ") else above).split())[:_TITLE]


def counts(changelog: Changelog) -> Mapping[str, int]:
    """Return how many changes each group has, in the words of a card; groups without any are left out."""
    words = {Group.BREAKING: "breaking", Group.FEATURE: "features", Group.FIX: "fixes", Group.OTHER: "others"}
    found = changelog.groups
    return {word: found.count(group) for group, word in words.items() if group in found}
