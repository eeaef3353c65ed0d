"""Groups that the identity provider tells: they count for a stated time after a sign-in, and no longer."""

from datetime import timedelta

import pytest

from bot.command import Resource
from bot.permissions import MembershipUntold
from tests.deployments.rig import buttons
from tests.identity.conftest import ANA, RAJ


@pytest.fixture
def by_claim(desk_with):
    def change(config):
        config["groups"]["release-managers"] = {"claim": "release-managers"}
        config["permissions"] = [{"allow": ["*"], "to": ["release-managers", "developers"]}]

    return lambda **more: desk_with(change=change, required_for=[], **more)


async def signed_in(desk, who, name):
    """Have somebody ask for a link and sign in by it."""
    reply = await desk.rig.run(who, "login")
    browser = desk.browser()
    await browser.go(buttons(reply)["Sign in"].url)
    if "login" in browser.words:
        await browser.sign_in(name)
    return browser


async def allowed(desk, who):
    return await desk.rig.permissions.check(who, "deployment.approve", Resource("checkout", "production"), fresh=True)


async def test_a_sign_in_tells_the_groups_for_eight_hours(by_claim):
    async with by_claim() as desk:
        before = await allowed(desk, ANA)
        assert not before.allowed
        assert "sign in with /shipmate login" in before.rule, "the refusal says what to do"
        deployment = await desk.asked()
        error = await desk.rig.refused(ANA, f"approve {deployment.id}")
        assert error.code == "not_an_approver"

        browser = await signed_in(desk, ANA, "ana")
        assert browser.status == 200
        assert "Signed in as ana" in browser.words
        assert "release-managers" in browser.words
        assert (await allowed(desk, ANA)).allowed
        assert await desk.rig.permissions.members("release-managers") == {ANA}

        desk.rig.clock.ahead += timedelta(hours=8, minutes=1)
        after = await allowed(desk, ANA)
        assert not after.allowed
        assert "older than 8h; sign in with /shipmate login again" in after.rule
        assert await desk.rig.permissions.members("release-managers") == frozenset()
        with pytest.raises(MembershipUntold):
            await desk.rig.permissions.groups_of(ANA)


async def test_an_approval_by_somebody_in_the_group_and_none_by_others(by_claim, program):
    async with by_claim() as desk:
        deployment = await desk.asked()
        program.know("raj", groups=["developers"])
        try:
            await signed_in(desk, RAJ, "raj")
        finally:
            program.know("raj")
        error = await desk.rig.refused(RAJ, f"approve {deployment.id}")
        assert error.code == "not_an_approver"
        await signed_in(desk, ANA, "ana")
        await desk.rig.run(ANA, f"approve {deployment.id}")
        assert await desk.votes(deployment) == 1


async def test_groups_are_read_again_with_each_sign_in(by_claim, program):
    async with by_claim() as desk:
        await signed_in(desk, ANA, "ana")
        assert (await allowed(desk, ANA)).allowed
        program.know("ana", groups=[])
        try:
            browser = await signed_in(desk, ANA, "ana")
        finally:
            program.know("ana")
        assert "you are in no group" in browser.words
        assert not (await allowed(desk, ANA)).allowed


async def test_a_link_of_somebody_else_gives_nobody_groups(by_claim):
    async with by_claim() as desk:
        browser = await signed_in(desk, ANA, "raj")
        assert browser.status == 403
        for who in (ANA, RAJ):
            assert not (await allowed(desk, who)).allowed
