"""The contract of GitHost."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from integrations.capabilities.git import Author, Check, CheckState, GitHost, Ref, RefKind
from integrations.contract import Adapter
from integrations.errors import NotFound, Refused

PROJECT = "shop"
ADA = Author(name="Ada", email="ada@example.org")
DAY = datetime(2026, 3, 1, tzinfo=UTC)
UNKNOWN = "0123456789" * 4


class History(Protocol):
    """What a suite needs to make: commits, refs and checks in one project."""

    host: GitHost

    def commit(
        self,
        project: str,
        message: str,
        *,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        author: Author = ADA,
        at: datetime = DAY,
    ) -> str: ...

    def tag(self, project: str, name: str, sha: str) -> None: ...

    def branch(self, project: str, name: str, sha: str) -> None: ...

    def check(self, project: str, sha: str, *checks: Check) -> None: ...


class GitHostContract:
    """Derive from it and override `history`. Of the commits named by `numbers`, two begin with the same four digits."""

    numbers: Sequence[int] = range(5000)

    @pytest.fixture
    def history(self) -> History:
        raise NotImplementedError

    @pytest.fixture
    def first(self, history):
        return history.commit(PROJECT, "First", files={"a.txt": b"1", "docs/b.txt": b"2"})

    async def test_is_an_adapter_that_answers(self, history, first):
        assert isinstance(history.host, Adapter)
        assert isinstance(history.host, GitHost)
        assert (await history.host.ping()).version
        await history.host.close()

    @pytest.mark.parametrize("name", ["v1.0.0", "release/2026-03", "café"])
    async def test_a_tag_is_resolved(self, history, first, name):
        history.tag(PROJECT, name, first)
        assert Ref(name=name, kind=RefKind.TAG, sha=first) == await history.host.resolve_ref(PROJECT, name)

    async def test_a_branch_is_resolved_to_where_it_is_now(self, history, first):
        history.branch(PROJECT, "main", first)
        second = history.commit(PROJECT, "Second", parents=[first])
        history.branch(PROJECT, "main", second)
        assert Ref(name="main", kind=RefKind.BRANCH, sha=second) == await history.host.resolve_ref(PROJECT, "main")

    async def test_of_a_tag_and_a_branch_of_one_name_the_tag_counts(self, history, first):
        second = history.commit(PROJECT, "Second", parents=[first])
        history.branch(PROJECT, "stable", second)
        history.tag(PROJECT, "stable", first)
        assert Ref(name="stable", kind=RefKind.TAG, sha=first) == await history.host.resolve_ref(PROJECT, "stable")

    @pytest.mark.parametrize("length", [8, 20, 40])
    @pytest.mark.parametrize("upper", [False, True])
    async def test_a_commit_is_resolved_by_its_sha_or_the_beginning_of_it(self, history, first, length, upper):
        name = first[:length].upper() if upper and not first[:length].isdigit() else first[:length]
        assert Ref(name=name, kind=RefKind.COMMIT, sha=first) == await history.host.resolve_ref(PROJECT, name)

    async def test_a_short_sha_that_fits_several_commits_is_refused_and_they_are_named(self, history):
        by_prefix: dict[str, list[str]] = {}
        both: list[str] = []
        for number in self.numbers:
            sha = history.commit(PROJECT, f"Commit {number}", files={"n": str(number).encode()})
            history.branch(PROJECT, f"commit-{number}", sha)
            both = by_prefix.setdefault(sha[:4], [])
            both.append(sha)
            if len(both) > 1:
                break
        assert len(both) == 2
        with pytest.raises(Refused) as refused:
            await history.host.resolve_ref(PROJECT, both[0][:4])
        assert all(sha[:8] in refused.value.reason for sha in both)

    @pytest.mark.parametrize("name", ["v9", "feature/none", UNKNOWN, UNKNOWN[:8]])
    async def test_a_name_that_is_nothing_is_not_found(self, history, first, name):
        with pytest.raises(NotFound):
            await history.host.resolve_ref(PROJECT, name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "-d",
            "--upload-pack=touch x",
            "a..b",
            "a b",
            "a\nb",
            "v1~1",
            "v1^",
            "v1:a.txt",
            "@{u}",
            "a\0b",
            "/a",
            "a/",
        ],
    )
    async def test_a_name_that_is_not_well_formed_is_refused(self, history, first, name):
        with pytest.raises(Refused):
            await history.host.resolve_ref(PROJECT, name)

    @pytest.mark.parametrize("project", ["nothing", "../shop", "/etc", "-x", ""])
    async def test_an_unknown_project_is_not_found(self, history, first, project):
        with pytest.raises(NotFound):
            await history.host.resolve_ref(project, "main")

    async def test_refs_are_tags_newest_version_first_then_branches(self, history, first):
        for name in ("v1.9.0", "v1.10.0", "v2.0.0-rc1", "v2.0.0"):
            history.tag(PROJECT, name, first)
        history.branch(PROJECT, "main", first)
        names = [ref.name for ref in await history.host.list_refs(PROJECT)]
        assert names == ["v2.0.0", "v2.0.0-rc1", "v1.10.0", "v1.9.0", "main"]
        assert [ref.name for ref in await history.host.list_refs(PROJECT, "1.")] == ["v1.10.0", "v1.9.0"]
        assert [ref.name for ref in await history.host.list_refs(PROJECT, limit=2)] == ["v2.0.0", "v2.0.0-rc1"]
        assert {ref.sha for ref in await history.host.list_refs(PROJECT)} == {first}

    async def test_a_commit_has_its_authors_and_its_words(self, history):
        message = (
            "Präzise <!channel> & *bold*\n\nBody\nof two lines\n\n"
            "Co-authored-by: Bob <bob@example.org>\nCo-authored-by: Çelik <c@example.org>"
        )
        eve = Author(name="Eve Ö", email="eve@example.org")
        at = DAY + timedelta(hours=5)
        sha = history.commit(PROJECT, message, author=eve, at=at)
        commit = await history.host.get_commit(PROJECT, sha)
        assert (sha, "Präzise <!channel> & *bold*", message) == (commit.sha, commit.title, commit.message)
        assert (eve, at) == (commit.author, commit.authored_at)
        assert [Author(name="Bob", email="bob@example.org"), Author(name="Çelik", email="c@example.org")] == list(
            commit.co_authors
        )

    async def test_an_unknown_commit_is_not_found(self, history, first):
        with pytest.raises(NotFound):
            await history.host.get_commit(PROJECT, UNKNOWN)
        with pytest.raises(NotFound):
            await history.host.compare(PROJECT, first, UNKNOWN)
        with pytest.raises(NotFound):
            await history.host.read_file(PROJECT, UNKNOWN, "a.txt")
        with pytest.raises(NotFound):
            await history.host.list_checks(PROJECT, UNKNOWN)

    @pytest.mark.parametrize("sha", ["main", "HEAD", "--all", "", UNKNOWN[:12]])
    async def test_what_needs_a_full_sha_refuses_anything_else(self, history, first, sha):
        history.branch(PROJECT, "main", first)
        with pytest.raises(Refused):
            await history.host.get_commit(PROJECT, sha)
        with pytest.raises(Refused):
            await history.host.compare(PROJECT, first, sha)

    async def test_a_comparison_lists_what_is_new_newest_first(self, history, first):
        second = history.commit(PROJECT, "Second", files={"a.txt": b"1", "c.txt": b"3"}, parents=[first])
        third = history.commit(PROJECT, "Third", parents=[second], at=DAY + timedelta(days=1))
        comparison = await history.host.compare(PROJECT, first, third)
        assert [third, second] == [commit.sha for commit in comparison.commits]
        assert (comparison.total, comparison.left_behind) == (2, 0)
        assert {"c.txt", "docs/b.txt"} == set(comparison.files)
        short = await history.host.compare(PROJECT, first, third, limit=1)
        assert ([third], 2) == ([commit.sha for commit in short.commits], short.total)

    async def test_a_comparison_counts_what_the_head_leaves_behind(self, history, first):
        left = history.commit(PROJECT, "Left", parents=[first])
        left = history.commit(PROJECT, "Left again", parents=[left])
        right = history.commit(PROJECT, "Right", parents=[first])
        comparison = await history.host.compare(PROJECT, left, right)
        assert (comparison.total, comparison.left_behind) == (1, 2)
        back = await history.host.compare(PROJECT, left, first)
        assert (back.total, back.left_behind) == (0, 2)

    async def test_a_commit_compared_with_itself_differs_in_nothing(self, history, first):
        comparison = await history.host.compare(PROJECT, first, first)
        assert (
            list(comparison.commits), comparison.total, comparison.left_behind, list(comparison.files),
        ) == ([], 0, 0, [])  # fmt: skip

    async def test_a_file_is_read_as_it_was_at_a_commit(self, history, first):
        second = history.commit(PROJECT, "Second", files={"a.txt": b"new\0\xff"}, parents=[first])
        assert await history.host.read_file(PROJECT, first, "a.txt") == b"1"
        assert await history.host.read_file(PROJECT, second, "a.txt") == b"new\0\xff"
        assert await history.host.read_file(PROJECT, first, "docs/b.txt") == b"2"
        assert await history.host.read_file(PROJECT, second, "docs/b.txt") is None
        assert await history.host.read_file(PROJECT, first, "docs") is None

    @pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "", ".", "docs//b.txt", "./a.txt", "docs/../a.txt"])
    async def test_a_path_that_leads_elsewhere_is_refused(self, history, first, path):
        with pytest.raises(Refused):
            await history.host.read_file(PROJECT, first, path)

    async def test_a_file_over_one_mebibyte_is_refused(self, history):
        files = {"fits": b"x" * 1024 * 1024, "large": b"x" * (1024 * 1024 + 1)}
        sha = history.commit(PROJECT, "Large", files=files)
        fits = await history.host.read_file(PROJECT, sha, "fits")
        assert fits is not None
        assert len(fits) == 1024 * 1024
        with pytest.raises(Refused):
            await history.host.read_file(PROJECT, sha, "large")

    async def test_of_the_checks_of_a_name_the_newest_counts(self, history, first):
        assert list(await history.host.list_checks(PROJECT, first)) == []
        running = Check(name="unit", state=CheckState.PENDING)
        passed = Check(name="unit", state=CheckState.PASSED, url="https://ci.example.org/7")
        lint = Check(name="lint", state=CheckState.FAILED)
        history.check(PROJECT, first, running, lint, passed)
        assert {passed, lint} == set(await history.host.list_checks(PROJECT, first))
