"""What is installed is what was declared: locks, the wheel's content, imports."""

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from typing import Any

import pytest

from tests.architecture.tree import PACKAGES, PYTEST_PLUGINS, ROOT, files, modules, nodes, text

# Imported under a name of their own, shipped as part of what is declared.
PARTS = {"multidict": "aiohttp", "pydantic-core": "pydantic", "yarl": "aiohttp"}


@functools.cache
def project() -> dict[str, Any]:
    return tomllib.loads(text("pyproject.toml"))


def plain(name: str) -> str:
    """Return a distribution's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0]).lower()


def declared(*, dev: bool = False) -> set[str]:
    metadata = project()["project"]
    groups = [metadata["dependencies"], *metadata["optional-dependencies"].values()]
    if dev:
        groups.append(project()["dependency-groups"]["dev"])
    return {plain(wanted) for group in groups for wanted in group} - {"shipmate"}


def locked(path: str) -> dict[str, str]:
    return {plain(name): version for name, version in re.findall(r"^([\w.\-]+)==([^\s;\\]+)", text(path), re.MULTILINE)}


@pytest.mark.parametrize("path", ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"])
def test_lock_is_whole(path):
    assert "://" not in text(path), "a lock names no address"
    for entry in re.split(r"^(?=[\w.\-]+==)", text(path), flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry


def test_locks_hold_what_is_declared():
    assert declared() <= set(locked("requirements.txt")), "make lock"
    assert declared(dev=True) <= set(locked("requirements-dev.txt")), "make lock"
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items(), "make lock"
    assert {plain(wanted) for wanted in project()["build-system"]["requires"]} <= set(locked("requirements-build.txt"))


def test_imports_are_declared():
    distributions = importlib.metadata.packages_distributions()
    missing = set()
    for path in modules(*PACKAGES):
        for node in nodes(path):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - set(PACKAGES):
                if name == "pytest" and path in PYTEST_PLUGINS:
                    continue
                owners = {plain(owner) for owner in distributions.get(name, [name])}
                if not {PARTS.get(owner, owner) for owner in owners} & declared():
                    missing.add(f"{path}: {name}")
    assert not missing, "name it in pyproject.toml"


def test_wheel_holds_every_file_of_the_packages(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        inside = set(content.namelist())
    ours = {path for path in files() if path.split("/")[0] in PACKAGES}
    assert ours <= inside
    folders = {name.split("/")[0] for name in inside if ".dist-info/" not in name}
    assert folders == set(PACKAGES), "and nothing else: no tests, no tools"
