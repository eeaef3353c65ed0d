"""Finds the reason codes that the code gives out, by reading its syntax."""

import ast
import functools
import re
from collections.abc import Iterable, Iterator

from tests.architecture.tree import modules, nodes

CODE = re.compile(r"[a-z]+(_[a-z]+)*")
ERRORS = frozenset(("UserError", "BadInput", "Missing", "Refused", "NotAllowed", "Degraded"))
NO_REASONS = ("bot/sandbox/", "bot/demo/", "bot/errors.py")
"""Slack's own error codes and the demo's service; the errors themselves."""


@functools.cache
def given_out() -> dict[str, list[str]]:
    """Return each reason code with where it is given out, as "path:line".

    That is: the first argument of an error for people or of a `No`, the second of a `Verdict(False, …)`, and whatever
    is handed to a parameter called `code`, by position where its function stands in the same module. Names are followed
    to their assignments there.
    """
    found: dict[str, list[str]] = {}
    for path in modules("bot", "commands", "integrations"):
        if not path.startswith(NO_REASONS):
            for code, line in _Module(path).codes():
                found.setdefault(code, []).append(f"{path}:{line}")
    return found


class _Module:
    def __init__(self, path: str) -> None:
        self._nodes = nodes(path)
        self._errors = {
            name.asname or name.name
            for node in self._nodes
            if isinstance(node, ast.ImportFrom) and node.module == "bot.errors"
            for name in node.names
            if name.name in ERRORS
        }
        self._takers: dict[str, int] = {}
        for node in self._nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [one.arg for one in node.args.args if one.arg not in {"self", "cls"}]
                if "code" in names:
                    self._takers[node.name] = names.index("code")
            elif isinstance(node, ast.ClassDef) and {ast.unparse(one) for one in node.bases} & self._errors:
                self._takers["__init__"] = 0

    def codes(self) -> Iterator[tuple[str, int]]:
        """Yield each code with its line."""
        for node in self._nodes:
            values: Iterable[ast.expr] = ()
            if isinstance(node, ast.Call):
                values = self._arguments(node)
            elif isinstance(node, ast.Tuple) and self._errors & {
                one.id for one in node.elts if isinstance(one, ast.Name)
            }:
                values = [
                    one for one in node.elts if isinstance(one, ast.Constant)
                ]  # a table of which error it becomes
            for value in values:
                for code in self._texts(value):
                    yield code, value.lineno

    def _arguments(self, call: ast.Call) -> Iterator[ast.expr]:
        function = call.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if call.args and (name in self._errors or name == "No"):
            yield call.args[0]
        if name == "Verdict" and len(call.args) > 1 and ast.unparse(call.args[0]) == "False":
            yield call.args[1]
        if len(call.args) > self._takers.get(name, len(call.args)):
            yield call.args[self._takers[name]]
        yield from (one.value for one in call.keywords if one.arg == "code")

    def _texts(self, value: ast.expr, seen: frozenset[str] = frozenset()) -> set[str]:
        """Return the codes an expression can be; those of a name are what is assigned to it in this module."""
        if isinstance(value, ast.Constant):
            return {value.value} if isinstance(value.value, str) and CODE.fullmatch(value.value) else set()
        if isinstance(value, ast.IfExp):
            return self._texts(value.body, seen) | self._texts(value.orelse, seen)
        if isinstance(value, ast.BoolOp):
            return {code for one in value.values for code in self._texts(one, seen)}
        if isinstance(value, ast.Name) and value.id not in seen:
            return {code for one in self._assigned(value.id) for code in self._parts(one, seen | {value.id})}
        return set()

    def _parts(self, value: ast.expr, seen: frozenset[str]) -> set[str]:
        if isinstance(value, ast.Constant | ast.IfExp | ast.BoolOp | ast.Name):
            return self._texts(value, seen)
        if isinstance(value, ast.Tuple | ast.List):
            return {code for one in value.elts for code in self._parts(one, seen)}
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "next":  # a look-up in a table of this module
            names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} - seen
            return {code for name in names for one in self._assigned(name) for code in self._parts(one, seen | names)}
        return set()

    def _assigned(self, name: str) -> Iterator[ast.expr]:
        for node in self._nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield from _to(name, target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                yield from _to(name, node.target, node.value)


def _to(name: str, target: ast.expr, value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple):
        for number, one in enumerate(target.elts):
            if isinstance(one, ast.Name) and one.id == name:
                yield value.elts[number] if isinstance(value, ast.Tuple) else value
