"""Documentation cannot drift: every name that a user can meet is explained, every link leads somewhere."""

import argparse
import functools
import re
from pathlib import PurePosixPath

from bot.command import Command
from bot.settings import Settings
from bot.usage import parser
from commands.registry import registry
from integrations.registry import INTEGRATIONS
from tests.architecture.tree import ROOT, files, pages, text

REQUIRED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "docs/adr/README.md",
    "docs/architecture.md",
    "docs/commands.md",
    "docs/configuration.md",
    "docs/operations.md",
    "docs/security.md",
)
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
FRAGMENT = re.compile(r"^(?:[a-z0-9-]+|\+[a-z0-9.-]+)\.(added|changed|fixed|removed|security)\.md$")


def users_pages() -> list[str]:
    """Return the pages that users read."""
    return [path for path in pages() if path == "README.md" or path.startswith("docs/")]


@functools.cache
def told() -> str:
    """Return all that the user's pages say."""
    return "\n".join(text(path) for path in users_pages())


def is_told(name: str) -> bool:
    """Tell whether `name` stands as code in a page, whole."""
    return re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", told()) is not None


def test_pages_are_there():
    assert not [path for path in REQUIRED if path not in files() or not text(path).strip()]


def shown_commands() -> list[Command]:
    return [command for command in registry().values() if not command.hidden]


def test_commands_are_documented():
    assert len(shown_commands()) > 1
    missing = [
        command.name
        for command in shown_commands()
        if not re.search(rf"`[/@]?(shipmate )?{re.escape(command.name)}\b", told())
    ]
    assert not missing, "not a word about these commands in README.md or docs/"


def test_permissions_are_documented():
    assert not {command.permission for command in shown_commands() if not is_told(command.permission)}


def test_the_command_line_is_documented():
    (choices,) = (action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    assert not [name for name in choices if not is_told(f"shipmate {name}")]


def test_settings_are_documented():
    schema = Settings.model_json_schema()
    objects = [schema, *schema.get("$defs", {}).values()]
    names = {name for described in objects for name in described.get("properties", {})}
    assert len(names) > 1
    page = text("docs/configuration.md")
    missing = sorted(name for name in names if not re.search(rf"\b{re.escape(name)}\b", page))
    assert not missing, f"settings without a word in docs/configuration.md: {missing}"


def test_integrations_are_documented():
    assert INTEGRATIONS
    for name in INTEGRATIONS:
        assert is_told(name), f"{name} is not in docs/"
        assert text(f"integrations/{name}/README.md").strip(), f"integrations/{name} needs its README.md"


def test_every_tool_folder_is_registered():
    folders = {path.split("/")[1] for path in files() if re.match(r"integrations/\w+/client\.py$", path)}
    assert folders <= set(INTEGRATIONS)


def test_targets_that_pages_name_exist():
    targets = set(re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.MULTILINE))
    named = {
        target
        for path in pages()
        for code in re.findall(r"```.*?```|`[^`\n]+`", text(path), re.DOTALL)
        for target in re.findall(r"\bmake ([a-z][a-z-]+)", code)
    }
    assert named <= targets


def slugs(path: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and GitLab make them."""
    body = FENCE.sub("", text(path))
    heads = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", body, re.MULTILINE)
    plain = (re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", head) for head in heads)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in plain}


def broken_links(path: str) -> list[str]:
    broken = []
    for link in LINK.findall(FENCE.sub("", text(path))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        target, _, anchor = link.partition("#")
        found = (ROOT / PurePosixPath(path).parent / target).resolve() if target else ROOT / path
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in slugs(str(found))):
            broken.append(f"{path}: {link}")
    return broken


def test_links_lead_somewhere():
    assert not [link for path in pages() for link in broken_links(path)]


def test_news_fragments_are_named_by_kind():
    for path in files():
        name = PurePosixPath(path).name
        if path.startswith("changelog.d/") and name not in {".gitignore", "README.md"}:
            assert FRAGMENT.match(name), f"{path}: changelog.d/<slug>.<kind>.md"
            assert text(path).strip(), path
