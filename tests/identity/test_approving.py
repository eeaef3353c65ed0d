"""Approving what is bound to a person: a click is not enough, and neither is anybody else's sign-in."""

import asyncio
import contextlib
import re
from datetime import timedelta

import aiohttp
import pytest

from bot.deployments.rules import State
from tests.identity.conftest import ANA, MIA, RAJ


async def test_a_click_counts_only_after_the_person_has_signed_in(desk, program):
    deployment = await desk.asked()
    browser = desk.browser()
    await browser.go(await desk.click(ANA, deployment))
    assert browser.url.startswith(program.issuer)
    assert "login" in browser.words, "the provider asks for a password"
    assert await desk.votes(deployment) == 0

    await browser.sign_in("ana")
    assert browser.status == 200, browser.words
    for said in ("checkout", "production", "1.4.1", deployment.sha, deployment.plan_digest, "ana@example.org"):
        assert said in browser.words, browser.words
    assert await desk.votes(deployment) == 0, "looking at the page decides nothing"

    await browser.answer("yes")
    assert "Your approval is counted" in browser.words, browser.words
    await desk.rig.reaches(deployment.id, State.SUCCEEDED)
    (vote,) = await desk.entries("deployment.vote.approve")
    proof = vote.data["signed_in"]
    assert (proof["issuer"], proof["subject"]) == (program.issuer, "ana")
    assert proof["auth_time"]
    assert vote.actor == ANA
    assert not re.search(r"eyJ[\w-]+\.", str([entry.data for entry in await desk.rig.audit.recent()])), "no tokens"
    assert await desk.votes(deployment) == 1


async def test_a_stolen_slack_token_approves_nothing(desk):
    deployment = await desk.asked()
    for _ in range(3):
        await desk.click(ANA, deployment)
    error = await desk.rig.refused(ANA, f"approve {deployment.id}")
    assert error.code == "sign_in_needed", "typing it is no way around"
    assert await desk.votes(deployment) == 0
    assert (await desk.rig.get(deployment.id)).state is State.AWAITING_APPROVAL


async def test_who_may_not_approve_gets_no_link(desk):
    deployment = await desk.asked()
    error = await desk.rig.refused(MIA, command="approve", deployment=deployment.id, plan=deployment.plan_digest)
    assert (error.code, error.moves) == ("not_by_you", ())


async def test_a_rejection_needs_no_sign_in(desk):
    deployment = await desk.asked()
    await desk.rig.run(ANA, command="reject", deployment=deployment.id, reason="not today")
    assert (await desk.rig.get(deployment.id)).state is State.REJECTED


async def test_a_link_that_was_forwarded_counts_for_nobody_and_says_so(desk):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "raj")
    assert browser.status == 403
    assert "the link was made for ana" in browser.words
    assert "<form" not in browser.text
    assert "Raj <b>" not in browser.text, "what the provider says is escaped"
    assert await desk.votes(deployment) == 0
    (entry,) = await desk.entries("sign_in.approve")
    assert (entry.outcome, entry.actor, entry.data["subject"]) == ("refused", ANA, "raj")
    told = [message for _key, message in await desk.rig.said("direct") if "sign-in link" in message.summary]
    assert len(told) == 1, "whose link it was is told"


async def test_an_address_that_nobody_verified_is_no_proof(desk):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "eve")
    assert browser.status == 403
    assert "verified no address" in browser.words
    assert await desk.votes(deployment) == 0


async def test_a_subject_that_signed_in_once_is_the_only_one_from_then_on(desk, program):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "ana")
    await browser.answer("no")
    assert "Not approved" in browser.words
    program.know("ana-again", email="ana@example.org", email_verified=True)
    second = await desk.proven(ANA, deployment, "ana-again")
    assert second.status == 403, "the same verified address, but another account"
    program.know("ana", email="ana@elsewhere.example", email_verified=True)
    try:
        third = await desk.proven(ANA, deployment, "ana")
    finally:
        program.know("ana")
    assert third.status == 200, "the address may change: the subject is the same"
    assert [entry.actor for entry in await desk.entries("identity.linked")] == [ANA]
    assert await desk.votes(deployment) == 0


async def test_the_configuration_names_a_subject_over_all_else(desk_with):
    def change(config):
        config["people"]["ana"]["subject"] = "raj"

    async with desk_with(change=change) as desk:
        deployment = await desk.asked()
        assert (await desk.proven(ANA, deployment, "ana")).status == 403
        assert (await desk.proven(RAJ, deployment, "raj")).status == 403, "that subject is ana's"
        browser = await desk.proven(ANA, deployment, "raj")
        await browser.answer("yes")
        assert "counted" in browser.words


async def test_a_link_works_once_in_one_browser_for_ten_minutes(desk):
    deployment = await desk.asked()
    link = await desk.click(ANA, deployment)
    browser = desk.browser()
    browser.stop_at = "https://shipmate.example/bot/sign-in/callback"
    await browser.go(link)
    await browser.sign_in("ana")
    callback = browser.url
    assert "code=" in callback

    thief = desk.browser()
    await thief.go(callback)
    assert "Another browser" in thief.words
    browser.stop_at = ""
    await browser.go(callback)
    assert browser.status == 200, browser.words
    form = browser.text
    await browser.go(callback)
    assert browser.status == 400
    assert "used already" in browser.words
    browser.text, browser.url = form, callback
    await browser.answer("yes", form="forged")
    assert "not the one that was shown" in browser.words
    browser.text = form
    await browser.answer("yes", origin="https://evil.example")
    assert "another site" in browser.words
    desk.rig.clock.ahead += timedelta(minutes=11)
    browser.text = form
    await browser.answer("yes")
    assert "has ended" in browser.words
    await browser.go(link)
    assert "older than ten minutes" in browser.words
    assert await desk.votes(deployment) == 0


