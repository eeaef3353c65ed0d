"""GitHost over the repositories on this machine's disk."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from integrations.capabilities.git import Author, Check, CheckState, Commit, Comparison, Ref, RefKind
from integrations.errors import BadReply, NotFound, Refused, Unavailable
from integrations.local.git import Git, find_git_dir

_log = logging.getLogger(__name__)

MAX_FILE = 1024 * 1024
_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"[0-9a-fA-F]{4,64}")
_AUTHOR = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<email>[^<>]*)>\s*")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]{0,199}")
# What https://git-scm.com/docs/git-check-ref-format forbids in a name.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[-/.]|[/.]$|^@$")
_COMMIT_FORMAT = "%H%x00%an%x00%ae%x00%aI%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x0A)%x00%B"
_COMMIT_FIELDS = 6


class Repositories:
    """Reads the repositories of one instance: named ones, and those in a root folder."""

    def __init__(self, instance: str, git: Git, *, root: Path | None, named: Mapping[str, Path]) -> None:
        self._instance = instance
        self._git = git
        self._root = root
        self._named = named

    def git_dir(self, project: str) -> Path:
        """Return the Git directory of a project.

        Raises:
            NotFound: no repository of that name.
            Unavailable: there is no repository now where the settings say that this one is.
        """
        named = self._named.get(project)
        candidates = []
        if named is not None:
            candidates = [named]
        elif self._root is not None and _PROJECT.fullmatch(project) and ".." not in project:
            candidates = [self._root / project, self._root / f"{project}.git"]
        for folder in candidates:
            found = find_git_dir(folder)
            if found is not None:
                return found
        if named is not None:  # a disk that is not mounted: no tag of it is gone, and it may come back
            raise Unavailable(self._instance, f"there is no Git repository at {named}, where {project!r} should be")
        looked = f"; {candidates[0]} is no Git repository" if candidates else ""
        raise NotFound(self._instance, f"no repository {project!r}{looked}; known are {', '.join(self.names()) or '–'}")

    def names(self) -> Sequence[str]:
        """Return the names of the repositories, in order: the configured ones and those found in the root folder."""
        names = set(self._named)
        if self._root is not None and self._root.is_dir():
            names |= {f.name.removesuffix(".git") for f in self._root.iterdir() if find_git_dir(f) is not None}
        return sorted(names)

    async def resolve_ref(self, project: str, name: str) -> Ref:
        """Return what a tag, a branch, a full or a short SHA stands for now; a name that is tag and branch is the tag.

        Raises:
            NotFound: nothing of that name.
            Refused: the name is not well-formed, or a short SHA fits several commits, which the reason names.
        """
        git_dir = self.git_dir(project)
        must_be_well_formed(self._instance, name)
        wanted = [f"refs/tags/{name}^{{commit}}", f"refs/heads/{name}^{{commit}}"]
        if _SHORT.fullmatch(name):
            wanted.append(f"{name.lower()}^{{commit}}")
        found = await self._git.lookup(git_dir, wanted)
        for (sha, kind, _), ref_kind in zip(found, (RefKind.TAG, RefKind.BRANCH), strict=False):
            if kind == "commit":
                return Ref(name=name, kind=ref_kind, sha=sha)
        if _SHORT.fullmatch(name):
            sha, _, _ = found[2]
            if not sha.startswith(name.lower()):  # ambiguous, missing, or some other ref of that name
                sha = await self._only_commit(git_dir, project, name.lower())
            return Ref(name=name, kind=RefKind.COMMIT, sha=sha)
        raise NotFound(self._instance, f"{project} has no tag, branch or commit {name!r}")

    async def _only_commit(self, git_dir: Path, project: str, prefix: str) -> str:
        """Return the one commit whose SHA begins with `prefix`."""
        out = await self._git(git_dir, "rev-parse", f"--disambiguate={prefix}")
        candidates = out.decode().split()
        objects = await self._git.lookup(git_dir, candidates) if candidates else []
        commits = sorted(sha for sha, kind, _ in objects if kind == "commit")
        if not commits:
            raise NotFound(self._instance, f"{project} has no tag, branch or commit {prefix!r}")
        if len(commits) > 1:
            raise Refused(self._instance, f"{prefix} is ambiguous, it fits {', '.join(s[:12] for s in commits[:10])}")
        return commits[0]

    async def list_refs(self, project: str, prefix: str = "", limit: int = 100) -> Sequence[Ref]:
        """Return tags (newest version first), then branches, whose names contain `prefix`; `limit` in all."""
        git_dir = self.git_dir(project)
        out = await self._git(
            git_dir,
            "for-each-ref",
            "--sort=-version:refname",
            "--format=%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)",
            "refs/tags",
            "refs/heads",
        )
        refs: list[Ref] = []
        for line in out.decode(errors="replace").splitlines():
            full, sha, kind, peeled, peeled_kind = line.split("\0")
            _, space, name = full.split("/", 2)
            ref_kind = RefKind.TAG if space == "tags" else RefKind.BRANCH
            if prefix not in name:
                continue
            if peeled_kind == "tag":  # a tag of a tag: git peels one layer only
                peeled, peeled_kind, _ = (await self._git.lookup(git_dir, [f"{peeled}^{{commit}}"]))[0]
            if "commit" in (kind, peeled_kind):
                refs.append(Ref(name=name, kind=ref_kind, sha=sha if kind == "commit" else peeled))
        refs.sort(key=lambda ref: ref.kind is not RefKind.TAG)
        return refs[: max(limit, 0)]

    async def get_commit(self, project: str, sha: str) -> Commit:
        """Return one commit by its full SHA. Raises: NotFound; Refused for anything but a full SHA."""
        git_dir = self.git_dir(project)
        await self._must_have(git_dir, project, sha)
        commits = list(await self._log(git_dir, "--max-count=1", sha))
        return commits[0]

    async def compare(self, project: str, base: str, head: str, limit: int = 100) -> Comparison:
        """Return what lies between two full SHAs. Raises: NotFound; Refused for anything but a full SHA."""
        git_dir = self.git_dir(project)
        await self._must_have(git_dir, project, base, head)
        counted = await self._git(git_dir, "rev-list", "--left-right", "--count", f"{base}...{head}", "--")
        left, right = counted.split()
        commits = await self._log(git_dir, f"--max-count={max(limit, 0)}", f"{base}..{head}")
        names = await self._git(git_dir, "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head, "--")
        files = tuple(name.decode(errors="replace") for name in names.split(b"\0") if name)
        return Comparison(
            base=base, head=head, commits=tuple(commits), total=int(right), left_behind=int(left), files=files
        )

    async def read_file(self, project: str, sha: str, path: str) -> bytes | None:
        """Return a file's content at a commit, None if it is not there or is a folder.

        A symbolic link is not followed: its content is the path it names.

        Raises:
            NotFound: no such commit.
            Refused: the path is not relative to the repository, or the file is over 1 MiB.
        """
        git_dir = self.git_dir(project)
        await self._must_have(git_dir, project, sha)
        if not path or {"", ".", ".."} & set(path.split("/")) or any(ord(c) < 32 for c in path):  # noqa: PLR2004
            raise Refused(self._instance, f"{path[:200]!r} is not a path inside of a repository")
        ((blob, kind, size),) = await self._git.lookup(git_dir, [f"{sha}:{path}"])
        if kind != "blob":
            return None
        if size > MAX_FILE:
            raise Refused(self._instance, f"{path} has {size} bytes; at most {MAX_FILE} are read")
        return await self._git(git_dir, "cat-file", "blob", blob)

    async def list_checks(self, project: str, sha: str) -> Sequence[Check]:
        """Return what the notes under refs/notes/checks say of a commit: lines `name state [url]`, the last one counts.

        A line that cannot be read counts as no statement: a required check that is missing blocks.
        """
        git_dir = self.git_dir(project)
        await self._must_have(git_dir, project, sha)
        listed = await self._git(git_dir, "notes", "--ref=refs/notes/checks", "list")
        notes = {commit: note for note, commit in map(str.split, listed.decode().splitlines())}
        if sha not in notes:
            return ()
        text = (await self._git(git_dir, "cat-file", "blob", notes[sha])).decode(errors="replace")
        checks: dict[str, Check] = {}
        for line in text.splitlines():
            words = line.split()
            if not words:
                continue
            if len(words) not in {2, 3} or words[1] not in set(CheckState):
                _log.warning("%s: the check %r of %s is not `name state url`", self._instance, line[:100], sha)
                continue
            checks[words[0]] = Check(name=words[0], state=CheckState(words[1]), url=(words[2:] or [""])[0])
        return tuple(checks.values())

    async def _must_have(self, git_dir: Path, project: str, *shas: str) -> None:
        for sha in shas:
            if not _FULL.fullmatch(sha):
                raise Refused(self._instance, f"{sha[:80]!r} is not a full commit SHA; resolve it first")
        for sha, (_, kind, _) in zip(shas, await self._git.lookup(git_dir, shas), strict=True):
            if kind != "commit":
                raise NotFound(self._instance, f"{project} has no commit {sha}")

    async def _log(self, git_dir: Path, *arguments: str) -> Iterator[Commit]:
        out = await self._git(
            git_dir, "log", "-z", f"--format=tformat:{_COMMIT_FORMAT}", "--encoding=UTF-8", *arguments, "--"
        )
        fields = out.decode(errors="replace").split("\0")[:-1]
        if len(fields) % _COMMIT_FIELDS:
            raise BadReply(
                self._instance, "git log answered in another format", excerpt=out[:300].decode("ascii", "replace")
            )
        return (_commit(fields[at : at + _COMMIT_FIELDS]) for at in range(0, len(fields), _COMMIT_FIELDS))


def must_be_well_formed(instance: str, name: str) -> None:
    """Make sure that a name could be that of a tag, a branch or a commit. Raises: Refused."""
    if not name or len(name) > 255 or _FORBIDDEN.search(name):  # noqa: PLR2004 -- the longest file name
        raise Refused(instance, f"{name[:80]!r} is not a well-formed name of a tag, branch or commit")


def _commit(fields: Sequence[str]) -> Commit:
    """Return the commit of six fields: SHA, author's name, e-mail and date, co-authors by line, message."""
    sha, name, email, date, trailers, message = fields
    co_authors = [
        Author(name=match["name"], email=match["email"])
        for match in map(_AUTHOR.fullmatch, trailers.splitlines())
        if match is not None
    ]
    text = message.rstrip("\n")
    return Commit(
        sha=sha,
        title=text.split("\n", 1)[0],
        message=text,
        author=Author(name=name, email=email),
        authored_at=datetime.fromisoformat(date),
        co_authors=tuple(co_authors),
    )
