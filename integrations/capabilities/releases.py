"""ReleaseHost: annotated tags, and the releases that a Git host shows with their notes.

How hosts fit: GitLab has releases of tags, with links as assets; `local` keeps them in the repository itself, an
annotated tag with a note on it. A tag is never moved and a release never made twice: who asks again for the same gets
what is there, and a name that stands for another commit is refused.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Tag(Struct, frozen=True, kw_only=True):
    """A tag and the full commit SHA it stands for. `message` is "" for one that is not annotated."""

    name: str
    sha: str
    message: str = ""


class Link(Struct, frozen=True):
    """Something that belongs to a release: an artifact, a ticket, a build. `url` is http or https."""

    name: str
    url: str


class ReleaseDraft(Struct, frozen=True, kw_only=True):
    """What is to be released: an existing `tag`, the name people read, notes in Markdown."""

    tag: str
    name: str
    notes: str
    links: Sequence[Link] = ()


class HostedRelease(Struct, frozen=True, kw_only=True):
    """A release as its host shows it. `url` is where a person reads it, "" where there is no page."""

    tag: str
    name: str
    notes: str
    url: str = ""
    created_at: datetime | None = None
    links: Sequence[Link] = ()


@runtime_checkable
class ReleaseHost(Protocol):
    """Tags commits and keeps releases. `project` is the host's name for a repository."""

    async def get_tag(self, project: str, name: str) -> Tag | None:
        """Return a tag with its message, None where there is none."""
        ...

    async def create_tag(self, project: str, name: str, sha: str, message: str) -> Tag:
        """Make an annotated tag of exactly this commit; one that names it already is returned as it is.

        Raises:
            NotFound: no such project or commit.
            Refused: the tag names another commit, or is protected, or its name or the SHA is not well-formed.
            OutcomeUnknown: it was asked for and no answer came: `get_tag` tells.
        """
        ...

    async def create_release(self, project: str, draft: ReleaseDraft) -> HostedRelease:
        """Make the release of a tag; one that is there already is returned as it is.

        Raises:
            NotFound: no such project or tag. Refused: the host says no.
            OutcomeUnknown: it was asked for and no answer came: `get_release` tells.
        """
        ...

    async def get_release(self, project: str, tag: str) -> HostedRelease | None:
        """Return the release of a tag, None where there is none."""
        ...

    async def list_releases(self, project: str, limit: int = 20) -> Sequence[HostedRelease]:
        """Return releases, newest first."""
        ...

    async def update_notes(self, project: str, tag: str, notes: str) -> HostedRelease:
        """Replace the notes of a release. Raises: NotFound."""
        ...
