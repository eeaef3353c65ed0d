"""The reference pages say what the code says."""

import re
import subprocess
import sys

from tests.architecture.tree import ROOT, files, text


def test_reference_pages_are_as_the_code_is():
    asked = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (asked.returncode, asked.stdout.strip(), asked.stderr) == (0, "", "")


def test_every_metric_is_looked_for():
    declaring = {
        path.removesuffix(".py").replace("/", ".")
        for path in files()
        if path.startswith(("bot/", "integrations/")) and path.endswith(".py")
        if re.search(r"\b(Counter|Gauge|Histogram|Summary|Info)\(\s*\"shipmate_", text(path))
    }
    assert declaring
    missing = [one for one in declaring if f'"{one}"' not in text("tools/reference.py")]
    assert not missing, "MEASURING of tools/reference.py does not name them"
