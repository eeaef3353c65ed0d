"""FakeReleases: a Git host that keeps tags and releases in memory, verified by the ReleaseHost contract suite."""

from collections.abc import Sequence

from msgspec.structs import replace

from integrations.capabilities.releases import HostedRelease, ReleaseDraft, Tag
from integrations.errors import IntegrationError, NotFound, OutcomeUnknown, Refused, Unavailable
from tests.fakes.git import AT, FakeGit


class FakeReleases(FakeGit):
    """A GitHost that is a ReleaseHost.

    `made` is what took effect, in order: "tag v1.4.2", "release v1.4.2". `lost` are names of calls whose next effect
    is made and whose answer is lost; `away` those that fail before anything happens, once for each entry.
    """

    def __init__(self, instance: str = "git") -> None:
        super().__init__(instance)
        self.messages: dict[tuple[str, str], str] = {}
        self.releases: dict[tuple[str, str], HostedRelease] = {}
        self.made: list[str] = []
        self.lost: list[str] = []
        self.away: list[str] = []
        self.no: dict[str, IntegrationError] = {}

    async def get_tag(self, project: str, name: str) -> Tag | None:
        sha = self._repository(project).tags.get(name)
        return None if sha is None else Tag(name=name, sha=sha, message=self.messages.get((project, name), ""))

    async def create_tag(self, project: str, name: str, sha: str, message: str) -> Tag:
        known = await self.get_tag(project, name)
        if known is None:
            self._begin("tag")
            self._commit(self._repository(project), sha)
            self.tag(project, name, sha)
            self.messages[project, name] = message
            self.made.append(f"tag {name}")
            self._end("tag", name)
            known = Tag(name=name, sha=sha, message=message)
        if known.sha != sha:
            raise Refused(self.instance, f"the tag {name} is there already and names {known.sha[:12]}")
        return known

    async def create_release(self, project: str, draft: ReleaseDraft) -> HostedRelease:
        known = await self.get_release(project, draft.tag)
        if known is None:
            self._begin("release")
            if await self.get_tag(project, draft.tag) is None:
                raise NotFound(self.instance, f"{project} has no tag {draft.tag}")
            known = HostedRelease(
                tag=draft.tag, name=draft.name, notes=draft.notes, created_at=AT, links=tuple(draft.links),
                url=f"https://git.example/{project}/-/releases/{draft.tag}",
            )  # fmt: skip
            self.releases[project, draft.tag] = known
            self.made.append(f"release {draft.tag}")
            self._end("release", draft.tag)
        return known

    async def get_release(self, project: str, tag: str) -> HostedRelease | None:
        self._repository(project)
        return self.releases.get((project, tag))

    async def list_releases(self, project: str, limit: int = 20) -> Sequence[HostedRelease]:
        self._repository(project)
        return [one for (of, _), one in reversed(self.releases.items()) if of == project][:limit]

    async def update_notes(self, project: str, tag: str, notes: str) -> HostedRelease:
        known = await self.get_release(project, tag)
        if known is None:
            raise NotFound(self.instance, f"{project} has no release of the tag {tag}")
        self.releases[project, tag] = replace(known, notes=notes)
        return self.releases[project, tag]

    def _begin(self, what: str) -> None:
        if what in self.no:
            raise self.no[what]
        if what in self.away:
            self.away.remove(what)
            raise Unavailable(self.instance, "is away")

    def _end(self, what: str, name: str) -> None:
        if what in self.lost:
            self.lost.remove(what)
            raise OutcomeUnknown(self.instance, "gave no answer", request_id=name)
