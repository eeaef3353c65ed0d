"""The adapter: Git host, build server and deployer on this machine."""

import asyncio
import getpass
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import convert
from msgspec.structs import asdict, fields, replace

from integrations.capabilities.builds import BuildJob, BuildRequest
from integrations.capabilities.deploys import DeployRequest, Running
from integrations.capabilities.git import Check, Commit, Comparison, Ref
from integrations.capabilities.releases import HostedRelease, ReleaseDraft, Tag
from integrations.capabilities.reports import TestReport
from integrations.capabilities.runs import LogChunk, Run, RunRef
from integrations.contract import Pong, Resources
from integrations.errors import NotFound, Refused, Unavailable
from integrations.local.files import has_room, is_locked, read_json
from integrations.local.git import Git
from integrations.local.places import StaleFenceError, folder_name, raise_fence, status_of
from integrations.local.recipes import Recipes
from integrations.local.releases import TaggedReleases
from integrations.local.repositories import Repositories
from integrations.local.rollout import start_supervisor
from integrations.local.runs import Runs
from integrations.local.settings import LocalSettings

_log = logging.getLogger(__name__)


async def connect(instance: str, settings: LocalSettings, resources: Resources) -> "Local":
    """Return the adapter of one instance; services that shall run and have no supervisor get one again."""
    local = Local(instance, settings, Path(resources.state_dir))
    await local.prepare()
    return local


