"""`/diff`: between places, tags, branches and commits; each way; bad ends."""

import pytest

from bot.deployments.rules import State
from integrations.errors import Unavailable
from tests.deployments.rig import MIA, Rig, words


async def test_between_two_versions_says_who_and_what(rig: Rig):
    shas = rig.history()
    read = words(await rig.run(MIA, "diff checkout v1.4.0..v1.4.2"))
    assert "checkout: v1.4.0 → v1.4.2" in read
    assert "2 commits by zoe, tom" in read
    assert "PAY-311 Retry card authorisation once" in read
    assert "<!channel>" not in read
    assert "1 file: version" in read
    backwards = words(await rig.run(MIA, f"diff checkout {shas['v1.4.2'][:8]}..v1.4.0"))
    assert "2 commits less" in backwards
    assert words(await rig.run(MIA, "diff checkout v1.4.0...main")).count("PAY-3") >= 2
    assert "1 commit" in words(await rig.run(MIA, "diff checkout v1.4.1"))


async def test_the_same_commit_is_no_difference(rig: Rig):
    rig.history()
    assert "no difference" in (await rig.run(MIA, "diff checkout v1.4.2..main")).summary


async def test_between_places_compares_what_runs(rig: Rig):
    rig.history()
    for version, environment in (("v1.4.2", "staging"), ("v1.4.1", "staging")):
        begun = await rig.run(MIA, f"deploy checkout@{version} to {environment}")
        await rig.reaches(begun.subject, State.SUCCEEDED)
    assert "staging (v1.4.1) → v1.4.2" in words(await rig.run(MIA, "diff checkout stage..v1.4.2"))
    error = await rig.refused(MIA, "diff checkout")
    assert error.code == "nothing_runs"
    assert "checkout/production" in str(error.text)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("diff chekout", "unknown_service"),
        ("diff checkout v1.4.0..v1.4.9", "unknown_ref"),
        ("diff checkout staging..v1.4.0", "nothing_runs"),
    ],
)
async def test_a_bad_end_is_named(rig: Rig, line: str, code: str):
    rig.history()
    assert (await rig.refused(MIA, line)).code == code


async def test_a_host_that_is_away_is_said(rig: Rig):
    rig.history()
    rig.git.failure = Unavailable("git", "no answer")
    assert (await rig.refused(MIA, "diff checkout v1.4.0..v1.4.1")).code == "tool_unavailable"
