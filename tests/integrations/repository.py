"""Real Git repositories for tests, written by `git fast-import`."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from integrations.capabilities.git import Author, Check, GitHost

ADA = Author(name="Ada", email="ada@example.org")
DAY = datetime(2026, 3, 1, tzinfo=UTC)
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
}


class RealHistory:
    """Bare repositories in a folder, made when they are first written to. `host` is the adapter that reads them."""

    host: GitHost

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, Mapping[str, bytes]] = {}

    def git(self, project: str, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git in a project's repository."""
        folder = self.root / f"{project}.git"
        if not folder.exists():
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True, env=_ENVIRONMENT)
        return subprocess.run(
            ["git", f"--git-dir={folder}", *arguments], input=stdin, capture_output=True, check=True, env=_ENVIRONMENT
        ).stdout

    def commit(
        self,
        project: str,
        message: str,
        *,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        author: Author = ADA,
        at: datetime = DAY,
    ) -> str:
        """Write a commit whose tree is exactly `files` (that of the first parent by default); return its SHA."""
        tree = files if files is not None else self._files[parents[0]] if parents else {}
        stamp = f"{int(at.timestamp())} +0000"
        lines = [
            b"commit refs/scratch/test",
            f"author {author.name} <{author.email}> {stamp}".encode(),
            f"committer {author.name} <{author.email}> {stamp}".encode(),
            b"data %d\n%s" % (len(message.encode()), message.encode()),
        ]
        lines += [f"{'merge' if number else 'from'} {parent}".encode() for number, parent in enumerate(parents)]
        lines.append(b"deleteall")
        lines += [b"M 100644 inline %s\ndata %d\n%s" % (p.encode(), len(c), c) for p, c in tree.items()]
        self.git(project, "fast-import", "--quiet", "--force", stdin=b"\n".join(lines) + b"\n")
        sha = self.git(project, "rev-parse", "refs/scratch/test").decode().strip()
        self._files[sha] = tree
        return sha

    def tag(self, project: str, name: str, sha: str) -> None:
        """Let an annotated tag name a commit."""
        self.git(project, "tag", "--annotate", "--force", "--message", f"Tag {name}", name, sha)

    def branch(self, project: str, name: str, sha: str) -> None:
        """Let a branch name a commit."""
        self.git(project, "update-ref", f"refs/heads/{name}", sha)

    def check(self, project: str, sha: str, *checks: Check) -> None:
        """Append checks to the commit's note, as a build script would."""
        for check in checks:
            line = f"{check.name} {check.state} {check.url}".strip()
            self.git(project, "notes", "--ref=checks", "append", "--message", line, sha)
