"""GitHost: refs, commits, files and statuses of GitLab's repositories.

https://docs.gitlab.com/api/repositories/, /commits/, /tags/, /branches/, /repository_files/
"""

import functools
import itertools
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import gitlab
import requests

from integrations.capabilities.git import Check, Commit, Comparison, Ref, RefKind
from integrations.errors import BadReply, NotFound, Refused
from integrations.gitlab.part import Part
from integrations.gitlab.values import check_of, commit_of

MAX_FILE = 1024 * 1024
_PAGE = 100
_MOST_SEARCHED = 1000  # commits looked at for the ones a short SHA fits
_MOST_STATUSES = 500
_MOST_DIFFS = 1000  # files; GitLab leaves out more by default (docs.gitlab.com/administration/diff_limits/)
_SHA = re.compile(r"[0-9a-fA-F]{4,64}")
# git check-ref-format: https://git-scm.com/docs/git-check-ref-format
_BAD_NAME = re.compile(r"^[-/.]|[/.]$|\.\.|//|/\.|@\{|\.lock(/|$)|^@$|[\x00-\x20\x7f~^:?*\[\\]")


class Repository(Part):
    """Reads repositories."""

    async def resolve_ref(self, project: str, name: str) -> Ref:
        """Return what `name` stands for now; a name that is both tag and branch is the tag.

        GitLab itself answers "not found" for a short SHA that fits several commits. So for one that is not found, the
        newest 1,000 commits are looked through.

        Raises:
            NotFound: there is no such name.
            Refused: the name is not well-formed, or a short SHA fits several commits; the reason names them.
        """
        if not name or len(name) > 255 or _BAD_NAME.search(name):  # noqa: PLR2004 -- git's own limit in practice
            raise Refused(self.instance, f"{name[:100]!r} is not the name of a tag, branch or commit")
        return await self._api.read(functools.partial(self._resolve, project=project, name=name))

    async def list_refs(self, project: str, prefix: str = "", limit: int = 100) -> Sequence[Ref]:
        """Return tags (newest version first), then branches, whose names contain `prefix`; `limit` in all."""

        def ask(library: gitlab.Gitlab) -> Sequence[Ref]:
            repository, _ = self._project(library, project)
            search = {"search": prefix} if prefix else {}
            tags = repository.tags.list(iterator=True, per_page=_PAGE, order_by="version", sort="desc", **search)
            heads = repository.branches.list(iterator=True, per_page=_PAGE, **search)
            found = itertools.chain(
                (Ref(name=tag.name, kind=RefKind.TAG, sha=tag.commit["id"]) for tag in tags if prefix in tag.name),
                (Ref(name=ref.name, kind=RefKind.BRANCH, sha=ref.commit["id"]) for ref in heads if prefix in ref.name),
            )
            return tuple(itertools.islice(found, max(limit, 0)))

        return await self._api.read(ask)

    async def get_commit(self, project: str, sha: str) -> Commit:
        """Return one commit by its full SHA. Raises: NotFound; Refused for anything but a full SHA."""
        self._must_be_full(sha)

        def ask(library: gitlab.Gitlab) -> Commit:
            return commit_of(self._project(library, project)[0].commits.get(sha).attributes)

        return await self._api.read(ask)

    async def compare(self, project: str, base: str, head: str, limit: int = 100) -> Comparison:
        """Return what lies between two full SHAs; `files` are as many as GitLab's limit on diffs allows.

        Raises:
            NotFound: one of them is no commit.
            Refused: one of them is no full SHA.
        """
        self._must_be_full(base, head)

        def ask(library: gitlab.Gitlab) -> Comparison:
            repository, place = self._project(library, project)
            forward = self._compared(repository.repository_compare(base, head, straight=True))
            if base == head:  # GitLab finds no difference and looks at neither
                repository.commits.get(head)
            back = self._compared(repository.repository_compare(head, base, straight=True))
            commits = [commit_of(one) for one in reversed(forward["commits"])]
            files = dict.fromkeys(str(diff[side]) for diff in forward["diffs"] for side in ("old_path", "new_path"))
            return Comparison(
                base=base,
                head=head,
                commits=tuple(commits[: max(limit, 0)]),
                total=len(commits),
                left_behind=len(back["commits"]),
                files=tuple(files),
                url=f"{place.url}/-/compare/{base}...{head}",
                all_files=len(forward["diffs"]) < _MOST_DIFFS,
            )

        return await self._api.read(ask)

    async def read_file(self, project: str, sha: str, path: str) -> bytes | None:
        """Return a file's content at a commit, None if it is not there or is a folder; at most 1 MiB.

        Raises:
            NotFound: no such commit.
            Refused: the path is not relative to the repository, or the file is over 1 MiB.
        """
        self._must_be_full(sha)
        if not path or {"", ".", ".."} & set(path.split("/")) or any(ord(c) < 32 for c in path):  # noqa: PLR2004
            raise Refused(self.instance, f"{path[:200]!r} is not a path inside of a repository")

        def ask(library: gitlab.Gitlab) -> bytes | None:
            address = f"/projects/{self._api.locate(library, project).id}/repository/files/{quote(path, safe='')}/raw"
            try:
                answer = library.http_get(address, query_data={"ref": sha}, streamed=True, raw=True)
            except NotFound as error:
                if "File" in error.message:
                    return None
                raise
            return self._bounded(answer, path)

        return await self._api.read(ask)

    async def list_checks(self, project: str, sha: str) -> Sequence[Check]:
        """Return what was said of this commit, by GitLab's own jobs too: the newest statement of each name."""
        self._must_be_full(sha)

        def ask(library: gitlab.Gitlab) -> Sequence[Check]:
            commit = self._project(library, project)[0].commits.get(sha, lazy=True)
            listed = commit.statuses.list(iterator=True, per_page=_PAGE)
            newest: dict[str, tuple[int, Check]] = {}
            for one in itertools.islice(listed, _MOST_STATUSES):
                known = newest.get(one.name)
                if known is None or known[0] < one.id:
                    newest[one.name] = (one.id, check_of(one.attributes))
            return tuple(check for _, check in newest.values())

        return await self._api.read(ask)

    def _resolve(self, library: gitlab.Gitlab, *, project: str, name: str) -> Ref:
        repository, _ = self._project(library, project)
        for kind, refs in ((RefKind.TAG, repository.tags), (RefKind.BRANCH, repository.branches)):
            try:
                found = refs.get(name)
            except NotFound:
                continue
            return Ref(name=name, kind=kind, sha=str(found.commit["id"]))
        if not _SHA.fullmatch(name):
            raise NotFound(self.instance, f"{project} has no tag, branch or commit {name}")
        try:
            sha = str(repository.commits.get(name.lower()).id)
        except NotFound as error:
            raise self._not_one(repository, project, name) from error
        return Ref(name=name, kind=RefKind.COMMIT, sha=sha)

    def _not_one(self, repository: Any, project: str, name: str) -> NotFound | Refused:  # noqa: ANN401 -- the library's
        fits: list[str] = []
        if len(name) < 40:  # noqa: PLR2004 -- a whole SHA fits one commit or none
            listed = repository.commits.list(iterator=True, query_parameters={"all": "true", "per_page": _PAGE})
            shas = (str(one.id) for one in itertools.islice(listed, _MOST_SEARCHED))
            fits = [sha for sha in shas if sha.startswith(name.lower())]
        if fits:
            told = ", ".join(sha[:12] for sha in fits[:10])
            return Refused(self.instance, f"{name} fits several commits, such as {told}; say more of it")
        return NotFound(self.instance, f"{project} has no tag, branch or commit {name}")

    def _compared(self, answer: object) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise BadReply(self.instance, "a comparison is no object", excerpt=str(answer))
        if answer.get("compare_timeout"):
            raise Refused(self.instance, "GitLab took too long to compare these two commits: they are too far apart")
        return answer

    def _bounded(self, answer: object, path: str) -> bytes:
        if not isinstance(answer, requests.Response):
            raise BadReply(self.instance, "a file came as something else", excerpt=str(answer))
        content = bytearray()
        with answer:
            for piece in answer.iter_content(64 * 1024):
                content += piece
                if len(content) > MAX_FILE:
                    raise Refused(self.instance, f"{path} is over {MAX_FILE} bytes; at most that are read")
        return bytes(content)
