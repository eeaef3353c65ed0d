"""A match by e-mail proposes an account, in words; signing in alone links it, and nothing is done by the match."""

import asyncio
from typing import cast

import pytest

from bot.errors import Refused
from bot.grants import proposals
from bot.grants.people import SlackPeople
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.slack.connection import Connection, Identity
from bot.slack.directory import Directory
from integrations.errors import Unavailable
from tests.grants.conftest import MIA, TEAM, TOM, Browser, buttons, words

KNOWN = "forge knows @mia by your address: sign in to confirm that it is you."


async def test_connect_names_the_account_and_only_signing_in_links_it(quay, forge):
    reply = await quay.ask(MIA, "connect forge")
    assert KNOWN in words(reply)
    assert await quay.grants.has(MIA, "forge") is False
    with pytest.raises(Refused) as refused:
        await quay.use(MIA)
    assert refused.value.code == "not_connected", "a match lends nothing"
    assert forge.calls.get("whose") is None
    (link,) = buttons(reply).values()
    browser = Browser(quay)
    await browser.get(link.url)
    await browser.get(forge.sign_in(browser.location, "mia"))
    await browser.answer("yes")
    assert await quay.use(MIA) == "mia"


async def test_a_merge_requests_card_names_it_to_who_has_lent_nothing(quay, forge):
    forge.add_merge_request("shop/checkout", 12)
    card = await quay.ask(MIA, "mr show checkout 12")
    assert KNOWN in words(card)
    assert KNOWN in words(await quay.press(MIA, card, "Connect forge…"))
    await quay.ask(MIA, "mr show checkout 12")
    assert forge.calls["find_account"] == 1, "who it is was asked once"
    await quay.connect(MIA, "mia")
    assert "knows @" not in words(await quay.ask(MIA, "mr show checkout 12"))


async def test_who_is_not_known_by_their_address_is_told_of_nobody(quay, crew):
    crew.mail[MIA] = "somebody@else.example"
    reply = await quay.ask(MIA, "connect forge")
    assert "knows @" not in words(reply)
    assert "Sign in to forge" in buttons(reply)


async def test_the_account_that_the_configuration_names_is_told_and_not_looked_for(quay, forge, crew):
    crew.accounts[TOM, "forge"] = "t.ost"
    assert "The configuration says that you are @t.ost in forge" in words(await quay.ask(TOM, "connect forge"))
    assert "find_account" not in forge.calls


async def test_a_tool_that_does_not_say_whom_it_knows_holds_nothing_up(quay, forge, monkeypatch):
    forge.add_merge_request("shop/checkout", 12)

    async def fails(email):
        raise Unavailable("forge", "no answer")

    async def hangs(email):
        await asyncio.Event().wait()

    monkeypatch.setattr(proposals, "PATIENCE", 0.01)
    for kind in (fails, hangs):
        forge.find_account = kind
        assert "Sign in to forge" in buttons(await quay.ask(MIA, "connect forge"))
        assert "Connect forge…" in buttons(await quay.ask(MIA, "mr show checkout 12"))


class Workspace:
    """A connection on which Slack answers `users.info` with one person."""

    identity = Identity(team=TEAM, team_name="Shop", enterprise="", user="UBOT", bot="BBOT", url="")

    def __init__(self, *, confirmed: bool) -> None:
        self._confirmed = confirmed

    async def call(self, method, arguments):
        assert method == "users.info"
        profile = {"email": "mia@example.org", "display_name": "Mia"}
        about = {"id": arguments["user"], "team_id": TEAM, "is_email_confirmed": self._confirmed, "profile": profile}
        return {"ok": True, "user": about}


@pytest.mark.parametrize("confirmed", [True, False])
async def test_only_an_address_that_slack_has_confirmed_counts(quay, clock, confirmed):
    people = SlackPeople(Directory(cast(Connection, Workspace(confirmed=confirmed)), clock), quay.permissions)
    wanted = "mia@example.org" if confirmed else ""
    assert await people.email(MIA) == wanted
    assert await people.addresses(MIA) == ({wanted} if wanted else set())
    assert await people.email(Person(ACCOUNT_TEAM, "ci")) == ""
