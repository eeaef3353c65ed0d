"""FakeGit: repositories in memory, verified by the GitHost contract suite."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from integrations.capabilities.git import Author, Check, Commit, Comparison, Ref, RefKind
from integrations.contract import Pong
from integrations.errors import IntegrationError, NotFound, Refused

AUTHOR = Author(name="Ada", email="ada@example.org")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_MALFORMED = re.compile(r"^$|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock$|^[-/.]|[/.]$")
_CO_AUTHOR = re.compile(r"^Co-authored-by:\s*(.*?)\s*<(.*)>$", re.MULTILINE | re.IGNORECASE)
_MAX_FILE = 1024 * 1024


@dataclass
class _Repository:
    commits: dict[str, Commit] = field(default_factory=dict)
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    checks: dict[str, dict[str, Check]] = field(default_factory=dict)


class FakeGit:
    """A GitHost in memory. `failure`, when set, is raised by every call."""

    def __init__(self, instance: str = "git") -> None:
        self._instance = instance
        self._repositories: dict[str, _Repository] = {}
        self.failure: IntegrationError | None = None

    # Making history

    def create(self, project: str) -> None:
        """Add an empty repository."""
        self._repositories[project] = _Repository()

    def commit(
        self,
        project: str,
        message: str,
        *,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        author: Author = AUTHOR,
        at: datetime = AT,
    ) -> str:
        """Add a commit whose tree is exactly `files` (that of the first parent by default); return its SHA."""
        repository = self._repositories.setdefault(project, _Repository())
        tree = dict(files) if files is not None else dict(repository.files[parents[0]]) if parents else {}
        content = repr((message, sorted(tree.items()), tuple(parents), author, at)).encode()
        sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        co_authors = tuple(Author(name=name, email=email) for name, email in _CO_AUTHOR.findall(message))
        repository.commits[sha] = Commit(
            sha=sha,
            title=message.split("\n", 1)[0],
            message=message.rstrip("\n"),
            author=author,
            authored_at=at,
            co_authors=co_authors,
        )
        repository.order[sha] = len(repository.order)
        repository.parents[sha] = tuple(parents)
        repository.files[sha] = tree
        return sha

    def tag(self, project: str, name: str, sha: str) -> None:
        """Let a tag name a commit."""
        self._repositories[project].tags[name] = sha

    def branch(self, project: str, name: str, sha: str) -> None:
        """Let a branch name a commit, also when it named another before."""
        self._repositories[project].branches[name] = sha

    def branch_of(self, project: str, name: str) -> str:
        """Return the commit of a branch."""
        return self._repository(project).branches[name]

    def delete(self, project: str, name: str) -> None:
        """Delete a branch or tag."""
        repository = self._repository(project)
        repository.branches.pop(name, None)
        repository.tags.pop(name, None)

    def check(self, project: str, sha: str, *checks: Check) -> None:
        """Report checks of a commit; the newest of each name counts."""
        self._repositories[project].checks.setdefault(sha, {}).update({check.name: check for check in checks})

    # Adapter and GitHost

    @property
    def instance(self) -> str:
        return self._instance

    async def ping(self) -> Pong:
        self._answer()
        return Pong(version="fake", identity="fake")

    async def close(self) -> None:
        pass

    async def resolve_ref(self, project: str, name: str) -> Ref:
        repository = self._repository(project)
        if _MALFORMED.search(name):
            raise Refused(self._instance, f"{name!r} is not well-formed")
        if name in repository.tags:
            return Ref(name=name, kind=RefKind.TAG, sha=repository.tags[name])
        if name in repository.branches:
            return Ref(name=name, kind=RefKind.BRANCH, sha=repository.branches[name])
        fits = [sha for sha in repository.commits if len(name) >= 4 and sha.startswith(name.lower())]
        if len(fits) > 1:
            raise Refused(self._instance, f"{name} is ambiguous, it fits {', '.join(sha[:12] for sha in fits)}")
        if not fits:
            raise NotFound(self._instance, f"{project} has no {name!r}")
        return Ref(name=name, kind=RefKind.COMMIT, sha=fits[0])

    async def list_refs(self, project: str, prefix: str = "", limit: int = 100) -> Sequence[Ref]:
        repository = self._repository(project)
        tags = sorted(repository.tags.items(), key=lambda item: _version(item[0]), reverse=True)
        branches = sorted(repository.branches.items(), reverse=True)
        refs = [Ref(name=name, kind=RefKind.TAG, sha=sha) for name, sha in tags]
        refs += [Ref(name=name, kind=RefKind.BRANCH, sha=sha) for name, sha in branches]
        return [ref for ref in refs if prefix in ref.name][:limit]

    async def get_commit(self, project: str, sha: str) -> Commit:
        return self._commit(self._repository(project), sha)

    async def compare(self, project: str, base: str, head: str, limit: int = 100) -> Comparison:
        repository = self._repository(project)
        self._commit(repository, base)
        self._commit(repository, head)
        old, new = set(_ancestors(repository, base)), set(_ancestors(repository, head))
        added = sorted(new - old, key=repository.order.__getitem__, reverse=True)
        before, after = repository.files[base], repository.files[head]
        files = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        return Comparison(
            base=base,
            head=head,
            commits=tuple(repository.commits[sha] for sha in added[:limit]),
            total=len(added),
            left_behind=len(old - new),
            files=tuple(files),
        )

    async def read_file(self, project: str, sha: str, path: str) -> bytes | None:
        repository = self._repository(project)
        self._commit(repository, sha)
        if not path or {"", ".", ".."} & set(path.split("/")):
            raise Refused(self._instance, f"{path!r} is not a path inside of a repository")
        content = repository.files[sha].get(path)
        if content is not None and len(content) > _MAX_FILE:
            raise Refused(self._instance, f"{path} is over 1 MiB")
        return content

    async def list_checks(self, project: str, sha: str) -> Sequence[Check]:
        repository = self._repository(project)
        self._commit(repository, sha)
        return tuple(repository.checks.get(sha, {}).values())

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _repository(self, project: str) -> _Repository:
        self._answer()
        if project not in self._repositories:
            raise NotFound(self._instance, f"no repository {project!r}")
        return self._repositories[project]

    def _commit(self, repository: _Repository, sha: str) -> Commit:
        if not re.fullmatch(r"[0-9a-f]{40}", sha):
            raise Refused(self._instance, f"{sha!r} is not a full commit SHA")
        if sha not in repository.commits:
            raise NotFound(self._instance, f"no commit {sha}")
        return repository.commits[sha]


def _ancestors(repository: _Repository, sha: str) -> Iterator[str]:
    todo, seen = [sha], set()
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            yield one
            todo += repository.parents[one]


def _version(name: str) -> tuple[list[tuple[int, int, str]], bool, str]:
    """Order names as versions: numbers by value, and what follows a dash comes before the version itself."""
    release, _, early = name.partition("-")
    parts = [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", release)]
    return parts, not early, early
