"""What the runner is told: one job, with all it needs, as JSON on standard input, so that no secret is on disk."""

import json
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The commit whose files the command finds in its folder."""

    git: str
    git_dir: str
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command to run once. Times are in seconds.

    `env` is all of its environment; None inherits ours, which is for our own programs only. `words` go to its
    standard input. `kind` is "build" or "deploy". `artifacts` is the store that a build's artifact goes into.
    `deployed` is the file that says what a deploy with a command of its own has put where; it is written
    only while `fence` is still the place's newest claim.
    """

    kind: str
    argv: list[str]
    env: dict[str, str] | None
    timeout: float
    grace: float
    log_limit: int
    secrets: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    words: str = ""
    source: Source | None = None
    artifacts: str = ""
    deployed: str = ""
    fence: int = 0

    def dump(self) -> bytes:
        """Return the JSON that `load` reads."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Return the job that `dump` wrote."""
        fields = json.loads(data)
        if fields["source"] is not None:
            fields["source"] = Source(**fields["source"])
        return cls(**fields)
