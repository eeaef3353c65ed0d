#!/usr/bin/env python3
"""Rewrite the hashed locks from pyproject.toml: `python3 tools/lock.py [--upgrade]`.

These files come out, for every platform and for Python 3.11 and later; none names an index, so that they install
through whatever index pip is told to use:

- requirements.txt: what runs, with all extras (the image, `make demo`);
- requirements-dev.txt: the same and the tools of the gate (`make test`);
- requirements-build.txt: what builds the wheel;
- tools/requirements-audit.txt: what looks for known holes in the others (`make audit`);
- tests/clients/*/requirements.txt: the Slack clients that the local workspace is checked against;
- benchmarks/locks/opsdroid/requirements.txt: a peer that `make bench` measures.

The locks of what is in JavaScript are npm's own: `npm install --package-lock-only` in tests/clients/javascript,
tests/identity/provider and benchmarks/locks/hubot.

Versions that a lock has already are kept unless `--upgrade` is given. Needs `uv` (a plain `pip install uv` does).
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Written by `make lock` from pyproject.toml: change it there.\n"


def uv() -> str:
    """Return the path of uv; exits with the next move where there is none."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv", path=f"{ROOT / '.venv/bin'}:/usr/local/bin:/usr/bin")
    found = found or shutil.which("uv")
    if not found:
        sys.exit("tools/lock.py: needs uv. Install it with `.venv/bin/python -m pip install uv`, then run `make lock`.")
    return found


def compile_lock(output: str, arguments: list[str], *, upgrade: bool) -> None:
    """Write one lock.

    Args:
        output: name of the file, in the project's root.
        arguments: what to resolve, as `uv pip compile` takes it.
        upgrade: take the newest versions instead of those the file has.
    """
    command = [uv(), "pip", "compile", *arguments, "--output-file", output, "--quiet"]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", *(["--upgrade"] if upgrade else [])]
    subprocess.run(command, cwd=ROOT, check=True)
    path = ROOT / output
    text = path.read_text(encoding="utf-8")
    if "://" in text:
        sys.exit(f"tools/lock.py: {output} names an address; a lock must not: {text[text.index('://') - 40 :][:120]!r}")
    path.write_text(HEADER + text, encoding="utf-8")


def main() -> None:
    """Read the arguments and write all locks."""
    parser = argparse.ArgumentParser(description="Rewrite the hashed locks from pyproject.toml.")
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions instead of keeping those locked"
    )
    upgrade = parser.parse_args().upgrade
    project = "pyproject.toml"
    compile_lock("requirements.txt", [project, "--extra", "all"], upgrade=upgrade)
    compile_lock(
        "requirements-dev.txt",
        [project, "--extra", "all", "--group", "dev", "--constraint", "requirements.txt"],
        upgrade=upgrade,
    )
    compile_lock("requirements-build.txt", ["--group", "build"], upgrade=upgrade)
    compile_lock("tools/requirements-audit.txt", ["--group", "audit"], upgrade=upgrade)
    compile_lock("tests/clients/python/requirements.txt", ["--group", "clients"], upgrade=upgrade)
    compile_lock("tests/clients/javascript/requirements.txt", ["--group", "node"], upgrade=upgrade)
    compile_lock("benchmarks/locks/opsdroid/requirements.txt", ["--group", "opsdroid"], upgrade=upgrade)


if __name__ == "__main__":
    main()
