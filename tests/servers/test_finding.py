"""tools/servers.py finds programs on PATH that are new enough, and gives a reason where there is nothing to find."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.programs import ROOT


class Script:
    """tools/servers.py with a PATH of the test's own and an empty cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "bin").mkdir()

    def __call__(self, *words: str) -> dict[str, dict[str, str]]:
        """Run it and return what it printed."""
        folder = str(self._folder)
        told = subprocess.run(
            [sys.executable, str(ROOT / "tools/servers.py"), *words],
            env={"PATH": f"{folder}/bin", "HOME": folder, "SHIPMATE_CACHE": f"{folder}/cache"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found: dict[str, dict[str, str]] = json.loads(told.stdout)
        return found

    def program(self, name: str, says: str = "", code: int = 0) -> str:
        """Put a program on its PATH that says a line and ends; returns its path."""
        path = self._folder / "bin" / name
        path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
        path.chmod(0o755)
        return str(path)


@pytest.fixture
def servers(tmp_path):
    return Script(tmp_path)


def test_a_program_on_path_is_taken(servers):
    path = servers.program("prometheus", "prometheus, version 2.53.1 (branch: HEAD)")
    assert servers("ensure", "prometheus") == {"prometheus": {"path": path, "version": "2.53.1", "how": "on PATH"}}


def test_an_upgrade_is_noticed(servers):
    path = servers.program("alertmanager", "alertmanager, version 0.27.0")
    assert servers("find", "alertmanager")["alertmanager"]["version"] == "0.27.0"
    servers.program("alertmanager", "alertmanager, version 0.28.0, another length")
    assert servers("find", "alertmanager")["alertmanager"] == {"path": path, "version": "0.28.0", "how": "on PATH"}


def test_an_old_program_is_not_taken(servers):
    servers.program("prometheus", "prometheus, version 1.8.2")
    found = servers("find", "prometheus")["prometheus"]
    assert "make servers" in found["skip"]


def test_without_apt_there_is_a_reason(servers):
    found = servers("ensure", "prometheus", "chromium")
    assert "no prometheus on PATH, and no apt-get here" in found["prometheus"]["skip"]
    assert "install chromium" in found["chromium"]["skip"]


def test_a_server_that_apt_does_not_have_is_skipped_with_its_words(servers):
    servers.program("apt-cache")
    servers.program("dpkg-deb")
    servers.program("apt-get", "E: Unable to locate package", code=100)
    assert "Unable to locate package" in servers("ensure", "prometheus")["prometheus"]["skip"]


def test_path_ends_with_the_reason():
    environment = {**os.environ, "PATH": "/nowhere", "SHIPMATE_CACHE": "/nowhere"}
    command = [sys.executable, str(ROOT / "tools/servers.py"), "path", "prometheus"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 1
    assert "make servers" in told.stderr
