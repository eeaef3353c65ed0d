"""ReleaseHost: annotated tags and releases of GitLab's projects.

https://docs.gitlab.com/api/tags/, https://docs.gitlab.com/api/releases/. GitLab makes a tag with a message annotated;
a release is of a tag, its links are assets, each name and address once.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import gitlab

from integrations.capabilities.releases import HostedRelease, Link, ReleaseDraft, Tag
from integrations.errors import NotFound, NotPermitted, Refused
from integrations.gitlab.part import Part
from integrations.gitlab.values import moment

_PAGE = 100
_MOST_TEXT = 200_000  # GitLab takes up to a million characters of a description
_T = TypeVar("_T")


class Releases(Part):
    """Tags commits and keeps releases."""

    async def get_tag(self, project: str, name: str) -> Tag | None:
        """Return a tag with its message, None where there is none."""

        def ask(library: gitlab.Gitlab) -> Tag | None:
            repository, _ = self._project(library, project)
            try:
                return _tag_of(repository.tags.get(name).attributes)
            except NotFound:
                return None

        return await self._api.read(ask)

    async def create_tag(self, project: str, name: str, sha: str, message: str) -> Tag:
        """Make an annotated tag of exactly this commit; one that names it already is returned as it is.

        Raises:
            NotFound: no such project or commit.
            Refused: the tag names another commit, or GitLab says no, such as for a protected tag.
            OutcomeUnknown: it was asked for and no answer came: `get_tag` tells.
        """
        self._must_be_full(sha)
        known = await self.get_tag(project, name)
        if known is not None:
            return self._same(known, sha)

        def look(library: gitlab.Gitlab) -> None:
            self._project(library, project)[0].commits.get(sha)

        await self._api.read(look)

        def make(library: gitlab.Gitlab) -> Tag:
            repository, _ = self._project(library, project)
            asked = {"tag_name": name, "ref": sha, "message": message[:_MOST_TEXT] or name}
            return _tag_of(repository.tags.create(asked).attributes)

        try:
            return self._same(await self._write(project, make, f"{project}@{name}"), sha)
        except Refused:
            known = await self.get_tag(project, name)  # somebody else made it meanwhile
            if known is None:
                raise
            return self._same(known, sha)

    async def create_release(self, project: str, draft: ReleaseDraft) -> HostedRelease:
        """Make the release of a tag; one that is there already is returned as it is.

        Raises:
            NotFound: no such project or tag. Refused: GitLab says no.
            OutcomeUnknown: it was asked for and no answer came: `get_release` tells.
        """
        known = await self.get_release(project, draft.tag)
        if known is not None:
            return known
        if await self.get_tag(project, draft.tag) is None:  # GitLab would make one of whatever the branch points at
            raise NotFound(self.instance, f"{project} has no tag {draft.tag}")

        def make(library: gitlab.Gitlab) -> HostedRelease:
            repository, _ = self._project(library, project)
            links = [{"name": one.name, "url": one.url} for one in draft.links]
            asked = {
                "tag_name": draft.tag,
                "name": draft.name,
                "description": draft.notes[:_MOST_TEXT],
                **({"assets": {"links": links}} if links else {}),
            }
            return _release_of(repository.releases.create(asked).attributes)

        try:
            return await self._write(project, make, f"{project}@{draft.tag}")
        except Refused:
            known = await self.get_release(project, draft.tag)  # "Release already exists"
            if known is None:
                raise
            return known

    async def get_release(self, project: str, tag: str) -> HostedRelease | None:
        """Return the release of a tag, None where there is none."""

        def ask(library: gitlab.Gitlab) -> HostedRelease | None:
            repository, _ = self._project(library, project)
            try:
                return _release_of(repository.releases.get(tag).attributes)
            except NotFound:
                return None

        return await self._api.read(ask)

    async def list_releases(self, project: str, limit: int = 20) -> Sequence[HostedRelease]:
        """Return releases, newest first."""

        def ask(library: gitlab.Gitlab) -> Sequence[HostedRelease]:
            repository, _ = self._project(library, project)
            listed = repository.releases.list(iterator=True, per_page=min(max(limit, 1), _PAGE))
            return tuple(_release_of(one.attributes) for one in itertools.islice(listed, max(limit, 0)))

        return await self._api.read(ask)

    async def update_notes(self, project: str, tag: str, notes: str) -> HostedRelease:
        """Replace the notes of a release. Raises: NotFound, Refused, OutcomeUnknown."""

        def write(library: gitlab.Gitlab) -> None:
            repository, _ = self._project(library, project)
            repository.releases.update(tag, {"description": notes[:_MOST_TEXT]})

        await self._write(project, write, f"{project}@{tag}")
        found = await self.get_release(project, tag)
        if found is None:
            raise NotFound(self.instance, f"{project} has no release of the tag {tag}")
        return found

    async def _write(self, project: str, write: Callable[[gitlab.Gitlab], _T], request_id: str) -> _T:
        try:
            return await self._api.change(write, request_id)
        except NotPermitted as error:
            raise await self._why_not(project, error) from error

    def _same(self, known: Tag, sha: str) -> Tag:
        if known.sha != sha:
            raise Refused(self.instance, f"the tag {known.name} is there already and names {known.sha[:12]}")
        return known


def _tag_of(one: Mapping[str, Any]) -> Tag:
    return Tag(name=str(one["name"]), sha=str(one["commit"]["id"]), message=str(one.get("message") or "").rstrip("\n"))


def _release_of(one: Mapping[str, Any]) -> HostedRelease:
    links = (one.get("assets") or {}).get("links") or ()
    return HostedRelease(
        tag=str(one["tag_name"]),
        name=str(one.get("name") or one["tag_name"]),
        notes=str(one.get("description") or ""),
        url=str((one.get("_links") or {}).get("self") or ""),
        created_at=moment(one.get("released_at") or one.get("created_at")),
        links=tuple(Link(name=str(link["name"]), url=str(link["url"])) for link in links),
    )
