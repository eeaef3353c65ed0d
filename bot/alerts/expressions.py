"""The expression of an alert, read: what is measured, which limit it is held against, and what it is called. Pure.

PromQL is read by `promql-parser`, which comes with the extra `charts`. What cannot be read is drawn whole.
Source: https://prometheus.io/docs/prometheus/latest/querying/operators/
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

if TYPE_CHECKING:
    from promql_parser import Expr

_LONGEST = 1500
_DEEPEST = 40
_SIGNS = re.compile(r"(?:[-+]\s*){9}")
"""Longer and deeper ones are not read: they come from outside, and a tree is read by recursion."""
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_UNITS = {"seconds": "s", "bytes": "bytes", "ratio": "ratio", "percent": "%"}
_FACTS = {"bucket", "sum", "count", "total"}


class Reading(Struct, frozen=True, kw_only=True):
    """What an alert watches: `signal` fires once it is above (`above`) or below its `limit`; None where not known."""

    signal: str
    limit: float | None = None
    above: bool | None = None
    name: str = ""
    unit: str = ""


def of_url(url: str) -> str:
    """Return the expression that a link to Prometheus' graph page carries (`g0.expr`), "" for another link."""
    try:
        return parse_qs(urlsplit(url).query).get("g0.expr", [""])[0].strip()
    except ValueError:
        return ""


def read(expression: str) -> Reading:
    """Return what an expression watches; where it is no comparison, or cannot be read, that is all of it."""
    whole = Reading(signal=expression)
    if len(expression) > _LONGEST or _depth(expression) > _DEEPEST or _SIGNS.search(expression):
        return whole
    try:
        import promql_parser  # noqa: PLC0415 - costs only where an alert is looked at
    except ImportError:
        return whole
    try:
        return _watched(promql_parser.parse(expression)) or whole
    except (ValueError, RecursionError):
        return whole


def only(signal: str, chosen: Sequence[Mapping[str, str]]) -> str:
    """Return an expression for the series of `signal` that have exactly these labels, and for no others.

    The source leaves the others out, so that a thousand series cost what a few do.
    """
    names = sorted({name for labels in chosen for name in labels})
    kept = " or ".join(_constant(names, labels) for labels in chosen)
    return f"({signal}) and on({', '.join(names)}) ({kept})"


def _watched(expr: "Expr") -> Reading | None:
    from promql_parser import BinaryExpr, ParenExpr  # noqa: PLC0415 - loaded by now

    while isinstance(expr, ParenExpr):
        expr = expr.expr
    if not isinstance(expr, BinaryExpr):
        return None
    operator = str(expr.op)
    if operator in {"and", "unless", "or"}:
        return _watched(expr.lhs)
    if operator not in _TURNED:
        return None
    limit = _number(expr.rhs)
    if limit is not None:
        return _reading(expr.lhs, operator, limit)
    limit = _number(expr.lhs)
    if limit is not None:
        return _reading(expr.rhs, _TURNED[operator], limit)
    return _reading(expr.lhs, operator, None)


def _reading(signal: "Expr", operator: str, limit: float | None) -> Reading:
    above = {">": True, ">=": True, "<": False, "<=": False}.get(operator)
    text = str(signal)
    name = _metric(signal)
    return Reading(signal=text, limit=limit, above=above, name=name, unit=_unit(signal, name, limit))


def _number(expr: "Expr") -> float | None:
    """Return the value of an expression of numbers alone."""
    from promql_parser import BinaryExpr, NumberLiteral, ParenExpr, UnaryExpr  # noqa: PLC0415 - loaded by now

    found: float | None = None
    match expr:
        case NumberLiteral():
            found = expr.val
        case ParenExpr():
            found = _number(expr.expr)
        case UnaryExpr():
            inner = _number(expr.expr)
            found = None if inner is None else -inner
        case BinaryExpr():
            left, right = _number(expr.lhs), _number(expr.rhs)
            if left is not None and right is not None:
                found = _computed(str(expr.op), left, right)
    return found if found is not None and math.isfinite(found) else None


def _computed(operator: str, left: float, right: float) -> float | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" if right:
            return left / right
        case _:
            return None


def _metric(expr: "Expr") -> str:
    """Return the name of the one metric that an expression is of, "" where it is of several or of none."""
    found: set[str] = set()
    _metrics(expr, found)
    return found.pop() if len(found) == 1 else ""


def _metrics(expr: "Expr", found: set[str]) -> None:
    from promql_parser import (  # noqa: PLC0415 - loaded by now
        AggregateExpr,
        BinaryExpr,
        Call,
        MatrixSelector,
        ParenExpr,
        SubqueryExpr,
        UnaryExpr,
        VectorSelector,
    )

    match expr:
        case VectorSelector():
            found.add(expr.name or "")
        case MatrixSelector():
            found.add(expr.vector_selector.name or "")
        case AggregateExpr() | ParenExpr() | SubqueryExpr() | UnaryExpr():
            _metrics(expr.expr, found)
        case Call():
            for one in expr.args:
                _metrics(one, found)
        case BinaryExpr():
            _metrics(expr.lhs, found)
            _metrics(expr.rhs, found)
        case _:
            pass


def _unit(signal: "Expr", name: str, limit: float | None) -> str:
    """Return the unit that a name tells, or that a quotient held against a limit of at most one has."""
    from promql_parser import BinaryExpr, Call, ParenExpr, VectorSelector  # noqa: PLC0415 - loaded by now

    while isinstance(signal, ParenExpr):
        signal = signal.expr
    if isinstance(signal, BinaryExpr):
        divided = str(signal.op) == "/" and limit is not None and 0 < limit <= 1
        return "ratio" if divided else ""
    quantile = isinstance(signal, Call) and signal.func.name == "histogram_quantile"
    words = [one for one in name.replace(":", "_").split("_") if one not in _FACTS]
    unit = _UNITS.get(words[-1], "") if words else ""
    counted = name.endswith(("_total", "_bucket", "_count", "_sum"))
    plain = isinstance(signal, VectorSelector) or not counted
    return unit if quantile or plain else ""


def _constant(names: Sequence[str], labels: Mapping[str, str]) -> str:
    made = "vector(1)"
    for name in names:
        value = json.dumps(labels.get(name, "").replace("$", "$$"), ensure_ascii=False)
        made = f'label_replace({made}, "{name}", {value}, "", "")'
    return made


def _depth(expression: str) -> int:
    deepest = depth = 0
    for letter in expression:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest
