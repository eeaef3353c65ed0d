#!/usr/bin/env python3
"""Look for known vulnerabilities in all that is locked: `python tools/audit.py PIP_AUDIT [LOCK…]`, needs a network.

PIP_AUDIT is the program (`make audit` installs it into an environment of its own). It asks PyPI for the advisories of
every locked version, the tools of the gate and those that look for holes included, and ends with 1 where there are any.

What is known and does not concern us stands in tools/audit.toml: the advisory's id, why it does no harm here, and until
when that is believed. An entry that has ended, or says nothing, ends the run, too.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt", "tools/requirements-audit.txt")
LONGEST = 100
"""Days that anybody's word on a hole counts: then it is looked at again."""

_ID = re.compile(r"(CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|PYSEC-\d{4}-\d+)\Z")
_SHORTEST_REASON = 20


class Unexplained(Exception):
    """An entry of the list is not one that counts."""


def passed_over(document: dict[str, Any], today: date) -> list[str]:
    """Return the ids of what is passed over today.

    Raises:
        Unexplained: an entry has no id, no reason or no end, has ended, or ends too late; names it.
    """
    found = []
    for number, entry in enumerate(document.get("passed_over", ())):
        ident, reason, until = (entry.get(key) for key in ("id", "reason", "until"))
        where = f"tools/audit.toml, passed_over[{number}] ({ident})"
        if not isinstance(ident, str) or _ID.match(ident) is None:
            raise Unexplained(f"{where}: `id` is to be that of an advisory, such as CVE-2026-12345")
        if not isinstance(reason, str) or len(reason) < _SHORTEST_REASON:
            raise Unexplained(f"{where}: `reason` is to say why it does no harm here")
        if type(until) is not date:
            raise Unexplained(f"{where}: `until` is to be a date: until = {today.isoformat()}")
        if until < today:
            raise Unexplained(f"{where}: ended on {until}; look at it again")
        if (until - today).days > LONGEST:
            raise Unexplained(f"{where}: ends more than {LONGEST} days from now")
        found.append(ident)
    return found


def command(program: str, lock: str, ignored: list[str]) -> list[str]:
    """Return how one lock is looked at: as it stands, nothing is resolved or installed."""
    found = [program, "--requirement", lock, "--require-hashes", "--disable-pip", "--strict", "--progress-spinner=off"]
    return [*found, *(part for ident in ignored for part in ("--ignore-vuln", ident))]


def main() -> None:
    """Look at each lock, whatever the first say."""
    parser = argparse.ArgumentParser(description="Look for known vulnerabilities in all that is locked.")
    parser.add_argument("program", help="the path of pip-audit")
    parser.add_argument("locks", nargs="*", default=LOCKS, help="the locks, by default all")
    asked = parser.parse_args()
    try:
        document = tomllib.loads((ROOT / "tools" / "audit.toml").read_text("utf-8"))
        ignored = passed_over(document, datetime.now(UTC).date())
    except Unexplained as error:
        sys.exit(f"tools/audit.py: {error}")
    bad = []
    for lock in asked.locks:
        print(f"{lock}:", flush=True)
        if subprocess.run(command(asked.program, lock, ignored), cwd=ROOT, check=False).returncode:
            bad.append(lock)
    if bad:
        sys.exit(
            f"tools/audit.py: look at {', '.join(bad)}: `make lock` takes a mended version, or say why in audit.toml"
        )


if __name__ == "__main__":
    main()
