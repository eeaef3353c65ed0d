"""Where the real servers' programs are, as tools/servers.py finds them; what is not here is skipped with a reason."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Root cannot use Chromium's sandbox, containers seldom have a GPU or a /dev/shm that an ordinary user may write to.
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@functools.cache
def find(name: str) -> dict[str, str]:
    """Return what tools/servers.py tells of a server: path, version and how, or skip with the reason."""
    command = [sys.executable, str(ROOT / "tools" / "servers.py"), "find", name]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, dict[str, str]] = json.loads(told.stdout)
    return found[name]


def program(name: str) -> Path:
    """Return the path of a server's program; skips the test that asks where there is none."""
    found = find(name)
    if "skip" in found:
        pytest.skip(f"{name} is {found['skip']}")
    return Path(found["path"])
