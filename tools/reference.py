"""Write what the code knows into the reference pages: commands, permissions, metrics; --check says what is old.

In docs/commands.md the head of each command (what it does, how it is typed, its arguments) and its foot (permission,
examples) are written; what stands between the two is for people to write and is left alone. docs/metrics.md and
docs/permissions.md are written whole.
"""

import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from prometheus_client import REGISTRY

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import permissions_page  # noqa: E402 - beside this file

from bot import arguments  # noqa: E402 - found from here on
from bot.amounts import duration  # noqa: E402
from bot.arguments.slots import Slot, grammar_of  # noqa: E402
from bot.command import Command, Effect  # noqa: E402
from bot.registry import OPEN  # noqa: E402
from commands.registry import registry  # noqa: E402

COMMANDS, METRICS, PERMISSIONS = "docs/commands.md", "docs/metrics.md", "docs/permissions.md"
MEASURING = ("bot.slack.metrics", "bot.restoring.restoring")
"""The modules that declare metrics; a test looks whether these are all."""

_EFFECTS = {
    Effect.READ: "answers from Shipmate's own store",
    Effect.LOOKUP: "asks a tool",
    Effect.CHANGE: "a change: stored first, recorded in the audit log",
}
_SECTION = re.compile(r"^### (?P<name>.+)\n(?P<body>(?:(?!^### ).*\n?)*)", re.MULTILINE)
_HEAD = re.compile(r"\A\n.*\n\n```\n.*\n```\n\n(?:(?:- `.*\n)+\n)?")
_FOOT = re.compile(r"^(?:Needs `|Everybody may \(`open`\);).*\s*(?:^For example: .*\s*)?\Z", re.MULTILINE)
_METRICS = """# Metrics

`/metrics` of Shipmate itself, for Prometheus (text format 0.0.4). This page is written by `make reference` from the
code. Beside these stand the metrics of the Python process (`process_*`, `python_*`).

| metric | type | labels | what it tells |
|---|---|---|---|
"""


def main(argv: list[str]) -> int:
    """Write the pages, or with --check return 1 and name those that are old."""
    made = pages()
    old = [path for path, text in made.items() if _read(path) != text]
    if "--check" in argv:
        print(*(f"{path} is old: make reference" for path in old), sep="\n")
        return 1 if old else 0
    for path in old:
        (ROOT / path).write_text(made[path])
    return 0


def pages() -> dict[str, str]:
    """Return the text that each page should have, by its path."""
    declared = registry().values()
    return {
        COMMANDS: commands(_read(COMMANDS), declared),
        METRICS: metrics(),
        PERMISSIONS: permissions_page.page(declared),
    }


def commands(page: str, declared: Iterable[Command]) -> str:
    """Return the page of commands with heads and feet as declared: sections of none gone, new ones at the end."""
    shown = {one.name: one for one in declared if not one.hidden}
    start = _SECTION.search(page)
    prose = {found["name"]: _prose(found["body"]) for found in _SECTION.finditer(page) if found["name"] in shown}
    names = [*prose, *(name for name in shown if name not in prose)]
    sections = (_section(shown[name], prose.get(name, "")) for name in names)
    return page[: start.start() if start else None] + "\n".join(sections)


def metrics() -> str:
    """Return the page of metrics."""
    for module in MEASURING:
        importlib.import_module(module)
    return _METRICS + "".join(sorted(_rows()))


def _rows() -> Iterator[str]:
    collectors = REGISTRY._names_to_collectors  # noqa: SLF001 - the library tells labels nowhere else
    labels = {name: getattr(one, "_labelnames", ()) for name, one in collectors.items()}
    for family in REGISTRY.collect():
        if family.name.startswith("shipmate_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            told = ", ".join(f"`{one}`" for one in labels[name]) or "none"
            yield f"| `{name}` | {family.type} | {told} | {family.documentation.rstrip('.')} |\n"


def _section(command: Command, prose: str) -> str:
    needs = "Everybody may (`open`)" if command.permission == OPEN else f"Needs `{command.permission}`"
    effect = _EFFECTS[command.effect]
    if command.sensitive:
        effect += "; recorded in the audit log"
    if command.decides:
        effect += "; by mention or reaction it only brings up a button to press"
    lines = [f"### {command.name}", "", command.summary, "", "```", arguments.usage(command), "```", ""]
    slots = grammar_of(command.args).slots.values()
    lines += [_argument(slot) for slot in slots]
    lines += [""] if slots else []
    lines += [prose, ""] if prose else []
    lines += [f"{needs}; {effect}.", ""]
    if command.examples:
        lines += ["For example: " + ", ".join(f"`{one}`" for one in command.examples) + ".", ""]
    return "\n".join(lines)


def _argument(slot: Slot) -> str:
    name = f"{slot.arg.joined}<{slot.label}>"
    if slot.flag:
        name = slot.flag
    elif slot.arg.word:
        name = f"{slot.arg.word} <{slot.label}>"
    more = ""
    if issubclass(slot.kind, StrEnum):
        more = f" ({', '.join(f'`{one.value}`' for one in slot.kind)})"
    elif isinstance(slot.default, timedelta):
        more = f" (usually {duration(slot.default)})"
    elif isinstance(slot.default, str | int) and slot.default:
        more = f" (usually {slot.default})"
    return f"- `{name}` – {slot.arg.help}{more}"


def _prose(body: str) -> str:
    return _FOOT.sub("", _HEAD.sub("", body, count=1)).strip()


def _read(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
