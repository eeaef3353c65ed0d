"""What `shipmate serve` loads until its first answer: counted in modules and classes, not in seconds.

A budget that is exceeded is a question: does the start need this? An import inside of the function that uses it, or of
the module instead of its package, is the usual answer. Where it does need it, the budget moves, and the commit says so.
"""

import json
import subprocess
import sys

import pytest

from tests.architecture.tree import PACKAGES, ROOT

OURS = 580  # there were 547, on 2026-11-24
OTHERS = 805  # there were 795, of which Bolt and its SDK 265, SQLAlchemy 158, psycopg 73, aiohttp 54
NOT_BEFORE_USE = {
    "alembic": "a database of an earlier version is brought up",
    "gitlab": "an instance of GitLab is configured",
    "jenkinsapi": "an instance of Jenkins is configured",
    "jinja2": "never",
    "joserfc": "somebody signs in",
    "icalendar": "a calendar is read",
    "matplotlib": "a picture is drawn, in a process of its own",
    "numpy": "a picture is drawn",
    "pandas": "never",
    "prometheus_api_client": "an instance of Prometheus is configured",
    "promql_parser": "the expression of an alert is read",
    "requests": "a tool whose library speaks it is configured",
    "bot.sandbox": "`shipmate sandbox` and the demo",
    "bot.demo": "`shipmate demo`",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """What one process had loaded when it had answered."""
    folder = tmp_path_factory.mktemp("started")
    program = ROOT / "tests" / "architecture" / "started.py"
    subprocess.run([sys.executable, program, folder], cwd=ROOT, check=True, timeout=90, env={"PYTHONPATH": str(ROOT)})
    return json.loads((folder / "loaded.json").read_text())


def counted(modules):
    ours = [name for name in modules if name.partition(".")[0] in PACKAGES]
    known = {*sys.stdlib_module_names, "__main__", *PACKAGES}
    others = [name for name in modules if name.partition(".")[0] not in known]
    return len(ours), len(others)


def test_modules_are_within_their_budget(loaded):
    ours, others = counted(loaded["modules"])
    assert ours <= OURS
    assert others <= OTHERS


@pytest.mark.parametrize("name", NOT_BEFORE_USE)
def test_nothing_heavy_is_loaded_before_it_is_used(loaded, name):
    assert name not in loaded["modules"], f"only when: {NOT_BEFORE_USE[name]}"


def test_validators_are_built_for_the_whole_only(loaded):
    """Of each part of the settings one would cost as much as that part of the whole again."""
    assert loaded["validators"] == ["LocalSettings", "Settings"]


def test_arguments_share_their_methods(loaded):
    """`dataclass` has Python compile six methods for each class: `bot.command.arguments` does without."""
    assert [name for name in loaded["compiled"] if name.startswith("commands.")] == []
    assert len(loaded["compiled"]) <= 12, "a value is a msgspec.Struct: docs/adr/0017"
