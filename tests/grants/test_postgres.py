"""The same on PostgreSQL, where several replicas share the work."""

import asyncio

import pytest

from bot.errors import Refused
from bot.store import Store
from tests.grants.conftest import MIA, PUBLIC, TOM, Browser, Quay


@pytest.fixture
async def store(postgres_url, clock):
    opened = await Store.open(postgres_url, clock=clock)
    yield opened
    await opened.close()


async def test_replicas_link_use_renew_and_revoke(quay, forge, clock, store, crew, keys):
    await quay.connect(MIA, "mia")
    await quay.connect(MIA, "mia")
    assert forge.alive("mia") == 1
    clock.pass_by(hours=3)
    replicas = [Quay(store, clock, forge, crew, keys, PUBLIC) for _ in range(3)]
    assert await asyncio.gather(*(one.use(MIA) for one in replicas for _ in range(2))) == ["mia"] * 6
    assert forge.calls["renew"] == 1
    crew.gone.add(MIA)
    await asyncio.gather(*(one.housekeeping.sweep() for one in replicas))
    assert forge.alive("mia") == 0
    assert len(await quay.entries("grant.revoked")) == 1
    with pytest.raises(Refused):
        await replicas[0].use(MIA)


async def test_two_people_who_confirm_one_account_in_the_same_moment_do_not_both_get_it(quay, forge, crew):
    crew.accounts[MIA, "forge"] = crew.accounts[TOM, "forge"] = "mia"
    browsers = []
    for who in (MIA, TOM):
        browser = Browser(quay)
        await browser.get(await quay.link_of(who))
        await browser.get(forge.sign_in(browser.location, "mia"))
        browsers.append(browser)
    await asyncio.gather(*(browser.answer("yes") for browser in browsers))
    assert sorted(browser.status for browser in browsers) == [200, 400]
    assert [await quay.grants.has(who, "forge") for who in (MIA, TOM)].count(True) == 1
