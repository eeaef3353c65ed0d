"""What Jenkins exports as JSON, and the `tree` parameter that chooses from it.

https://www.jenkins.io/doc/book/using/remote-access-api/#RemoteaccessAPI-DepthControl
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tree = dict[str, tuple["Tree | None", slice]]
_TOKEN = re.compile(r"\s*([\w*$.]+|[\[\],]|\{[0-9,]*\})")


@dataclass(frozen=True)
class Bean:
    """Something exported. Without a `tree` a nested bean shows its `brief` fields, the root all but the `hidden`."""

    kind: str
    fields: Callable[[], Mapping[str, Any]]
    brief: Sequence[str] | None = None
    hidden: Sequence[str] = ()


def parse(text: str) -> Tree:
    """Return what a `tree` expression asks for. Raises: ValueError."""
    tokens = _TOKEN.findall(text)
    tree, rest = _list(tokens)
    if rest:
        message = f"cannot read the tree {text!r} at {''.join(rest)!r}"
        raise ValueError(message)
    return tree


def export(bean: Bean, tree: Tree | None = None, *, nested: bool = False) -> dict[str, Any]:
    """Return a bean as Jenkins' JSON has it."""
    fields = bean.fields()
    if tree is None:
        names = bean.brief if nested and bean.brief is not None else [n for n in fields if n not in bean.hidden]
        chosen: Tree = {name: (None, slice(None)) for name in names}
    else:
        chosen = tree
        if "*" in tree:
            chosen = {name: tree.get(name, (None, slice(None))) for name in fields if name not in bean.hidden}
    shown: dict[str, Any] = {"_class": bean.kind} if bean.kind else {}
    for name, (below, bounds) in chosen.items():
        if name in fields:
            shown[name] = _value(fields[name], below, bounds)
    return shown


def beans(value: dict[str, Any]) -> dict[str, Any]:
    """Return plain JSON as something a tree can choose from."""

    def turn(one: Any) -> Any:
        if isinstance(one, dict):
            return Bean("", lambda: {key: turn(below) for key, below in one.items()})
        return [turn(below) for below in one] if isinstance(one, list) else one

    return {key: turn(one) for key, one in value.items()}


def _value(value: Any, tree: Tree | None, bounds: slice) -> Any:
    if isinstance(value, Bean):
        return export(value, tree, nested=True)
    if isinstance(value, list):
        return [_value(one, tree, slice(None)) for one in value[bounds]]
    return value


def _list(tokens: list[str]) -> tuple[Tree, list[str]]:
    tree: Tree = {}
    while tokens and tokens[0] != "]":
        name, tokens = tokens[0], tokens[1:]
        below: Tree | None = None
        bounds = slice(None)
        if tokens and tokens[0] == "[":
            below, tokens = _list(tokens[1:])
            if not tokens:
                message = f"the bracket of {name} is never closed"
                raise ValueError(message)
            tokens = tokens[1:]
        if tokens and tokens[0].startswith("{"):
            first, _, last = tokens[0].strip("{}").partition(",")
            bounds = slice(int(first or 0), int(last) if last else None)
            tokens = tokens[1:]
        tree[name] = (below, bounds)
        if tokens and tokens[0] == ",":
            tokens = tokens[1:]
    return tree, tokens