class Local:
    """Reads repositories, builds and deploys on this machine. State lives in `<state folder>/<instance>/`."""

    def __init__(self, instance: str, settings: LocalSettings, state: Path) -> None:
        self._instance = instance
        self._settings = settings
        self._folder = state.resolve() / instance
        self._git = Git(instance, deadline=settings.git_timeout)
        self._repositories = Repositories(instance, self._git, root=settings.root, named=settings.repositories)
        self._releases = TaggedReleases(instance, self._git, self._repositories)
        self._recipes = Recipes(settings, self._folder, self._git.program)
        self._runs = Runs(instance, self._folder / "runs", keep=settings.keep_runs)

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    async def prepare(self) -> None:
        """Make the folders, drop old runs, and bring back the supervisors that a reboot has ended."""
        try:
            for name in ("runs", "places", "artifacts"):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(self._instance, f"the state folder cannot be made: {error}") from error
        await self._runs.prune()
        for job in self._settings.places:
            folder = self._place(job)
            if (folder / "desired.json").exists():
                try:
                    await asyncio.to_thread(start_supervisor, folder)
                except OSError as error:  # the other places are not to suffer
                    _log.warning("%s: %s: %s", self._instance, job, error)

    async def ping(self) -> Pong:
        """Return git's version, who we are, and which repositories can be read.

        Raises:
            NotFound: a configured repository is not there.
            Unavailable: git is not there, or the state folder cannot be written.
        """
        version = await self._git.version()
        names = self._repositories.names()
        for name in names:
            await self._repositories.list_refs(name, limit=1)
        probe = self._folder / ".ping"
        try:
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise Unavailable(self._instance, f"the state folder cannot be written: {error}") from error
        detail = f"{len(names)} repositories: {', '.join(names)}"
        return Pong(version=f"git {version}", identity=getpass.getuser(), detail=detail)

    async def close(self) -> None:
        """Let go of nothing: runs and services go on without us, which is their purpose."""

    # GitHost

    async def resolve_ref(self, project: str, name: str) -> Ref:
        """Return what a tag, branch, full or short SHA stands for now."""
        return await self._repositories.resolve_ref(project, name)

    async def list_refs(self, project: str, prefix: str = "", limit: int = 100) -> Sequence[Ref]:
        """Return tags (newest version first), then branches, whose names contain `prefix`."""
        return await self._repositories.list_refs(project, prefix, limit)

    async def get_commit(self, project: str, sha: str) -> Commit:
        """Return one commit by its full SHA."""
        return await self._repositories.get_commit(project, sha)

    async def compare(self, project: str, base: str, head: str, limit: int = 100) -> Comparison:
        """Return what lies between two full SHAs."""
        return await self._repositories.compare(project, base, head, limit)

    async def read_file(self, project: str, sha: str, path: str) -> bytes | None:
        """Return a file's content at a commit, None if it is not there; at most 1 MiB."""
        return await self._repositories.read_file(project, sha, path)

    async def list_checks(self, project: str, sha: str) -> Sequence[Check]:
        """Return what the notes under refs/notes/checks say of this commit."""
        return await self._repositories.list_checks(project, sha)

    # ReleaseHost

    async def get_tag(self, project: str, name: str) -> Tag | None:
        """Return a tag with its message, None where there is none."""
        return await self._releases.get_tag(project, name)

    async def create_tag(self, project: str, name: str, sha: str, message: str) -> Tag:
        """Make an annotated tag of exactly this commit; one that names it already is returned as it is."""
        return await self._releases.create_tag(project, name, sha, message)

    async def create_release(self, project: str, draft: ReleaseDraft) -> HostedRelease:
        """Make the release of a tag; one that is there already is returned as it is."""
        return await self._releases.create_release(project, draft)

    async def get_release(self, project: str, tag: str) -> HostedRelease | None:
        """Return the release of a tag, None where there is none."""
        return await self._releases.get_release(project, tag)

    async def list_releases(self, project: str, limit: int = 20) -> Sequence[HostedRelease]:
        """Return releases, newest tag first."""
        return await self._releases.list_releases(project, limit)

    async def update_notes(self, project: str, tag: str, notes: str) -> HostedRelease:
        """Replace the notes of a release."""
        return await self._releases.update_notes(project, tag, notes)

    # RunTracker

    async def get_run(self, ref: RunRef) -> Run:
        """Return the run as it stands."""
        return await self._runs.get_run(ref)

    async def find_run(
        self,
        request_id: str,
        job: str = "",  # noqa: ARG002 -- a request id is a folder here, wherever it was started
        since: datetime | None = None,  # noqa: ARG002 -- the same
    ) -> RunRef | None:
        """Return the run that was started with this request id, None if there is none."""
        return await self._runs.find_run(request_id)

    async def cancel_run(self, ref: RunRef) -> None:
        """Ask for the run's end."""
        await self._runs.cancel_run(ref)

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        """Return the masked log from `offset` on."""
        return await self._runs.read_log(ref, offset)

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        """Refuse: runs on this machine wait for nobody."""
        await self._runs.answer(ref, action, parameters)

    # BuildServer

    async def start_build(self, request: BuildRequest) -> RunRef:
        """Start a build; the same `request_id` again returns the same run.

        Raises:
            NotFound: no such job, project or commit.
            OutcomeUnknown, Unavailable: the run could not be started, or nobody knows.
        """
        recipe = self._settings.builds.get(request.job)
        if recipe is None:
            raise self._no_job(request.job, "builds", self._settings.builds)
        git_dir = self._repositories.git_dir(request.project)
        if request.sha:
            await self._repositories.get_commit(request.project, request.sha)
        elif request.branch:
            head = await self._repositories.resolve_ref(request.project, request.branch)
            request = replace(request, sha=head.sha, version=request.version or head.name)
        else:
            raise Refused(self._instance, f"{request.job} builds a commit: name a branch, a tag or a commit")
        run = self._runs.folder_for(request.request_id)
        job = self._recipes.build(recipe, request, git_dir, run)
        return await self._runs.start(request.request_id, "build", _kept(request), job)

    async def get_job(self, job: str) -> BuildJob:
        """Return a build recipe; it takes no parameters by name. Raises: NotFound."""
        if job not in self._settings.builds:
            raise self._no_job(job, "builds", self._settings.builds)
        return BuildJob(name=job)

    async def list_jobs(self, part: str = "", limit: int = 100) -> Sequence[str]:
        """Return the build recipes whose names hold `part`."""
        return [job for job in sorted(self._settings.builds) if part in job][:limit]

    async def list_builds(self, job: str, branch: str = "", limit: int = 20) -> Sequence[Run]:
        """Return builds of a job, newest first, of those that are kept."""
        await self.get_job(job)
        return await self._runs.list_runs("build", job, branch, limit)

    async def retry_build(self, ref: RunRef, request_id: str) -> RunRef:
        """Build what a build built once more."""
        asked = await self._runs.request_of(ref)
        if asked.get("kind") != "build":
            raise Refused(self._instance, f"{ref.id} is no build: only builds are run once more")
        if not (await self._runs.get_run(ref)).state.final:
            raise Refused(self._instance, f"{ref.id} still goes on: abort it first, or wait for its end")
        known = {field.name: asked[field.name] for field in fields(BuildRequest) if field.name in asked}
        return await self.start_build(convert({**known, "request_id": request_id}, BuildRequest))

    # TestReports

    async def get_report(self, ref: RunRef) -> TestReport | None:
        """Return the tests that a run's command reported to $SHIPMATE_REPORTS, None when it reported none."""
        return await self._runs.report_of(ref, self._recipes.mask())

    # Deployer

    async def start_deploy(self, request: DeployRequest) -> RunRef:
        """Start a deploy; the same `request_id` again returns the same run.

        Raises:
            NotFound: no such job, project or commit.
            Refused: the fence is older than one already seen.
            OutcomeUnknown, Unavailable: the run could not be started, or nobody knows.
        """
        known = await self._runs.find_started(request.request_id, "deploy")
        if known is not None:
            return known
        place = self._settings.places.get(request.job)
        recipe = self._settings.deploys.get(request.job)
        git_dir = self._repositories.git_dir(request.project)
        await self._repositories.get_commit(request.project, request.sha)
        run = self._runs.folder_for(request.request_id)
        if place is not None:
            where = self._place(request.job)
            job = self._recipes.rollout(place, request, git_dir, run, where)
        elif recipe is None:
            raise self._no_job(request.job, "places or deploys", {**self._settings.places, **self._settings.deploys})
        else:
            where = self._place(request.job, request.service, request.environment, request.target)
            job = self._recipes.deploy(recipe, request, git_dir, run, where)
        try:
            await asyncio.to_thread(raise_fence, where, request.fence, request.request_id)
        except StaleFenceError as error:
            raise Refused(self._instance, f"{request.job}: {error}") from error
        except OSError as error:
            raise Unavailable(self._instance, f"the folder of the place cannot be used: {error}") from error
        return await self._runs.start(request.request_id, "deploy", _kept(request), job)

    async def get_running(self, job: str, service: str, environment: str, target: str) -> Running | None:
        """Return what runs on the place now, None when nothing does.

        For a place, what its supervisor saw last; not healthy when the supervisor itself is gone. For a deploy with a
        command of its own, what that has put there last; nobody watches it.

        Raises:
            NotFound: no such job.
            Unavailable: the supervisor could not write down what it sees, such as when the disk is full.
        """
        place = self._settings.places.get(job)
        if place is not None:
            folder = self._place(job)
            status = await asyncio.to_thread(status_of, folder)
            if not status:
                if is_locked(folder / "supervisor.lock") and not has_room(folder):
                    raise Unavailable(self._instance, f"nobody can tell what runs on {job}: the disk is full")
                return None
            return Running(
                sha=str(status["sha"]),
                version=str(status["version"]),
                since=datetime.fromisoformat(str(status["since"])),
                healthy=bool(status["healthy"]) and is_locked(folder / "supervisor.lock"),
                url=f"http://127.0.0.1:{status['port']}",
            )
        recipe = self._settings.deploys.get(job)
        if recipe is None:
            raise self._no_job(job, "places or deploys", {**self._settings.places, **self._settings.deploys})
        done = read_json(self._place(job, service, environment, target) / "deployed.json")
        if done is None:
            return None
        since = datetime.fromisoformat(str(done["at"]))
        return Running(sha=str(done["sha"]), version=str(done["version"]), since=since, url=recipe.url)

    def _place(self, *words: str) -> Path:
        return self._folder / "places" / folder_name(*words)

    def _no_job(self, job: str, where: str, known: Iterable[str]) -> NotFound:
        return NotFound(self._instance, f"no job {job!r} under {where}; known are {', '.join(sorted(known)) or '–'}")


def _kept(request: BuildRequest | DeployRequest) -> dict[str, object]:
    """Return what a run keeps of its request, plain values; its folder says when it was made."""
    values = asdict(request)
    del values["asked_at"]
    return values
