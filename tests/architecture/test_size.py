"""The size alarm: what does not fit on a few screens is split by a noun, or listed here with a reason."""

import ast

from tests.architecture.tree import modules, nodes, text

MODULE_LINES = 400
FUNCTION_LINES = 60
# path, or path::function -> why it is better whole
EXEMPT = {
    "bot/store/migrations/versions/0001_first_tables.py": "a list of tables, one call each",
    "bot/store/migrations/versions/0001_first_tables.py::upgrade": "a list of tables, one call each",
    "bot/store/migrations/versions/0001_first_tables.py::downgrade": "a list of tables, one call each",
}


def functions(path: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    found = nodes(path)
    return [node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_modules_fit():
    lengths = {path: text(path).count("\n") for path in modules()}
    long = {path: lines for path, lines in lengths.items() if lines > MODULE_LINES}
    assert set(long) == {path for path in EXEMPT if "::" not in path}, f"is there a noun to split by? {long}"


def test_functions_fit():
    lengths = {f"{path}::{node.name}": length(node) for path in modules() for node in functions(path)}
    long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    assert set(long) == {name for name in EXEMPT if "::" in name}, f"longer than {FUNCTION_LINES} lines: {long}"


def test_exemptions_have_reasons():
    assert all(EXEMPT.values())
