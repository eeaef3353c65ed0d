"""Names of the field, and errors caught by their cause."""

import ast
import re
from pathlib import PurePosixPath

from tests.architecture.tree import PACKAGES, modules, nodes

# The doors: whatever comes through is logged, recorded and told to the person who asked, and the bot goes on.
DOORS = {
    "bot/alerts/notices.py": "one notification that cannot be taken in must not hold up the others: it is put aside",
    "bot/approvals/facts.py": "addresses that cannot be read, for whatever reason: those of the configuration count",
    "bot/crowd.py": "whatever went wrong is told to each of those who wait for the same commit",
    "bot/dispatch.py": "every command passes here; a mistake in one answers its caller",
    "bot/engine.py": "runs the workflows: one that fails is parked and somebody is told",
    "bot/paging/paging.py": "looks at what is due again and again: one look that fails is not the last one",
    "bot/paging/sending.py": "whatever a pager does wrong, the page goes another way",
    "bot/permissions/permissions.py": "whatever keeps it from knowing who somebody is means no",
    "bot/repeating.py": "what is done again and again: one time that fails is not the last one",
    "bot/starter.py": "runs the stored deliveries: one that fails is parked and its person told",
    "bot/slack/connection.py": "asks Slack again until it answers, whatever the last attempt said",
    "bot/slack/home.py": "a section of the home tab that fails must not hide the others",
    "bot/slack/sender.py": "the outbox: one row that cannot be sent must not hold up the others",
    "bot/slack/tasks.py": "work after an acknowledgement: nobody waits for it, so the log is told",
    "bot/store/transaction.py": "a hook after the commit that fails must not make the commit look undone",
    "integrations/threads.py": "carries what a thread raised over to the caller who awaits it",
}
VAGUE_MODULES = {"base", "common", "helper", "helpers", "misc", "util", "utils"}
VAGUE_CLASSES = re.compile(r".(Service|Manager|Helper|Impl|Util|Utils)$|^Base[A-Z]|^Abstract[A-Z]")
LONGEST_SLEEP = 0.1  # seconds; a poll with a deadline pauses so long at most


def caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"everything"}
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(name) for name in names}


def swallows(handler: ast.ExceptHandler) -> bool:
    """Tell a handler that goes on whatever happened from one that cleans up, sorts or translates, and raises."""
    return not any(isinstance(node, ast.Raise) for statement in handler.body for node in ast.walk(statement))


def test_only_the_doors_catch_everything():
    broad = {
        f"{path}:{node.lineno}"
        for path in modules(*PACKAGES, "tools", "benchmarks")
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler)
        and caught(node) & {"everything", "Exception", "BaseException"}
        and swallows(node)
        and path not in DOORS
    }
    assert not broad, "catch what is expected, by name"


def test_doors_are_there():
    broad = {
        path
        for path in modules(*PACKAGES)
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and caught(node) & {"everything", "Exception", "BaseException"}
    }
    assert set(DOORS) <= broad, "a door that is closed comes off the list"


def test_modules_are_named_after_things():
    assert not [path for path in modules() if PurePosixPath(path).stem in VAGUE_MODULES]


def test_classes_are_named_after_things():
    vague = [
        f"{path}:{node.lineno} {node.name}"
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and VAGUE_CLASSES.search(node.name)
    ]
    assert not vague


def sleeps(call: ast.Call) -> bool:
    """Tell a pause that waits for nothing from one between two looks at a condition."""
    name = ast.unparse(call.func)
    pause = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else 0
    return name in {"time.sleep", "sleep"} or (
        name == "asyncio.sleep" and isinstance(pause, int | float) and pause > LONGEST_SLEEP
    )


def test_tests_wait_on_conditions():
    slept = [
        f"{path}:{node.lineno}"
        for path in modules("tests")
        for node in nodes(path)
        if isinstance(node, ast.Call) and sleeps(node)
    ]
    assert not slept, "wait for a condition or an event with a deadline"


def test_folders_of_tests_are_packages():
    folders = {PurePosixPath(path).parent for path in modules("tests")}
    lacking = {str(folder) for folder in folders if f"{folder}/__init__.py" not in modules("tests")}
    assert not lacking, "without __init__.py two test modules of one name collide"
