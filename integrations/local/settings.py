"""Settings of one `local` instance: repositories, build and deploy recipes, places, and what is masked."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _pattern(text: str) -> str:
    try:
        compiled = re.compile(text.encode())
    except re.error as error:
        message = f"{text!r} is not a regular expression: {error}"
        raise ValueError(message) from error
    if compiled.match(b""):
        message = f"{text!r} matches the empty text and would mask everything: make it match at least one character"
        raise ValueError(message)
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or ".." in text or text.endswith("/") or "//" in text:
        message = f"{text!r} is not a name: letters, digits, . _ - @ and / are allowed, at most 100, no .. in it"
        raise ValueError(message)
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        message = f"{text!r} is not the name of an environment variable: letters, digits and _ are allowed"
        raise ValueError(message)
    return text


Name = Annotated[str, AfterValidator(_name)]
Environment = dict[Annotated[str, AfterValidator(_variable)], SecretStr]
Command = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class _Strict(BaseModel):
    """An unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class BuildRecipe(_Strict):
    """How a job builds a commit. Without a command the artifact is `git archive` of the commit.

    The command runs in a folder that holds the commit's files. It gets the variables that README.md lists, and
    nothing of the bot's own environment. Times are in seconds.
    """

    command: Command | None = None
    timeout: float = Field(default=900, gt=0, le=86_400)
    env: Environment = Field(default={})


class DeployRecipe(_Strict):
    """How a job deploys with a command of its own. Times are in seconds."""

    command: Command
    timeout: float = Field(default=900, gt=0, le=86_400)
    env: Environment = Field(default={})
    url: str = ""


class Place(_Strict):
    """A process on this machine that runs the artifact and is kept alive. Times are in seconds.

    In `command` the words `{port}`, `{release}` (the folder of the unpacked artifact), `{artifact}` (its name),
    `{version}` and `{sha}` are filled in. `health` must answer 2xx; `version_path`, when given, must answer with a
    body that holds the version, so that an old process is never taken for the new one.
    """

    port: int = Field(ge=1, le=65_535)
    command: Command
    health: str = Field(default="/healthz", pattern=r"^/")
    version_path: str | None = Field(default=None, pattern=r"^/")
    ready_timeout: float = Field(default=30, gt=0, le=3600)
    stop_timeout: float = Field(default=10, gt=0, le=600)
    timeout: float = Field(default=300, gt=0, le=86_400)
    probe_interval: float = Field(default=1.0, ge=0.05, le=60)
    env: Environment = Field(default={})

    @model_validator(mode="after")
    def _fillable(self) -> Self:
        words = {"port": "1", "release": "r", "artifact": "a", "version": "v", "sha": "s"}
        for argument in self.command:
            try:
                argument.format_map(words)
            except (KeyError, ValueError, IndexError, AttributeError) as error:
                message = f"{argument!r} in command cannot be filled in ({error}): known are {', '.join(sorted(words))}"
                raise ValueError(message) from error
        return self


class LocalSettings(_Strict):
    """One machine: where its repositories are, how its jobs build and deploy, and what is masked in their logs."""

    root: Path | None = None
    repositories: dict[Name, Path] = Field(default={})
    builds: dict[Name, BuildRecipe] = Field(default={})
    deploys: dict[Name, DeployRecipe] = Field(default={})
    places: dict[Name, Place] = Field(default={})
    secrets: list[SecretStr] = Field(default=[])
    mask: list[Annotated[str, AfterValidator(_pattern)]] = Field(default=[])
    path: str = "/usr/local/bin:/usr/bin:/bin"
    git_timeout: float = Field(default=20, gt=0, le=600)
    stop_grace: float = Field(default=5, ge=0, le=300)
    log_limit: int = Field(default=16 * 1024 * 1024, ge=4096, le=1024**3)
    keep_runs: int = Field(default=1000, ge=10)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.root is None and not self.repositories:
            message = "give `root` (a folder of repositories) or `repositories` (name: path)"
            raise ValueError(message)
        both = sorted(set(self.deploys) & set(self.places))
        if both:
            message = f"{', '.join(both)}: a job is listed either under `deploys` or under `places`, not under both"
            raise ValueError(message)
        ports: dict[int, str] = {}
        for name, place in self.places.items():
            if place.port in ports:
                message = f"places {ports[place.port]} and {name} both use port {place.port}: give each its own"
                raise ValueError(message)
            ports[place.port] = name
        return self
