#!/usr/bin/env python3
"""Make the project's virtual environment: `python3 tools/venv.py .venv`.

Needs only Python's standard library. Ends with a message that tells the next move where the interpreter is too old
or cannot make environments. What a failed attempt left is removed; an environment that works is left as it is.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

FLOOR = (3, 11)


def fail(message: str) -> None:
    """End with `message` on standard error."""
    sys.stderr.write(f"shipmate: {message}\n")
    raise SystemExit(1)


def main() -> None:
    """Make the environment named by the first argument, with pip in it."""
    if sys.version_info < FLOOR:
        have = ".".join(map(str, sys.version_info[:3]))
        fail(f"needs Python 3.11 or later, {sys.executable} is {have}. Name another: make PYTHON=python3.11 demo")
    folder = Path(sys.argv[1])
    python = folder / "bin" / "python"
    if (
        python.exists()
        and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    ):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        fail(f"this Python cannot make virtual environments. On Debian and Ubuntu: apt-get install {package}")
    existed = folder.exists()
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        fail(f"`{sys.executable} -m venv {folder}` failed:\n{made.stdout}{made.stderr}")


if __name__ == "__main__":
    main()
