"""Where the suites go: to the tool that the environment names, else to a stand-in, started as a process of its own."""

import contextlib
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integrations.live.stand_in import GITLAB_GROUP, GITLAB_TOKEN, JENKINS_TOKEN, JENKINS_USER
from tests.servers.process import ServerProcess

ROOT = Path(__file__).resolve().parents[3]
NEEDED = {
    "jenkins": ("JENKINS_URL", "JENKINS_USER", "JENKINS_TOKEN"),
    "gitlab": ("GITLAB_URL", "GITLAB_TOKEN", "GITLAB_GROUP"),
    "ntfy": ("NTFY_URL", "NTFY_TOKEN"),
}
DEADLINE = 600.0  # seconds that a run of a real tool gets: its nodes and runners have other work, too


@dataclass(frozen=True)
class Target:
    """A tool's address and what lets us in. `place` is the group in which we may make others, for GitLab."""

    url: str
    token: str
    user: str = ""
    place: str = ""
    real: bool = False


def real_ones() -> bool:
    """Tell whether the environment names a real tool: then no stand-in is asked."""
    return any(os.environ.get(names[0]) for names in NEEDED.values())


@contextlib.contextmanager
def target(tool: str) -> Iterator[Target]:
    """Yield the tool that the environment names, or a stand-in; skip where another tool is named and this one not."""
    values = {name: os.environ.get(name, "").rstrip("/") for name in NEEDED[tool]}
    if real_ones():
        if not all(values.values()):
            pytest.skip(f"needs {', '.join(name for name, value in values.items() if not value)}")
        found = {name.partition("_")[2].lower(): value for name, value in values.items()}
        yield Target(found["url"], found["token"], found.get("user", ""), found.get("group", ""), real=True)
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(_stand_in(tool, Path(folder))) as server:
        url = f"http://127.0.0.1:{server.port}"
        if tool == "jenkins":
            yield Target(url, JENKINS_TOKEN, user=JENKINS_USER)
        else:
            yield Target(url, GITLAB_TOKEN, place=GITLAB_GROUP)


class _StandIn(ServerProcess):
    def close(self) -> None:
        self.stop()


def _stand_in(tool: str, folder: Path) -> _StandIn:
    def command(port: int) -> list[str]:
        module = "tests.integrations.live.stand_in"
        start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import main; main()"
        return [sys.executable, "-c", start, tool, str(port), str(folder)]

    return _StandIn.start(command, _answers, log=folder / "log")


def _answers(port: int) -> bool:
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
        return True
    return True
