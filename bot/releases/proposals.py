"""`Proposals`: what a release of a service would be now: its commit, version, changes and notes. Changes nothing."""

from collections.abc import Sequence

import structlog
from msgspec import Struct

from bot.builds.refs import Source, resolve, unreachable
from bot.catalog import Service
from bot.deployments.gathering import irreversible_files
from bot.errors import BadInput, Refused
from bot.policy.rules import judge_checks
from bot.releases import records, replies
from bot.releases.changelog import LISTED, Changelog, changelog_of, markdown
from bot.releases.conventional import bump_of
from bot.releases.parts import Parts
from bot.releases.versions import Bump, CalVer, Scheme, SemVer, Version, VersionError, newest
from integrations.capabilities.git import Comparison, GitHost, RefKind
from integrations.capabilities.merge_requests import MergeRequest, MergeRequests, MergeState
from integrations.capabilities.releases import ReleaseHost
from integrations.errors import IntegrationError

_TAGS = 500
_LOOKED_BACK = 10  # versions that are tried for the one that a commit comes after
_MERGED = 100  # merge requests among which those of a release are looked for

log = structlog.get_logger()


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody asks to have cut; empty texts are found out."""

    service: str
    ref: str = ""
    bump: Bump = Bump.AUTO
    pre: str = ""
    version: str = ""
    notes: str = ""


class Proposal(Struct, frozen=True, kw_only=True):
    """A release as it would be. `previous` is the version before it, with its commit; `newer` one that is greater."""

    service: Service
    source: Source
    asked: str
    version: str
    bump: Bump
    previous: str
    previous_sha: str
    newer: str
    changelog: Changelog
    notes: str
    irreversible: tuple[str, ...]
    checks: dict[str, str]

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"{self.service.releases.tag_prefix}{self.version}"


class _Cut(Struct, frozen=True):
    """A version that there is, and its commit."""

    version: Version
    sha: str


class Proposals:
    """Asks the Git host and our own records."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def propose(self, wanted: Wanted) -> Proposal:
        """Return what would be cut.

        Raises:
            BadInput: a word is not known or has no meaning here (`unknown_ref`, `bad_version`, …).
            Refused: nothing is to be released, the version is taken, or a required check has not passed.
            Degraded: the Git host does not answer.
        """
        service = self._parts.catalog().service(wanted.service)
        asked = wanted.ref or service.repository.default_branch
        source = await resolve(self._parts.toolbox, service, asked)
        git = self._parts.toolbox.get(GitHost, service.repository.instance)
        try:
            return await self._propose(service, wanted, git, source)
        except IntegrationError as error:
            raise unreachable(error) from error

    async def _propose(self, service: Service, wanted: Wanted, git: GitHost, source: Source) -> Proposal:
        project = service.repository.project
        states = {one.name: one.state.value for one in await git.list_checks(project, source.sha)}
        checks = judge_checks(required=service.releases.checks, states=states)
        if not checks.ok:
            raise replies.checks(service, source, checks)
        scheme = scheme_of(service)
        cuts = await self._cuts(service, scheme, git)
        base, between = await self._base(project, cuts, git, source.sha)
        changelog, files = await self._changelog(service, git, source, between)
        version, bump = self._version(service, scheme, wanted, cuts, base, source, changelog)
        await self._must_be_free(service, version)
        marked: tuple[str, ...] = ()
        if base is not None:
            marked = await irreversible_files(git, service, source.sha, files)
        greatest = newest([one.version for one in cuts], final=True)
        return Proposal(
            service=service,
            source=source,
            asked=wanted.ref or service.repository.default_branch,
            version=version.text,
            bump=bump,
            previous=base.version.text if base else "",
            previous_sha=base.sha if base else "",
            newer=greatest.text if greatest is not None and greatest > version else "",
            changelog=changelog,
            notes=markdown(changelog) or "The first release.",
            irreversible=marked,
            checks=states,
        )

    async def _cuts(self, service: Service, scheme: Scheme, git: GitHost) -> list[_Cut]:
        """Return every version that has a tag or is being released, the greatest first."""
        prefix = service.releases.tag_prefix
        refs = await git.list_refs(service.repository.project, prefix, limit=_TAGS)
        tags = [one for one in refs if one.kind is RefKind.TAG and one.name.startswith(prefix)]
        async with self._parts.store.read() as conn:
            ours = await records.versions(conn, service.name)
        found: dict[str, _Cut] = {}
        for text, sha in (*ours, *((one.name.removeprefix(prefix), one.sha) for one in tags)):
            version = scheme.read(text)
            if version is not None:
                found[text] = _Cut(version, sha)
        return sorted(found.values(), key=lambda one: one.version, reverse=True)

    async def _base(
        self, project: str, cuts: Sequence[_Cut], git: GitHost, sha: str
    ) -> tuple[_Cut | None, Comparison | None]:
        """Return the greatest final version that the commit comes after, else the greatest; and what lies between."""
        finals = [one for one in cuts if one.version.final]
        first: Comparison | None = None
        for one in finals[:_LOOKED_BACK]:
            between = await git.compare(project, one.sha, sha, limit=LISTED)
            if not between.left_behind:
                return one, between
            first = first or between
        return (finals[0], first) if finals else (None, None)

    async def _changelog(
        self, service: Service, git: GitHost, source: Source, between: Comparison | None
    ) -> tuple[Changelog, Sequence[str]]:
        project = service.repository.project
        commits = tuple(between.commits) if between is not None else (await git.get_commit(project, source.sha),)
        shas = {commit.sha for commit in commits}
        merged = [one for one in await self._merged(service) if {one.sha, one.merge_sha} & shas]
        tickets = service.tickets
        found = changelog_of(
            commits,
            merged,
            total=between.total if between is not None else len(commits),
            ticket=tickets.pattern if tickets else "",
            ticket_url=tickets.url if tickets else "",
        )
        return found, between.files if between is not None else ()

    async def _merged(self, service: Service) -> Sequence[MergeRequest]:
        try:
            host = self._parts.toolbox.get(MergeRequests, service.repository.instance)
        except BadInput:  # a host without any
            return ()
        try:
            return await host.list_merge_requests(service.repository.project, MergeState.MERGED, limit=_MERGED)
        except IntegrationError as error:  # the commits tell what changed; only their merge requests are not known
            log.warning("release.merge_requests_unreadable", service=service.name, error=str(error))
            return ()

    def _version(
        self,
        service: Service,
        scheme: Scheme,
        wanted: Wanted,
        cuts: Sequence[_Cut],
        base: _Cut | None,
        source: Source,
        changelog: Changelog,
    ) -> tuple[Version, Bump]:
        """Return the version that is asked for, or the next one."""
        if base is not None and base.sha == source.sha and not wanted.version and wanted.bump is Bump.AUTO:
            raise replies.nothing_new(service, base.version.text, source)
        semver = isinstance(scheme, SemVer)
        bump = wanted.bump
        if semver and bump is Bump.AUTO and base is not None:
            found = bump_of(changelog.groups, base.version)
            if found is None and not wanted.version:
                raise replies.nothing_to_release(service, base.version.text, changelog, wanted.ref)
            bump = found or Bump.PATCH
        # The calendar counts over all lines of a service; SemVer over the one that the commit is on.
        latest = (base.version if base else None) if semver else newest([one.version for one in cuts], final=True)
        try:
            known = [one.version for one in cuts]
            today = self._parts.clock.now().date()
            computed = None
            if not wanted.version or wanted.bump is not Bump.AUTO or wanted.pre:
                computed = scheme.after(latest, bump, known, pre=wanted.pre, today=today)
        except VersionError as error:
            raise BadInput(error.code, f"{service.name}: {error.words}.") from None
        if computed is not None and not wanted.version:
            return computed, bump
        return _given(service, scheme, wanted.version, computed=computed, latest=latest), bump

    async def _must_be_free(self, service: Service, version: Version) -> None:
        async with self._parts.store.read() as conn:
            other = await records.holder(conn, service.name, version.text)
        if other is not None:
            raise replies.taken(other, self._parts.name_of)
        host = self._parts.toolbox.get(ReleaseHost, service.repository.instance)
        tag = await host.get_tag(service.repository.project, f"{service.releases.tag_prefix}{version}")
        if tag is not None:
            raise Refused("version_taken", f"{service.name} has the tag {tag.name} already: it names {tag.sha[:7]}.")


def _given(service: Service, scheme: Scheme, text: str, *, computed: Version | None, latest: Version | None) -> Version:
    """Return the version that was asked for by name. Raises: BadInput (`bad_version`)."""
    given = scheme.read(text.removeprefix(service.releases.tag_prefix))
    if given is None:
        raise replies.no_version(service, text)
    if computed is not None and computed != given:
        raise replies.two_versions(given.text, computed.text)
    if latest is not None and given <= latest:
        raise replies.not_greater(service, given.text, latest.text)
    return given


def scheme_of(service: Service) -> Scheme:
    """Return how the versions of a service are numbered."""
    releases = service.releases
    return CalVer(releases.format) if releases.scheme == "calver" else SemVer(releases.first)
