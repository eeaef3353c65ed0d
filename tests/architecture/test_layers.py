"""The import contracts of pyproject.toml leave nothing out; import-linter itself runs in `make check`."""

import ast
import functools
import re
import tomllib
from typing import Any

from tests.architecture.tree import PACKAGES, PYTEST_PLUGINS, ROOT, modules, nodes

# What no layer holds, and the contract that binds it instead.
APART = {"bot.sandbox": "sandbox-alone"}
# Layers that stand ready for domains to come.
PLANNED = {"bot.incidents"}


@functools.cache
def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contracts() -> dict[str, dict[str, Any]]:
    return {contract["id"]: contract for contract in settings()["tool"]["importlinter"]["contracts"]}


def layered() -> set[str]:
    return {name for layer in contracts()["layers"]["layers"] for name in re.findall(r"[\w.]+", layer)}


def parts_of_the_bot() -> set[str]:
    parts = {path.removesuffix(".py").split("/")[1] for path in modules("bot") if path != "bot/__init__.py"}
    return {f"bot.{part}" for part in parts}


def test_every_part_of_the_bot_has_its_layer():
    assert parts_of_the_bot() - layered() == set(APART), "place it in the layers of pyproject.toml"


def test_every_layer_exists_or_is_planned():
    assert layered() - parts_of_the_bot() - set(PACKAGES) == PLANNED, "misspelt, or no longer only planned"


def test_what_is_apart_is_bound():
    assert set(APART.values()) <= set(contracts())


def imported(path: str) -> set[str]:
    names = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_nothing_shipped_imports_what_is_not():
    foreign = {"tests", "tools", "benchmarks", "pytest", "hypothesis", "playwright", "psutil"}
    found = {path: {name.split(".")[0] for name in imported(path)} & foreign for path in modules(*PACKAGES)}
    for plugin in PYTEST_PLUGINS:
        found[plugin].discard("pytest")
    assert not {path: names for path, names in found.items() if names}


def test_bot_and_sandbox_share_no_fixture():
    """A mistake that both sides share would pass unseen."""
    of_sandbox = {path for path in modules("tests") if path.startswith("tests/sandbox/")}
    for path in modules("tests"):
        other = "bot.slack" if path in of_sandbox else "tests.sandbox"
        assert not {name for name in imported(path) if name.startswith(other)}, path
