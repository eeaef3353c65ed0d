"""tools/clients.py says what is missing, and never installs what is only looked for."""

import json
import os
import subprocess
import sys

import pytest

from tests.clients.process import ROOT


@pytest.mark.parametrize("name", ["python", "javascript"])
def test_what_is_not_installed_is_told_with_the_next_move(tmp_path, name):
    told = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "clients.py"), "find", name],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHIPMATE_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(told.stdout) == {name: {"skip": f"{name}: not here: `make clients` installs it"}}
    assert not (tmp_path / "cache").exists()
