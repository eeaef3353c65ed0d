"""The threat model names tests that exist, and leaves no kind of threat out at any boundary."""

import ast
import functools
import re

import pytest

from tests.architecture.tree import files, nodes, text

PAGE = "docs/threat-model.md"
ROW = re.compile(r"^\| ([STRIDE]) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NOT_TESTED = "*not tested*"


def boundaries() -> dict[str, list[tuple[str, str, str, str]]]:
    """Return the rows of each section."""
    _, *sections = re.split(r"^## ", text(PAGE), flags=re.MULTILINE)
    return {section.partition("\n")[0]: ROW.findall(section) for section in sections}


@functools.cache
def named_in(path: str) -> frozenset[str]:
    found = (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


def test_every_named_test_exists():
    named = NAMED.findall(text(PAGE))
    assert len(named) > 50
    wrong = [f"{path}::{name}" for path, name in named if path not in files() or name not in named_in(path)]
    assert not wrong


@pytest.mark.parametrize("boundary", sorted(boundaries()))
def test_each_kind_is_thought_of_at_each_boundary(boundary: str):
    rows = boundaries()[boundary]
    assert {kind for kind, *_ in rows} == set("STRIDE"), boundary


def test_each_threat_has_its_test_or_says_that_it_has_none():
    rows = [row for rows in boundaries().values() for row in rows]
    assert len(re.findall(r"^\| [A-Z] \|", text(PAGE), re.MULTILINE)) == len(rows), "a row is not read"
    assert not [row for row in rows if not NAMED.search(row[3]) and NOT_TESTED not in row[3]]
    assert sum(NOT_TESTED in row[3] for row in rows) < len(rows) / 8
