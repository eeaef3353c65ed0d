"""Real Git under the stand-in: bare repositories on disk, read and merged by git, cloned through `git http-backend`."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "GitLab",
    "GIT_AUTHOR_EMAIL": "gitlab@example.org",
    "GIT_COMMITTER_NAME": "GitLab",
    "GIT_COMMITTER_EMAIL": "gitlab@example.org",
}
_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00"
_FIELDS = 9


class GitError(Exception):
    """Git said no; its words are the message."""


class Repositories:
    """The repositories in a folder, by project name."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        return self.root / f"{name}.git"

    async def make(self, name: str, branch: str, message: str) -> None:
        """Make a repository with one commit of nothing."""
        await self._git(["init", "--quiet", "--bare", f"--initial-branch={branch}", str(self.folder(name))], b"")
        tree = (await self.run(name, "mktree")).decode().strip()
        sha = (await self.run(name, "commit-tree", "-m", message, tree)).decode().strip()
        await self.run(name, "update-ref", f"refs/heads/{branch}", sha)

    async def run(self, name: str, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git in a repository. Raises: GitError."""
        return await self._git([f"--git-dir={self.folder(name)}", "-c", "versionsort.suffix=-", *arguments], stdin)

    async def commit_of(self, name: str, revision: str) -> str | None:
        """Return the full SHA of a revision, None when it is no commit or not clear."""
        try:
            found = await self.run(
                name, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except GitError:
            return None
        return found.decode().strip()

    async def commits(self, name: str, *arguments: str) -> list[dict[str, Any]]:
        """Return commits of `git log`, as GitLab tells them."""
        out = await self.run(name, "log", "-z", f"--format=tformat:{_FORMAT}", "--encoding=UTF-8", *arguments, "--")
        fields = out.decode().split("\0")
        found = []
        for at in range(0, len(fields) - _FIELDS, _FIELDS + 1):
            sha, parents, author, email, at_, committer, committer_email, committed, message = fields[at : at + _FIELDS]
            found.append(
                {
                    "id": sha,
                    "short_id": sha[:8],
                    "created_at": committed,
                    "parent_ids": parents.split(),
                    "title": message.split("\n", 1)[0],
                    "message": message,
                    "author_name": author,
                    "author_email": email,
                    "authored_date": at_,
                    "committer_name": committer,
                    "committer_email": committer_email,
                    "committed_date": committed,
                    "trailers": {},
                    "extended_trailers": {},
                }
            )
        return found

    async def refs(self, name: str, space: str, sort: str = "refname") -> dict[str, str]:
        """Return the commit of each tag ("tags") or branch ("heads") by its name."""
        out = await self.run(
            name,
            "for-each-ref",
            f"--sort={sort}",
            "--format=%(refname)%00%(objectname)%00%(*objectname)",
            f"refs/{space}",
        )
        found = {}
        for line in out.decode().splitlines():
            full, sha, peeled = line.split("\0")
            found[full.split("/", 2)[2]] = peeled or sha
        return found

    async def blob(self, name: str, sha: str, path: str) -> bytes | None:
        """Return a file at a commit, None when there is none."""
        try:
            if (await self.run(name, "cat-file", "-t", f"{sha}:{path}")).strip() != b"blob":
                return None
            return await self.run(name, "cat-file", "blob", f"{sha}:{path}")
        except GitError:
            return None

    async def merge(self, name: str, source: str, target: str, message: str) -> str | None:
        """Merge one branch into another and return the new commit, None when they conflict."""
        try:
            tree = await self.run(name, "merge-tree", "--write-tree", target, source)
        except GitError:
            return None
        parents = ["-p", f"refs/heads/{target}", "-p", f"refs/heads/{source}"]
        sha = (await self.run(name, "commit-tree", *parents, "-m", message, tree.decode().split()[0])).decode().strip()
        await self.run(name, "update-ref", f"refs/heads/{target}", sha)
        return sha

    async def http_backend(self, variables: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer a request of Git's smart protocol by `git http-backend`."""
        environment = {
            **_ENVIRONMENT, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", **variables,
        }  # fmt: skip
        out = await self._git(["http-backend"], body, environment)
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        return int(headers.pop("Status", "200 OK").split()[0]), headers, content

    async def _git(self, arguments: list[str], stdin: bytes, environment: Mapping[str, str] = _ENVIRONMENT) -> bytes:
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
        )
        out, err = await process.communicate(stdin)
        if process.returncode:
            raise GitError(err.decode(errors="replace"))
        return out