async def test_a_newer_click_voids_the_older_link(desk):
    deployment = await desk.asked()
    older = await desk.click(ANA, deployment)
    await desk.click(ANA, deployment)
    browser = desk.browser()
    await browser.go(older)
    assert browser.status == 400
    assert "not known" in browser.words


async def test_what_changed_between_click_and_answer_is_not_approved(desk):
    deployment = await desk.asked()
    before = desk.browser()
    await before.go(await desk.click(RAJ, deployment))
    browser = await desk.proven(ANA, deployment, "ana")
    assert browser.status == 200, browser.words
    async with desk.rig.store.write() as tx:
        await desk.rig.approvals.void(tx, deployment.id, "the ref moved")
    await browser.answer("yes")
    assert browser.status == 400
    assert "has changed, meanwhile" in browser.words
    await before.sign_in("raj")
    assert "has changed, meanwhile" in before.words
    assert await desk.votes(deployment) == 0


async def test_of_racing_answers_one_counts(desk):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "ana")
    racers = [desk.browser() for _ in range(6)]
    for racer in racers:
        racer.cookies, racer.text, racer.url = browser.cookies, browser.text, browser.url
    await asyncio.gather(*(racer.answer("yes") for racer in racers))
    assert sum("Your approval is counted" in racer.words for racer in racers) >= 1
    assert await desk.votes(deployment) == 1
    assert len(await desk.entries("deployment.vote.approve")) == 1
    await desk.rig.reaches(deployment.id, State.SUCCEEDED)


async def test_an_older_session_at_the_provider_is_not_enough(desk):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "ana")
    await browser.answer("no")
    browser.stop_at = desk.rig.settings.identity.issuer
    await browser.go(await desk.click(ANA, deployment))
    assert "prompt=login" in browser.url
    desk.rig.clock.ahead += timedelta(minutes=3)
    link = await desk.click(ANA, deployment)
    await browser.go(link)
    stripped = browser.url.replace("&prompt=login", "").replace("&max_age=300", "")
    browser.stop_at = ""
    await browser.go(stripped)
    assert browser.status == 400, "no password was asked for: the browser's owner took prompt=login away"
    assert "needs it anew" in browser.words
    assert await desk.votes(deployment) == 0


async def test_a_weaker_way_of_signing_in_is_not_enough(desk_with, program):
    async with desk_with(acr_values=["urn:example:mfa"]) as desk:
        deployment = await desk.asked()
        weak = await desk.proven(ANA, deployment, "ana")
        assert weak.status == 400
        assert "urn:example:mfa" in weak.words
        program.know("ana", acr="urn:example:mfa")
        try:
            strong = await desk.proven(ANA, deployment, "ana")
        finally:
            program.know("ana")
        assert strong.status == 200, strong.words
        await strong.answer("yes")
        (vote,) = await desk.entries("deployment.vote.approve")
        assert vote.data["signed_in"]["acr"] == "urn:example:mfa"


async def test_saying_no_at_the_provider_ends_it(desk):
    deployment = await desk.asked()
    browser = desk.browser()
    await browser.go(await desk.click(ANA, deployment))
    await browser.sign_in("ana", go="no")
    assert "you said no there" in browser.words
    assert await desk.votes(deployment) == 0


async def test_pages_are_kept_and_framed_by_nobody(desk):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "ana")
    assert browser.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in browser.headers["Content-Security-Policy"]
    cookie = next(line for line in browser.set_cookies if "Max-Age=600" in line)
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/bot/sign-in"))


async def test_staging_needs_no_sign_in_and_a_stated_environment_does(desk_with):
    def change(config):
        staging = config["services"]["checkout"]["environments"][0]
        staging["approvals"] = [{"count": 1, "from": ["release-managers"]}]
        config["services"]["checkout"]["environments"][1]["identity"] = "required"

    async with desk_with(change=change, required_for=[]) as desk:
        staged = await desk.asked(to="staging")
        await desk.rig.run(ANA, command="approve", deployment=staged.id, plan=staged.plan_digest)
        await desk.rig.reaches(staged.id, State.SUCCEEDED)
        await desk.click(ANA, await desk.asked())


async def test_without_a_provider_a_bound_approval_is_not_counted(desk):
    deployment = await desk.asked()
    desk.rig.settings = desk.rig.settings.model_copy(update={"identity": type(desk.rig.settings.identity)()})
    error = await desk.rig.refused(ANA, command="approve", deployment=deployment.id)
    assert error.code == "sign_in_off"
    assert await desk.votes(deployment) == 0


@pytest.mark.parametrize("after", ["redeemed", "proven"])
async def test_a_crash_between_sign_in_and_vote_loses_nothing_and_counts_nothing_twice(desk, after, monkeypatch):
    deployment = await desk.asked()
    browser = await desk.proven(ANA, deployment, "ana") if after == "proven" else desk.browser()
    if after == "redeemed":

        async def power_cut(*_args):
            raise asyncio.CancelledError

        with monkeypatch.context() as patched:
            patched.setattr(desk.signing, "_look", power_cut)
            patched.setattr("bot.signin.records.finish", power_cut)
            await browser.go(await desk.click(ANA, deployment))
            with contextlib.suppress(aiohttp.ClientError):
                await browser.sign_in("ana")
        assert await desk.votes(deployment) == 0
        browser = await desk.proven(ANA, deployment, "ana")
    next_process = type(desk)(desk.rig)
    await next_process.open()
    browser.port = next_process.web.port
    await browser.answer("yes")
    assert "counted" in browser.words
    assert await desk.votes(deployment) == 1
    await next_process.web.stop()
