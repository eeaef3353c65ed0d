"""ReleaseHost over the repositories on this machine's disk: annotated tags, and a note on each that is released.

A release is a note under refs/notes/releases on its tag's object: lines `Name: …`, `Date: …` and `Link: <url> <name>`,
an empty line, then the notes. `git notes --ref=releases show v1.4.2` shows it. Git's own locks let one writer win.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from integrations.capabilities.releases import HostedRelease, Link, ReleaseDraft, Tag
from integrations.errors import BadReply, NotFound, Refused, Unavailable
from integrations.local.git import Git
from integrations.local.repositories import Repositories, must_be_well_formed

_NOTES = "refs/notes/releases"
_MOST = 256 * 1024
_HEADER = re.compile(r"(Name|Date|Link): (.*)")
_ME = ("-c", "user.name=Shipmate", "-c", "user.email=shipmate@localhost")


class TaggedReleases:
    """Writes tags and notes."""

    def __init__(self, instance: str, git: Git, repositories: Repositories) -> None:
        self._instance = instance
        self._git = git
        self._repositories = repositories

    async def get_tag(self, project: str, name: str) -> Tag | None:
        """Return a tag with its message, None where there is none. Raises: Refused for a name that is none."""
        git_dir = self._repositories.git_dir(project)
        must_be_well_formed(self._instance, name)
        (commit, kind, _), (tag, tag_kind, _) = await self._git.lookup(
            git_dir, [f"refs/tags/{name}^{{commit}}", f"refs/tags/{name}"]
        )
        if kind != "commit":
            return None
        if tag_kind != "tag":
            return Tag(name=name, sha=commit)
        text = (await self._git(git_dir, "cat-file", "tag", tag)).decode(errors="replace")
        return Tag(name=name, sha=commit, message=text.partition("\n\n")[2].rstrip("\n"))

    async def create_tag(self, project: str, name: str, sha: str, message: str) -> Tag:
        """Make an annotated tag of exactly this commit; one that names it already is returned as it is."""
        git_dir = self._repositories.git_dir(project)
        known = await self.get_tag(project, name)
        if known is not None:
            return self._same(known, sha)
        await self._repositories.get_commit(project, sha)
        options = ("--annotate", "--no-sign", "--cleanup=verbatim", "--file=-")
        try:
            await self._git(git_dir, *_ME, "tag", *options, name, sha, stdin=_text(message, name))
        except Unavailable:  # somebody else made it meanwhile, or it cannot be made
            known = await self.get_tag(project, name)
            if known is None:
                raise
            return self._same(known, sha)
        made = await self.get_tag(project, name)
        if made is None:
            raise BadReply(self._instance, f"git made the tag {name} of {project}, and it is not there")
        return made

    async def create_release(self, project: str, draft: ReleaseDraft) -> HostedRelease:
        """Make the release of a tag; one that is there already is returned as it is."""
        known = await self.get_release(project, draft.tag)
        if known is not None:
            return known
        git_dir = self._repositories.git_dir(project)
        tag = await self._object(git_dir, project, draft.tag)
        form = "--format=%(creatordate:iso-strict)"
        dated = (await self._git(git_dir, "for-each-ref", form, f"refs/tags/{draft.tag}")).decode().split()[0]
        found = HostedRelease(
            tag=draft.tag,
            name=_line(draft.name),
            notes=draft.notes.strip("\n"),
            created_at=datetime.fromisoformat(dated),
            links=tuple(draft.links),
        )
        try:
            await self._git(git_dir, *_ME, "notes", f"--ref={_NOTES}", "add", "--file=-", tag, stdin=_written(found))
        except Unavailable:  # as above
            known = await self.get_release(project, draft.tag)
            if known is None:
                raise
            return known
        return await self._must(project, draft.tag)

    async def get_release(self, project: str, tag: str) -> HostedRelease | None:
        """Return the release of a tag, None where there is none."""
        git_dir = self._repositories.git_dir(project)
        must_be_well_formed(self._instance, tag)
        ((ident, _, _),) = await self._git.lookup(git_dir, [f"refs/tags/{tag}"])
        note = (await self._notes(git_dir)).get(ident) if ident else None
        return None if note is None else await self._read(git_dir, tag, note)

    async def list_releases(self, project: str, limit: int = 20) -> Sequence[HostedRelease]:
        """Return releases, newest tag first."""
        git_dir = self._repositories.git_dir(project)
        notes = await self._notes(git_dir)
        out = await self._git(
            git_dir, "for-each-ref", "--sort=-creatordate", "--sort=-version:refname",
            "--format=%(refname:lstrip=2)%00%(objectname)", "refs/tags",
        )  # fmt: skip
        tags = [line.split("\0") for line in out.decode(errors="replace").splitlines()]
        released = [(name, notes[ident]) for name, ident in tags if ident in notes][: max(limit, 0)]
        return [await self._read(git_dir, name, note) for name, note in released]

    async def update_notes(self, project: str, tag: str, notes: str) -> HostedRelease:
        """Replace the notes of a release. Raises: NotFound."""
        git_dir = self._repositories.git_dir(project)
        known = await self._must(project, tag)
        changed = HostedRelease(
            tag=tag, name=known.name, notes=notes.strip("\n"), created_at=known.created_at, links=known.links
        )
        ident = await self._object(git_dir, project, tag)
        arguments = ("notes", f"--ref={_NOTES}", "add", "--force", "--file=-", ident)
        await self._git(git_dir, *_ME, *arguments, stdin=_written(changed))
        return await self._must(project, tag)

    def _same(self, known: Tag, sha: str) -> Tag:
        if known.sha != sha:
            raise Refused(self._instance, f"the tag {known.name} is there already and names {known.sha[:12]}")
        return known

    async def _must(self, project: str, tag: str) -> HostedRelease:
        found = await self.get_release(project, tag)
        if found is None:
            raise NotFound(self._instance, f"{project} has no release of the tag {tag}")
        return found

    async def _object(self, git_dir: Path, project: str, tag: str) -> str:
        must_be_well_formed(self._instance, tag)
        ((ident, _, _),) = await self._git.lookup(git_dir, [f"refs/tags/{tag}"])
        if not ident:
            raise NotFound(self._instance, f"{project} has no tag {tag}")
        return ident

    async def _notes(self, git_dir: Path) -> dict[str, str]:
        listed = await self._git(git_dir, "notes", f"--ref={_NOTES}", "list")
        return {about: note for note, about in map(str.split, listed.decode().splitlines())}

    async def _read(self, git_dir: Path, tag: str, note: str) -> HostedRelease:
        text = (await self._git(git_dir, "cat-file", "blob", note)).decode(errors="replace")[:_MOST]
        head, _, notes = text.partition("\n\n")
        fields = [found.groups() for found in map(_HEADER.fullmatch, head.splitlines()) if found]
        named = {key: value for key, value in fields if key != "Link"}
        links = [value.partition(" ") for key, value in fields if key == "Link"]
        return HostedRelease(
            tag=tag,
            name=named.get("Name", tag),
            notes=notes.strip("\n"),
            created_at=_moment(named.get("Date", "")),
            links=tuple(Link(name=name, url=url) for url, _, name in links),
        )


def _text(message: str, name: str) -> bytes:
    return (message.strip("\n")[:_MOST] or name).encode() + b"\n"


def _written(release: HostedRelease) -> bytes:
    at = (release.created_at or datetime.fromtimestamp(0, UTC)).isoformat()
    links = "".join(f"Link: {''.join(one.url.split())} {_line(one.name)}\n" for one in release.links)
    return f"Name: {release.name}\nDate: {at}\n{links}\n{release.notes[:_MOST]}\n".encode()


def _line(text: str) -> str:
    return " ".join(text.split())


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
