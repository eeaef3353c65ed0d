"""Files to plain values, with the line of everything: YAML by its nodes, so that every mistake has a place."""

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.settings.mistakes import Mistake, Where, dotted

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - PyYAML without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_MERGE = "tag:yaml.org,2002:merge"
_COLLECTIONS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_MAX_DEPTH = 50
_MAX_BYTES = 5_000_000
_TEAM_FILE_KEYS = frozenset({"services"})


@dataclass
class Source:
    """What the files say: `data` as plain values, and for every path of it the file and line."""

    root: Path
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Where, tuple[str, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def note(self, where: Where, message: str, suggestion: str = "") -> None:
        """Write down a mistake at this path."""
        file, line = self.place(where)
        self.mistakes.append(Mistake(file, line, dotted(where), message, suggestion))

    def place(self, where: Where) -> tuple[str, int]:
        """Return file and line of a path, or of the nearest one above it that was written."""
        for length in range(len(where), -1, -1):
            found = self.places.get(where[:length])
            if found is not None:
                return found
        return self.root.name, 0


def read(path: Path) -> Source:
    """Read the main file and what it includes.

    Nothing is raised for what stands in the files: all of it becomes mistakes.
    """
    source = Source(root=path)
    source.data = _read_file(source, path, path.name)
    if "include" in source.data:
        _include(source)
    return source


def _include(source: Source) -> None:
    patterns = source.data["include"]
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        return  # the model says what is wrong with it
    services = source.data.setdefault("services", {})
    seen: set[Path] = set()
    for index, pattern in enumerate(patterns):
        found = sorted(source.root.parent.glob(pattern)) if not Path(pattern).is_absolute() else []
        if not found and not glob.has_magic(pattern):
            source.note(
                ("include", index), f"there is no file {pattern}", f"It is looked for beside {source.root.name}."
            )
        for path in found:
            if path in seen or not path.is_file():
                continue
            seen.add(path)
            _include_one(source, path, services)


def _include_one(source: Source, path: Path, services: Any) -> None:  # noqa: ANN401 - whatever stands there
    name = str(path.relative_to(source.root.parent))
    part = Source(root=path)
    data = _read_file(part, path, name)
    source.mistakes.extend(part.mistakes)
    for key in data.keys() - _TEAM_FILE_KEYS:
        file, line = part.place((key,))
        source.mistakes.append(
            Mistake(
                file, line, key, f"an included file may set only services, not {key}", f"Move it to {source.root.name}."
            )
        )
    added = data.get("services", {})
    if not isinstance(added, dict):
        file, line = part.place(("services",))
        source.mistakes.append(Mistake(file, line, "services", "a mapping of names to services was expected"))
        return
    if not isinstance(services, dict):
        return
    for service, body in added.items():
        where: Where = ("services", service)
        file, line = part.place(where)
        if service in services:
            other_file, other_line = source.place(where)
            message = f"{service} is defined already in {other_file}:{other_line}"
            source.mistakes.append(Mistake(file, line, dotted(where), message, "Keep one of the two."))
            continue
        services[service] = body
        source.places.update({path: place for path, place in part.places.items() if path[:2] == where})


def _read_file(source: Source, path: Path, name: str) -> dict[str, Any]:
    source.places[()] = (name, 1)
    try:
        value = _parse(source, _text(path), name)
    except _Unreadable as error:
        source.mistakes.append(Mistake(name, error.line, "", error.message))
        return {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        source.mistakes.append(Mistake(name, 1, "", "a mapping was expected at the top of the file"))
        return {}
    return value


class _Unreadable(Exception):
    """A file that holds no values at all."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _Unreadable(f"the file is larger than {_MAX_BYTES // 1_000_000} MB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _Unreadable(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _Unreadable(f"the file is not UTF-8: {error.reason} at byte {error.start}") from None


def _parse(source: Source, text: str, name: str) -> Any:  # noqa: ANN401 - whatever stands there
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _Reader(source, name, loader).value(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise _Unreadable(f"this is not YAML: {error.problem or error.context}", line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _Unreadable(f"this is not YAML: {error}") from None


class _Reader:
    """Turns the nodes of one file into values and notes their lines."""

    def __init__(self, source: Source, file: str, loader: Any) -> None:  # noqa: ANN401 - one of PyYAML's loaders
        self._source = source
        self._file = file
        self._loader = loader
        self._budget = 200_000  # aliases of aliases can make a small file endless

    def value(self, node: yaml.Node, where: Where) -> Any:  # noqa: ANN401 - whatever stands there
        self._budget -= 1
        if len(where) > _MAX_DEPTH or self._budget < 0:
            raise yaml.MarkedYAMLError(
                problem="it is nested too deeply or repeats itself", problem_mark=node.start_mark
            )
        self._source.places.setdefault(where, (self._file, node.start_mark.line + 1))
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} means nothing here", problem_mark=node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, index)) for index, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except ValueError as error:  # such as the date 2026-13-40
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged.extend(value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node])
                continue
            key = self._loader.construct_object(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                written = key_node.value if isinstance(key_node, yaml.ScalarNode) else "this key"
                message = f"the key {written} is not read as text by YAML"
                self._note(line, where, message, f'Quote it: "{written}".')
                continue
            if key in found:
                first = self._source.places[*where, key][1]
                self._note(line, (*where, key), f"{key} stands here twice, first in line {first}", "Keep one of them.")
                continue
            self._source.places[*where, key] = (self._file, line)
            found[key] = self.value(value_node, (*where, key))
        for other in merged:
            if isinstance(other, yaml.MappingNode):
                found = {**self._mapping(other, where), **found}
        return found

    def _note(self, line: int, where: Where, message: str, suggestion: str) -> None:
        self._source.mistakes.append(Mistake(self._file, line, dotted(where), message, suggestion))
