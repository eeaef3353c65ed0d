"""The sample service's Git repository, with a short history of tagged versions by several people."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

AUTHORS = {
    "mia": ("Mia Lindqvist", "mia@acme.example"),
    "tom": ("Tom Becker", "tom@acme.example"),
    "ana": ("Ana Duarte", "ana@acme.example"),
}

TITLES = (
    "Round prices the way accounting does",
    "Say which card was declined",
    "Keep the basket for an hour longer",
    "Show the taxes before the total",
)
_GREEN = "unit-tests passed\nlint passed\n"
TIRES_AFTER = 330  # requests: half a minute of the demo's customers, longer than a deployment is watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One commit: who, what it says, the files it writes, and the tag it gets, if any."""

    author: str
    message: str
    writes: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""


def behaviour(
    *, failing: float = 0.0, milliseconds: int = 12, greeting: str = "Thank you!", tires_after: int = 0
) -> str:
    """Return the file that makes a version behave as it does.

    Args:
        failing: the share of requests it fails.
        milliseconds: how long one takes.
        greeting: what customers read.
        tires_after: how many requests go well before it begins to fail.
    """
    told = {"failing": failing, "milliseconds": milliseconds, "greeting": greeting}
    return json.dumps(told | ({"tires_after": tires_after} if tires_after else {}), indent=2) + "\n"


def history() -> tuple[Change, ...]:
    """Return the service's commits, oldest first. 1.5.0 is the bad one: up, but failing a third of its requests."""
    app = files("bot.demo").joinpath("service/app.py").read_text()
    readme = "# checkout\n\nTakes the money. Ask in #checkout.\n"
    first = {"app.py": app, "README.md": readme, "VERSION": "1.4.0\n", "behaviour.json": behaviour()}
    return (
        Change(author="mia", message="Open the shop", writes=first, tag="1.4.0"),
        Change(author="tom", message="Write down who to ask about refunds", writes={"docs/refunds.md": "Ask Tom.\n"}),
        Change(author="mia", message="Release 1.4.1\n\nPAY-301", writes={"VERSION": "1.4.1\n"}, tag="1.4.1"),
        Change(
            author="tom",
            message="Retry card authorisation once (PAY-311)\n\nCo-authored-by: Mia Lindqvist <mia@acme.example>",
            writes={"retry.md": "A second try, after 200 ms.\n"},
        ),
        Change(
            author="tom",
            message="Thank people in a friendlier way\n\nPAY-318",
            writes={"behaviour.json": behaviour(greeting="Thank you kindly!")},
        ),
        Change(author="tom", message="Release 1.4.2", writes={"VERSION": "1.4.2\n"}, tag="1.4.2"),
        Change(
            author="tom",
            message="Ask the new card provider first\n\nPAY-325",
            writes={"behaviour.json": behaviour(failing=0.33, milliseconds=25, greeting="Thank you kindly!")},
        ),
        Change(author="tom", message="Release 1.5.0", writes={"VERSION": "1.5.0\n"}, tag="1.5.0"),
        Change(
            author="ana",
            message="Fall back to the old card provider when the new one says no\n\nPAY-329",
            writes={"behaviour.json": behaviour(milliseconds=14, greeting="Thank you kindly!")},
        ),
        Change(author="ana", message="Release 1.5.1", writes={"VERSION": "1.5.1\n"}, tag="1.5.1"),
    )


def build(folder: Path, *, now: datetime) -> None:
    """Create the repository at `folder`, its last commit an hour before `now`, each tag with a green build check."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    changes = history()
    for number, change in enumerate(changes):
        for name, text in change.writes.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        who = _who(change.author, now - timedelta(hours=1 + 5 * (len(changes) - 1 - number)))
        _git(folder, "add", "--all", env=who)
        _git(folder, "commit", "--quiet", "--message", change.message, env=who)
        if change.tag:
            _git(folder, "tag", change.tag)
            _git(folder, "notes", "--ref", "checks", "add", "--message", _GREEN, env=who)


def tire(folder: Path, *, now: datetime) -> None:
    """Add 1.4.3, a patch of 1.4.2 on a branch of its own: it tires, after all who watch its deployment are content.

    `main` stays as it is, so that what is deployed from it later is as good as before.
    """
    worse = behaviour(failing=0.4, greeting="Thank you kindly!", tires_after=TIRES_AFTER)
    who = _who("tom", now - timedelta(minutes=40))
    _git(folder, "checkout", "--quiet", "-b", "summer-sale", "1.4.2")
    (folder / "behaviour.json").write_text(worse)
    (folder / "VERSION").write_text("1.4.3\n")
    _git(
        folder, "commit", "--quiet", "--all", "--message", "Keep a connection open for each basket\n\nPAY-333", env=who
    )
    _git(folder, "tag", "1.4.3")
    _git(folder, "notes", "--ref", "checks", "add", "--message", _GREEN, env=who)
    _git(folder, "checkout", "--quiet", "main")


def push(folder: Path, *, now: datetime) -> str:
    """Have Tom put a commit on the branch `next`, made of `main` where it does not exist; return the commit's title.

    Its checks are green before the branch has it, as they would be after a merge.
    """
    branch = "refs/heads/next"
    known = _git(folder, "for-each-ref", "--format=%(objectname)", branch).strip()
    base = known or _git(folder, "rev-parse", "main").strip()
    number = int(_git(folder, "rev-list", "--count", f"main..{base}").strip())
    title = TITLES[number % len(TITLES)]
    who = _who("tom", now)
    tree = f"{base}^{{tree}}"
    commit = _git(folder, "commit-tree", tree, "-p", base, "-m", f"{title}\n\nPAY-{340 + number}", env=who).strip()
    _git(folder, "notes", "--ref", "checks", "add", "--message", _GREEN, commit, env=who)
    _git(folder, "update-ref", branch, commit, known)
    return title


def _who(author: str, at: datetime) -> dict[str, str]:
    """Return what tells Git who writes, and when."""
    name, email = AUTHORS[author]
    values = (("NAME", name), ("EMAIL", email), ("DATE", at.isoformat()))
    return {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in values}


def _git(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> str:
    # No settings of the person at the keyboard: a signing key or a hook of theirs would change the demo.
    quiet = {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "HOME": str(folder),
        "PATH": os.defpath,
    }
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", "-C", str(folder), *words],  # noqa: S607 - the git on PATH is the one meant
        capture_output=True, text=True, check=False, env={**quiet, **(env or {})},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"git {' '.join(words[:2])} failed: {done.stderr.strip()}")
    return done.stdout
