"""Requests and settings made into jobs for the runner."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.deploys import DeployRequest
from integrations.local.archive import archive_name
from integrations.local.job import Job, Source
from integrations.local.masking import Mask
from integrations.local.places import Desired
from integrations.local.processes import program
from integrations.local.settings import BuildRecipe, DeployRecipe, LocalSettings, Place


@dataclass(frozen=True, slots=True)
class Recipes:
    """Makes the jobs of one instance. `folder` is the instance's state folder, `git` the program's path."""

    settings: LocalSettings
    folder: Path
    git: str

    @property
    def artifacts(self) -> Path:
        """The store of artifacts."""
        return self.folder / "artifacts"

    def build(self, recipe: BuildRecipe, request: BuildRequest, git_dir: Path, run: Path) -> Job:
        """Return the job of a build."""
        if recipe.command is None:
            told = {
                "git": self.git,
                "git_dir": str(git_dir),
                "sha": request.sha,
                "result": str(run / "result.json"),
                "artifact": archive_name(request.project, request.version, request.sha),
            }
            return self._job("build", program("integrations.local.archive"), timeout=recipe.timeout, told=told)
        words = {"PROJECT": request.project, "SHA": request.sha, "VERSION": request.version}
        return self._job(
            "build",
            recipe.command,
            timeout=recipe.timeout,
            env=self._environment(recipe.env, words | _parameters(request.parameters), run),
            hidden=recipe.env.values(),
            source=Source(git=self.git, git_dir=str(git_dir), sha=request.sha),
        )

    def deploy(self, recipe: DeployRecipe, request: DeployRequest, git_dir: Path, run: Path, place: Path) -> Job:
        """Return the job of a deploy with a command of its own."""
        stored = self.artifacts / request.digest.removeprefix("sha256:") / request.artifact
        words = {
            "PROJECT": request.project,
            "SHA": request.sha,
            "VERSION": request.version,
            "SERVICE": request.service,
            "ENVIRONMENT": request.environment,
            "TARGET": request.target,
            "FENCE": str(request.fence),
            "DIGEST": request.digest,
            "ARTIFACT": str(stored) if request.digest and request.artifact else request.artifact,
        }
        job = self._job(
            "deploy",
            recipe.command,
            timeout=recipe.timeout,
            env=self._environment(recipe.env, words | _parameters(request.parameters), run),
            hidden=recipe.env.values(),
            source=Source(git=self.git, git_dir=str(git_dir), sha=request.sha),
        )
        return replace(job, deployed=str(place / "deployed.json"), fence=request.fence)

    def rollout(self, place: Place, request: DeployRequest, git_dir: Path, run: Path, folder: Path) -> Job:
        """Return the job of a deploy to a place whose service is kept alive here."""
        words = {"VERSION": request.version, "SHA": request.sha, "PORT": str(place.port)}
        desired = Desired(
            deployment=run.name,
            fence=request.fence,
            sha=request.sha,
            version=request.version,
            release="",
            command=place.command,
            env=self._environment(place.env, words, None),
            port=place.port,
            health=place.health,
            version_path=place.version_path or "",
            probe_interval=place.probe_interval,
            stop_timeout=place.stop_timeout,
            log_limit=self.settings.log_limit,
            secrets=self._secrets(place.env.values()),
            patterns=list(self.settings.mask),
        )
        told = {
            "place": str(folder),
            "run": str(run),
            "artifacts": str(self.artifacts),
            "digest": request.digest,
            "git": self.git,
            "git_dir": str(git_dir),
            "sha": request.sha,
            "version": request.version,
            "project": request.project,
            "ready_timeout": place.ready_timeout,
            "desired": asdict(desired),
        }
        command = program("integrations.local.rollout")
        return self._job("deploy", command, timeout=place.timeout, hidden=place.env.values(), told=told)

    def _job(
        self,
        kind: str,
        argv: list[str],
        *,
        timeout: float,
        env: dict[str, str] | None = None,
        hidden: Iterable[SecretStr] = (),
        told: Mapping[str, object] | None = None,
        source: Source | None = None,
    ) -> Job:
        return Job(
            kind=kind,
            argv=argv,
            env=env,
            timeout=timeout,
            grace=self.settings.stop_grace,
            log_limit=self.settings.log_limit,
            secrets=self._secrets(hidden),
            patterns=list(self.settings.mask),
            words=json.dumps(told) if told else "",
            source=source,
            artifacts=str(self.artifacts),
        )

    def mask(self) -> Mask:
        """Return what hides every secret of this instance."""
        settings = self.settings
        told = [one.env for jobs in (settings.builds, settings.deploys, settings.places) for one in jobs.values()]
        return Mask(self._secrets(secret for env in told for secret in env.values()), settings.mask)

    def _secrets(self, more: Iterable[SecretStr]) -> list[str]:
        return [secret.get_secret_value() for secret in (*self.settings.secrets, *more)]

    def _environment(self, env: Mapping[str, SecretStr], words: Mapping[str, str], run: Path | None) -> dict[str, str]:
        """Return all that a command of the settings finds in its environment: nothing of the bot's own is in it."""
        own = {"PATH": self.settings.path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        if run is not None:
            own |= {"HOME": str(run / "work"), "SHIPMATE_RUN": str(run), "SHIPMATE_RESULT": str(run / "result.json")}
            own["SHIPMATE_REPORTS"] = str(run / "reports")
        own |= {f"SHIPMATE_{name}": value for name, value in words.items()}
        return own | {name: secret.get_secret_value() for name, secret in env.items()}


def _parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return parameters under the names PARAMETER_<NAME>; what is no name of a variable is made one."""
    return {
        "PARAMETER_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name).upper(): value
        for name, value in parameters.items()
    }
