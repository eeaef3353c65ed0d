"""What looks for known holes: every lock is looked at, and nothing is passed over without a reason and an end."""

import subprocess
import sys
import tomllib
from datetime import date, timedelta

import pytest

from tests.architecture.tree import ROOT, files, text
from tests.supply.tool import tool

AUDIT = tool("audit")
TODAY = date(2026, 11, 24)
GOOD = {"id": "CVE-2026-12345", "reason": "Nothing here calls its XML parser.", "until": TODAY}


def test_the_list_that_is_kept_is_whole():
    document = tomllib.loads(text("tools/audit.toml"))
    ends = [one["until"] for one in document.get("passed_over", ())]
    today = min(ends, default=TODAY)  # whether one has ended is `make audit`'s to say: no test fails by the calendar
    assert AUDIT.passed_over(document, today) == [one["id"] for one in document.get("passed_over", ())]


def test_every_lock_of_packages_for_python_is_looked_at():
    locks = {path for path in files() if path.endswith(".txt") and "requirements" in path}
    measured = {
        path for path in locks if path.startswith(("tests/", "benchmarks/"))
    }  # others' programs, each on its own
    assert set(AUDIT.LOCKS) == locks - measured


def test_an_entry_counts_until_its_end():
    assert AUDIT.passed_over({"passed_over": [GOOD]}, TODAY) == ["CVE-2026-12345"]
    assert AUDIT.passed_over({}, TODAY) == []
    with pytest.raises(AUDIT.Unexplained, match="ended on 2026-11-24"):
        AUDIT.passed_over({"passed_over": [GOOD]}, TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "all"}, "advisory"),
        ({"id": None}, "advisory"),
        ({"reason": ""}, "why"),
        ({"reason": None}, "why"),
        ({"until": None}, "date"),
        ({"until": "2026-12-01"}, "date"),
        ({"until": TODAY + timedelta(days=101)}, "100 days"),
    ],
)
def test_an_entry_without_id_reason_or_end_counts_for_nothing(change, said):
    with pytest.raises(AUDIT.Unexplained, match=said):
        AUDIT.passed_over({"passed_over": [{**GOOD, **change}]}, TODAY)


@pytest.mark.parametrize(("status", "ended"), [(0, 0), (1, 1)])
def test_it_fails_where_a_hole_is_found_and_looks_at_every_lock(tmp_path, status, ended):
    program = tmp_path / "pip-audit"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit {status}\n')
    program.chmod(0o755)
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "audit.py", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == ended, run.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == len(AUDIT.LOCKS)
    assert all("--require-hashes" in one and "--strict" in one for one in asked)
