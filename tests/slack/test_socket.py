"""Socket Mode: the connection comes back, and deliveries are bounded and drained."""

import asyncio

from bot.slack import socket_link
from tests.slack.office import connected, workspace


async def test_it_renews_its_connection_when_slack_asks(office):
    for _ in range(2):
        answer = await office.post("disconnect", reason="refresh_requested")
        assert answer["ok"]

        async def works():
            return (await office.type("mia", "checkout", "/where cart")).get("ack", {}).get("status") == "ok"

        await office.until(works, "deliveries arrive again", deadline=20)


async def test_it_comes_back_when_connections_are_cut(office):
    await office.post("drop")

    async def works():
        return (await office.type("mia", "checkout", "/where cart"))["ok"]

    await office.until(works, "deliveries arrive again", deadline=30)


async def test_at_most_so_many_deliveries_are_handled_at_a_time(url, monkeypatch):
    monkeypatch.setattr(socket_link, "AT_ONCE", 2)
    async with workspace() as office, connected(office, url):
        outcomes = await asyncio.gather(*(office.type("mia", "checkout", f"/where cart{n}") for n in range(20)))
        assert all(outcome["ok"] for outcome in outcomes)


async def test_a_slack_that_is_away_at_the_start_is_waited_for(url):
    async with workspace() as office:
        await office.post("away", on=True)

        async def back():
            await asyncio.sleep(0)
            await office.post("away", on=False)

        async with asyncio.TaskGroup() as group:
            group.create_task(_connect_and_ask(office, url))
            group.create_task(back())


async def _connect_and_ask(office, url):
    async with connected(office, url):

        async def known():
            return office.gateway.connection.identity

        await office.until(known, "Slack says who we are")
        await office.post("messages", user="mia", channel="checkout", text=f"<@{office.bot_user}> where cart")
        assert await office.bot_says("checkout", "cart runs", viewer="mia")


async def test_closing_answers_what_was_asked_before(url):
    async with workspace() as office:
        async with connected(office, url):
            await office.post("messages", user="mia", channel="checkout", text=f"<@{office.bot_user}> where cart")
        assert await office.bot_says("checkout", "cart runs", viewer="mia")


async def test_a_wrong_app_token_is_told_by_health(office):
    link = office.gateway.link
    wrong = socket_link.SocketLink(
        office.gateway.app, office.gateway.connection, office.store.clock, app_token="xapp-wrong"
    )
    await wrong.start()

    async def told():
        return "invalid_auth" in wrong.reason

    assert await office.until(told)
    await wrong.close()
    assert link.connected.is_set()
