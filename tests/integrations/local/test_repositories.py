"""Repositories of `local`: work trees, odd objects, hostile configuration, and a git that does not answer."""

import shutil
import subprocess

import pytest

from integrations.capabilities.git import RefKind
from integrations.errors import NotFound, Unavailable
from integrations.local.git import Git, find_git_dir
from tests.integrations.contract.test_runs import build
from tests.integrations.waiting import ended


@pytest.fixture
def first(real_history):
    return real_history.commit("shop", "First", files={"a.txt": b"1"})


@pytest.fixture
def trees(real_history, first, tmp_path):
    """Return a clone with a work tree, and a second work tree linked to it."""
    real_history.branch("shop", "main", first)
    tree = tmp_path / "tree"
    subprocess.run(["git", "clone", "-q", str(real_history.root / "shop.git"), str(tree)], check=True)
    linked = tmp_path / "linked"
    subprocess.run(["git", "-C", str(tree), "worktree", "add", "-q", "-b", "side", str(linked)], check=True)
    return {"tree": tree, "linked": linked}


async def test_a_work_tree_is_read_as_a_bare_repository_is(connect_local, trees, first):
    local = await connect_local(repositories=trees)
    assert (await local.resolve_ref("tree", "main")).sha == first
    assert (await local.resolve_ref("linked", "side")).sha == first


async def test_a_path_relative_to_our_folder_is_good_for_builds_too(connect_local, real_history, first, monkeypatch):
    monkeypatch.chdir(real_history.root)
    local = await connect_local(repositories={"shop": "shop.git"}, builds={"job": {}})
    assert (await ended(local, await local.start_build(build("r-1", "job", first)))).result["artifact"]


async def test_tags_of_tags_are_peeled_and_tags_of_no_commit_are_not_there(connect_local, real_history, first):
    real_history.tag("shop", "inner", first)
    real_history.tag("shop", "outer", "inner")
    tree = real_history.git("shop", "rev-parse", f"{first}^{{tree}}").decode().strip()
    real_history.tag("shop", "tree", tree)
    local = await connect_local()
    ref = await local.resolve_ref("shop", "outer")
    assert (ref.kind, ref.sha) == (RefKind.TAG, first)
    assert {ref.name: ref.sha for ref in await local.list_refs("shop")} == {"inner": first, "outer": first}
    with pytest.raises(NotFound):
        await local.resolve_ref("shop", "tree")


async def test_a_branch_named_like_a_sha_is_the_branch(connect_local, real_history, first):
    second = real_history.commit("shop", "Second", parents=[first])
    real_history.branch("shop", first[:8], second)
    local = await connect_local()
    assert (await local.resolve_ref("shop", first[:8])).sha == second


async def test_other_refs_of_a_hexadecimal_name_are_not_taken_for_a_commit(connect_local, real_history, first):
    real_history.git("shop", "update-ref", "refs/remotes/cafe/HEAD", first)
    local = await connect_local()
    with pytest.raises(NotFound):
        await local.resolve_ref("shop", "cafe")


async def test_a_check_that_cannot_be_read_is_no_statement(connect_local, real_history, first):
    note = "unit passed https://ci.example.org/7\nlint\nscan maybe\nunit failed\n\n  e2e   pending  \na b c d"
    real_history.git("shop", "notes", "--ref=checks", "add", "--message", note, first)
    local = await connect_local()
    checks = {check.name: check.state.value for check in await local.list_checks("shop", first)}
    assert checks == {"unit": "failed", "e2e": "pending"}


async def test_a_repository_cannot_make_us_run_its_programs(connect_local, real_history, first, tmp_path):
    second = real_history.commit(
        "shop", "Second", files={"a.txt": b"2", ".gitattributes": b"* diff=x filter=x"}, parents=[first]
    )
    for key in ("core.fsmonitor", "diff.x.command", "diff.x.textconv", "filter.x.smudge", "gpg.program", "core.pager"):
        real_history.git("shop", "config", key, f"touch {tmp_path}/ran; cat")
    real_history.git("shop", "config", "log.showSignature", "true")
    local = await connect_local()
    await local.compare("shop", first, second)
    await local.get_commit("shop", second)
    await local.read_file("shop", second, "a.txt")
    assert not (tmp_path / "ran").exists()


async def test_a_missing_repository_fails_the_ping_by_name(connect_local, real_history, first, tmp_path):
    local = await connect_local()
    assert (await local.ping()).detail == "1 repositories: shop"
    broken = await connect_local(repositories={"gone": tmp_path / "gone"})
    with pytest.raises(Unavailable, match="gone"):
        await broken.ping()


async def test_a_git_that_hangs_is_ended_at_the_deadline(tmp_path, monkeypatch):
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert shutil.which("git") == str(program)
    with pytest.raises(Unavailable, match=r"within 0\.2 s"):
        await Git("local", deadline=0.2).version()


async def test_a_machine_without_git_says_so(tmp_path):
    git = Git("local", deadline=5)
    git.program = str(tmp_path / "git")
    with pytest.raises(Unavailable, match="is it installed"):
        await git.version()


def test_a_folder_that_is_no_repository_is_none(tmp_path):
    assert find_git_dir(tmp_path) is None


async def test_a_repository_that_is_gone_is_away_and_nothing_in_it_is_called_missing(connect_local, trees):
    """A folder that is not mounted: retry or tell people, and never "no such tag"."""
    local = await connect_local(repositories=trees)
    away = trees["tree"].rename(trees["tree"].with_name("away"))
    with pytest.raises(Unavailable, match=r"there is no Git repository at .*tree, where 'tree' should be"):
        await local.resolve_ref("tree", "main")
    with pytest.raises(NotFound, match="no repository 'other'"):
        await local.resolve_ref("other", "main")
    away.rename(trees["tree"])
    assert (await local.resolve_ref("tree", "main")).name == "main"
