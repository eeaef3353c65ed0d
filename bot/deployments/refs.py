"""`Refs`: the exact commit and artifact that people mean by a tag, a branch, a SHA, or by nothing at all."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from bot.builds.refs import unreachable
from bot.catalog import Environment, Place, Service
from bot.closest import closest
from bot.deployments import places, records
from bot.deployments.parts import Parts
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.errors import BadInput
from bot.reply import Button
from integrations.capabilities.git import GitHost, Ref, RefKind
from integrations.errors import IntegrationError, NotFound, Refused as ToolRefused

SHORT = 7
_SHORTEST = 4
NO_WORDS: Mapping[str, str] = MappingProxyType({})


class Refs:
    """Asks the Git host of a service, and our own records for what was built."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def git(self, service: Service) -> GitHost:
        """Return the Git host of a service."""
        return self._parts.toolbox.get(GitHost, service.repository.instance)

    async def resolve(self, service: Service, asked: str, words: Mapping[str, str] = NO_WORDS) -> Release:
        """Return the exact commit that a tag, branch or SHA stands for, with the name people know it by.

        `words` are the arguments of the wish, for the button that corrects it.

        Raises:
            BadInput: there is none (`unknown_ref`, with what was probably meant), there are several
                (`ambiguous_ref`), or it can be no name of one (`bad_ref`).
            Degraded: the Git host does not answer.
        """
        cut = await self._parts.above.named(service, asked)
        if cut is not None:
            return cut
        git = self.git(service)
        project = service.repository.project
        try:
            ref = await self.find(git, project, asked)
        except NotFound:
            raise await self._unknown_ref(git, service, asked, words) from None
        except ToolRefused as error:
            code = "ambiguous_ref" if "ambiguous" in error.reason else "bad_ref"
            raise BadInput(code, f"{asked} cannot be used: {error.reason}.") from None
        except IntegrationError as error:
            raise unreachable(error) from error
        return await self.release_of(service, ref)

    async def default_ref(self, service: Service, environment: Environment) -> Release:
        """Return what is meant when no version is named.

        That is what runs where it is promoted from, else the newest tag, else the head of the default branch.
        """
        if environment.promote_from:
            async with self._parts.store.read() as conn:
                running = (await places.get(conn, Place(service.name, environment.promote_from))).running
            if running.sha:
                return running
        try:
            refs = await self.git(service).list_refs(service.repository.project, limit=1)
        except IntegrationError as error:
            raise unreachable(error) from error
        if refs and refs[0].kind is RefKind.TAG:
            return await self.resolve(service, refs[0].name)
        return await self.resolve(service, service.repository.default_branch)

    async def find(self, git: GitHost, project: str, asked: str) -> Ref:
        """Return the ref of a name as people say it: 1.4.2 for v1.4.2. Raises: NotFound, and what the host says."""
        try:
            return await git.resolve_ref(project, asked)
        except NotFound:
            if asked[:1].isdigit():
                return await git.resolve_ref(project, f"v{asked}")
            raise

    async def release_of(self, service: Service, ref: Ref) -> Release:
        """Return the release that a ref is: named as its tag, or one of its commit's, else by the commit."""
        git, project = self.git(service), service.repository.project
        version = ref.name if ref.kind is RefKind.TAG else await self._tag_of(git, project, ref.sha)
        return await self.with_artifact(service, Release(sha=ref.sha, version=version or ref.sha[:SHORT]))

    async def with_artifact(self, service: Service, release: Release) -> Release:
        """Return a release with the artifact that was built of its commit before, where there is one."""
        if service.build is None or release.digest:
            return release
        async with self._parts.store.read() as conn:
            built = await records.built(conn, service.name, release.sha)
        return release if built is None else replace(release, artifact=built.artifact, digest=built.digest)

    async def _tag_of(self, git: GitHost, project: str, sha: str) -> str:
        try:
            refs = await git.list_refs(project)
        except IntegrationError:
            return ""  # the commit is known; only its nicer name is not
        return next((ref.name for ref in refs if ref.kind is RefKind.TAG and ref.sha == sha), "")

    async def _unknown_ref(self, git: GitHost, service: Service, asked: str, words: Mapping[str, str]) -> BadInput:
        try:
            names = [ref.name for ref in await git.list_refs(service.repository.project)]
        except IntegrationError:
            names = []
        near = closest(asked, names)
        text = f"{asked} is no tag, branch or commit of {service.name}."
        if near is None:
            newest = ", ".join(names[:3])
            return BadInput("unknown_ref", f"{text} The newest are {newest}." if newest else text)
        where = "/".join(words[name] for name in ("environment", "target") if words.get(name))
        label = f"Deploy {near} to {where}" if where else f"Deploy {near}"
        args = {**words, "service": service.name, "version": near}
        move = Button(label=label[:75], command="deploy", args=args)
        return BadInput("unknown_ref", f"{text} Did you mean {near}?", moves=(move,))


def names_itself(deployment: Deployment) -> bool:
    """Tell whether what was typed is the commit itself, which cannot move."""
    return len(deployment.asked) >= _SHORTEST and deployment.sha.startswith(deployment.asked.lower())
