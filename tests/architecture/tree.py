"""The project's files as these tests read them: what git knows or would add, and Python parsed."""

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "commands", "integrations")

PYTEST_PLUGINS = frozenset(("bot/sandbox/pytest_plugin.py",))
"""Modules that pytest alone loads (see the entry points of pyproject.toml), and that may import it."""


@functools.cache
def files() -> tuple[str, ...]:
    """Return the paths of all files of the project, relative to its root; ignored ones are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(sorted(path for path in set(told.stdout.split("\0")) if path and (ROOT / path).is_file()))


def modules(*folders: str) -> list[str]:
    """Return the paths of the Python files below `folders`, of all files without any."""
    return [path for path in files() if path.endswith(".py") and (not folders or path.split("/")[0] in folders)]


def text(path: str) -> str:
    """Return the content of a text file, "" where it is none."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@functools.cache
def parsed(path: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(text(path), path)


@functools.cache
def nodes(path: str) -> tuple[ast.AST, ...]:
    """Return all nodes of a module's syntax tree."""
    return tuple(ast.walk(parsed(path)))


def pages() -> list[str]:
    """Return the paths of the Markdown files."""
    return [path for path in files() if path.endswith(".md")]
