"""A run of tests ends by itself and names what hung, whatever a test does while it is cleaned up."""

import asyncio
import sys

import psutil
import pytest

from tests.servers.programs import ROOT

SECONDS = 90.0
HANGING = """
import subprocess
import threading
import pytest

@pytest.fixture
def deaf():
    child = subprocess.Popen(["sleep", "1000"])
    print(child.pid, file=open("left-behind", "a"), flush=True)
    yield
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass  # the limit of pytest-timeout among them

@pytest.mark.timeout(0.5)
def test_that_is_cleaned_up_for_ever(deaf):
    pass

@pytest.mark.timeout(0.5)
def test_that_has_failed_before(deaf):
    assert not "well"

def test_beside_them():
    pass
"""


async def run(folder, *argv, overdue=0.5, bound=SECONDS):
    """Run a project of hanging tests; return the exit status and what was said."""
    (folder / "test_hanging.py").write_text(HANGING)
    (folder / "pytest.ini").write_text(f"[pytest]\ntimeout = 60\noverdue_seconds = {overdue}\npythonpath = {ROOT}\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, ROOT / "tools/bounded.py", "--seconds", str(bound), "--patience", "20",
        sys.executable, "-m", "pytest", "-p", "tests.overdue", "-p", "no:randomly", "-p", "no:cacheprovider",
        "-p", "no:asyncio", *argv,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(SECONDS):  # until nobody holds the pipe any more
        said, _ = await process.communicate()
    assert not [pid for pid in (folder / "left-behind").read_text().split() if psutil.pid_exists(int(pid))]
    return process.returncode, said.decode()


@pytest.mark.slow
async def test_a_test_that_hangs_while_it_is_cleaned_up_is_named_and_the_others_run(tmp_path):
    status, said = await run(tmp_path, "-n", "2", "--dist", "worksteal")
    assert status == 1
    for name in ("test_that_is_cleaned_up_for_ever", "test_that_has_failed_before"):
        assert f"crashed while running 'test_hanging.py::{name}'" in said
    assert "in deaf" in said, "the stack was told"
    assert "2 passed" in said, "the one whose end is missing, and the one beside them"


@pytest.mark.slow
async def test_a_run_that_is_over_its_time_is_ended_and_says_what_hung(tmp_path):
    status, said = await run(tmp_path, "-n", "1", "-k", "cleaned_up", overdue=1000, bound=4)
    assert status == 124
    assert "crashed while running 'test_hanging.py::test_that_is_cleaned_up_for_ever'" in said
    assert "in deaf" in said
