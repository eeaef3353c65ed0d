"""The same on PostgreSQL, where several replicas share the work."""

import asyncio

from bot.deployments.rules import State
from tests.identity.conftest import ANA, RAJ, Desk


async def test_of_answers_that_race_at_several_replicas_one_counts(desk_with, postgres_url):
    async with desk_with(url=postgres_url) as desk:
        deployment = await desk.asked()
        browser = await desk.proven(ANA, deployment, "ana")
        replicas = [desk, Desk(desk.rig), Desk(desk.rig)]
        for one in replicas[1:]:
            await one.open()
        racers = [one.browser() for one in replicas for _ in range(4)]
        for racer in racers:
            racer.cookies, racer.text, racer.url = browser.cookies, browser.text, browser.url
        await asyncio.gather(*(racer.answer("yes") for racer in racers))
        assert sum("Your approval is counted" in racer.words for racer in racers) == 1
        assert sorted(racer.status for racer in racers)[:2] == [200, 400]
        assert await desk.votes(deployment) == 1
        assert len(await desk.entries("deployment.vote.approve")) == 1
        await desk.rig.reaches(deployment.id, State.SUCCEEDED)
        for one in replicas[1:]:
            await one.web.stop()


async def test_a_subject_that_two_people_use_in_the_same_moment_is_one_of_them(desk_with, postgres_url, program):
    async with desk_with(url=postgres_url) as desk:
        desk.crew.mail[RAJ] = desk.crew.mail[ANA]
        deployment = await desk.asked()
        browsers = [desk.browser(), desk.browser()]
        for browser, who in zip(browsers, (ANA, RAJ), strict=True):
            await browser.go(await desk.click(who, deployment))
        await asyncio.gather(*(browser.sign_in("ana") for browser in browsers))
        assert min(browser.status for browser in browsers) == 200
        assert max(browser.status for browser in browsers) in {400, 403}
        assert len(await desk.entries("identity.linked")) == 1
