"""GitHost: refs, commits and what lies between two of them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct, field


class RefKind(StrEnum):
    """What a ref is."""

    TAG = "tag"
    BRANCH = "branch"
    COMMIT = "commit"


class Ref(Struct, frozen=True, kw_only=True):
    """A name and the full commit SHA it stands for now. Annotated tags are peeled."""

    name: str
    kind: RefKind
    sha: str


class Author(Struct, frozen=True, kw_only=True):
    """A name and an e-mail address as Git has them."""

    name: str
    email: str


class Commit(Struct, frozen=True, kw_only=True):
    """One commit. `co_authors` come from Co-authored-by trailers. `title` is the first line of `message`."""

    sha: str
    title: str
    message: str
    author: Author
    authored_at: datetime
    co_authors: Sequence[Author] = ()
    url: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """What lies between two commits.

    `commits` are those reachable from `head` and not from `base`, newest first, at most the limit asked for, of
    `total`. `left_behind` counts those reachable from `base` only: above 0 the head is no descendant of the base.
    `files` are the paths that differ; without `all_files` the host left some out.
    """

    base: str
    head: str
    commits: Sequence[Commit]
    total: int
    left_behind: int
    files: Sequence[str] = field(default_factory=tuple)
    url: str = ""
    all_files: bool = True


class CheckState(StrEnum):
    """How a check of a commit came out."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


class Check(Struct, frozen=True, kw_only=True):
    """One status that some tool reported on a commit."""

    name: str
    state: CheckState
    url: str = ""


@runtime_checkable
class GitHost(Protocol):
    """Reads repositories. `project` is the host's name for a repository (for `local`, a folder)."""

    async def resolve_ref(self, project: str, name: str) -> Ref:
        """Return what `name` (tag, branch, full or short SHA) stands for now.

        A name that is both tag and branch is the tag. Raises: NotFound; Refused for a short SHA that fits several
        commits (its reason names them) or a name that is not well-formed.
        """
        ...

    async def list_refs(self, project: str, prefix: str = "", limit: int = 100) -> Sequence[Ref]:
        """Return tags (newest version first), then branches, whose names contain `prefix`."""
        ...

    async def get_commit(self, project: str, sha: str) -> Commit:
        """Return one commit by its full SHA."""
        ...

    async def compare(self, project: str, base: str, head: str, limit: int = 100) -> Comparison:
        """Return what lies between two full SHAs."""
        ...

    async def read_file(self, project: str, sha: str, path: str) -> bytes | None:
        """Return a file's content at a commit, None if it is not there; at most 1 MiB."""
        ...

    async def list_checks(self, project: str, sha: str) -> Sequence[Check]:
        """Return what tools said of this commit, newest statement of each name."""
        ...
