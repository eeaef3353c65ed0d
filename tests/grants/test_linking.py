"""Linking an account, from the question in Slack through the browser to the grant: and what must not be linked."""

import asyncio

import pytest

from bot.grants.grants import Grants
from integrations.errors import Unavailable
from tests.grants.conftest import MIA, PUBLIC, TOM, Browser, Quay, buttons, words


async def test_a_person_links_an_account_sees_both_sides_and_acts_as_themselves(quay, forge):
    reply = await quay.ask(MIA, "connect forge")
    (link,) = buttons(reply).values()
    assert link.label == "Sign in to forge"
    assert link.url.startswith(f"{PUBLIC}/connect/forge?state=")
    browser = Browser(quay)
    await browser.get(link.url)
    assert browser.status == 303
    assert browser.location.startswith("https://forge.example/oauth/authorize?")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/bot/connect/forge"} <= set(browser.cookie.split("; "))
    await browser.get(forge.sign_in(browser.location, "mia"))
    assert browser.status == 200
    for part in ("@mia · Mia M.", "mia@example.org", "Person in Slack", "Mia", "Yes, I am both"):
        assert part in browser.words
    assert await quay.grants.has(MIA, "forge") is False, "nothing is linked before the answer"
    await browser.answer("yes")
    assert "Connected" in browser.words
    assert await quay.use(MIA) == "mia"
    assert "connected to Shipmate" in (await quay.told(MIA))[0].summary
    (entry,) = await quay.entries("grant.linked")
    assert (entry.actor, entry.outcome, entry.data["account"]) == (MIA, "succeeded", "mia")
    (used,) = await quay.entries("grant.used")
    assert (used.subject, used.data["for"], used.rule) == (
        "shop/checkout!1",
        "mr approve",
        "forge account @mia is theirs",
    )


async def test_the_pages_are_private_and_harmless(quay, forge):
    browser = Browser(quay)
    forge.add_account("<script>alert(1)</script>", "mia@example.org", name="<img src=x>")
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "<script>alert(1)</script>"))
    assert "<script>" not in browser.text
    assert "<img" not in browser.text
    assert "alert(1)" in browser.words
    assert browser.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in browser.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in browser.headers["Content-Security-Policy"]
    assert '<html lang="en">' in browser.text
    assert "<title>" in browser.text
    assert "<h1>" in browser.text


async def test_a_forwarded_link_lends_nothing(quay, forge):
    """Mia sends Tom her link: Tom signs in as himself, and would lend his rights to her."""
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "tom"))
    assert browser.status == 403
    assert "You signed in as @tom, but the link was made for Mia: the addresses differ." in browser.words
    assert "tom@example.org" in browser.words
    assert "mia@example.org" in browser.words
    assert "<form" not in browser.text
    assert forge.alive("tom") == 0, "what he lent is revoked at once"
    assert await quay.grants.has(MIA, "forge") is False
    (entry,) = await quay.entries("grant.linked")
    assert (entry.outcome, entry.data["code"], entry.data["account"]) == ("refused", "other_address", "tom")


async def test_the_configuration_may_name_the_account(quay, forge, crew):
    crew.accounts[MIA, "forge"] = "m.other"
    forge.add_account("M.Other", "private@example.net")
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "M.Other"))
    assert "The addresses differ. The configuration of Shipmate names this account for them." in browser.words
    await browser.answer("yes")
    assert await quay.use(MIA) == "M.Other"
    other = Browser(quay)
    await other.get(await quay.link_of(MIA))
    await other.get(forge.sign_in(other.location, "mia"))
    assert other.status == 403
    assert "names another account" in other.words, "then that one alone counts, whatever the address"


async def test_an_account_without_a_confirmed_address_is_not_linked(quay, forge):
    forge.add_account("nobody", "")
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "nobody"))
    assert browser.status == 403
    assert "does not tell a confirmed address" in browser.words


async def test_a_link_ends_after_ten_minutes_at_every_stage(quay, forge, clock):
    late = await quay.link_of(MIA)
    clock.pass_by(minutes=10)
    browser = Browser(quay)
    await browser.get(late)
    assert (browser.status, browser.location) == (400, "")
    assert "older than ten minutes" in browser.words
    await browser.get(await quay.link_of(MIA))
    back = forge.sign_in(browser.location, "mia")
    clock.pass_by(minutes=10)
    await browser.get(back)
    assert "older than ten minutes" in browser.words
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "mia"))
    clock.pass_by(minutes=10)
    await browser.answer("yes")
    assert "has ended" in browser.words
    assert await quay.grants.has(MIA, "forge") is False
    await quay.housekeeping.sweep()
    assert forge.alive("mia") == 0, "what was lent and never confirmed is revoked"


async def test_a_callback_that_is_replayed_does_nothing(quay, forge):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    back = forge.sign_in(browser.location, "mia")
    await browser.get(back)
    kept = browser.text
    await browser.get(back)
    assert browser.status == 400
    assert "used already" in browser.words
    browser.text = kept
    await browser.answer("yes")
    assert "Connected" in browser.words
    browser.text, browser.cookies = kept, dict(browser.cookies)
    await browser.answer("yes")
    assert browser.status == 400
    assert len(await quay.entries("grant.linked")) == 1


async def test_two_callbacks_at_once_redeem_one_code(quay, forge):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    back = forge.sign_in(browser.location, "mia")
    twins = [Browser(quay), Browser(quay)]
    for twin in twins:
        twin.cookies = dict(browser.cookies)
    await asyncio.gather(*(twin.get(back) for twin in twins))
    assert sorted(twin.status for twin in twins) == [200, 400]
    assert forge.calls["redeem"] == 1


async def test_another_browser_cannot_end_what_one_began(quay, forge):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    back = forge.sign_in(browser.location, "mia")
    stranger = Browser(quay)
    await stranger.get(back)
    assert stranger.status == 400
    assert "another browser" in stranger.words
    stranger.cookies = {"shipmate_connect": "guessed"}
    await stranger.get(back)
    assert "another browser" in stranger.words
    await browser.get(back)
    assert browser.status == 200, "and the right one still can"


@pytest.mark.parametrize("how", ["other site", "other form", "other browser"])
async def test_only_the_pages_own_form_is_heard(quay, forge, how):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "mia"))
    if how == "other browser":
        browser.cookies = {}
    await browser.answer(
        "yes",
        origin="https://evil.example" if how == "other site" else "https://shipmate.example",
        form="forged" if how == "other form" else "",
    )
    assert browser.status == 400
    assert await quay.grants.has(MIA, "forge") is False


async def test_no_on_the_page_and_no_at_the_tool_lend_nothing(quay, forge):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "mia", agreed=False))
    assert "you said no there" in browser.words
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "mia"))
    await browser.answer("no")
    assert "Not linked" in browser.words
    assert forge.alive("mia") == 0
    assert await quay.grants.has(MIA, "forge") is False


async def test_an_unknown_state_and_another_instances_lead_nowhere(quay):
    browser = Browser(quay)
    for path in ("/connect/forge", "/connect/forge?state=made-up", "/connect/other?state=x", "/connect/forge/callback"):
        await browser.get(PUBLIC + path)
        assert browser.status == 400, path
        assert "not known" in browser.words
    link = await quay.link_of(MIA)
    await browser.get(link.replace("/connect/forge", "/connect/other"))
    assert browser.status == 400


async def test_an_older_link_is_void_once_a_newer_one_was_asked_for(quay):
    first = await quay.link_of(MIA)
    await quay.link_of(MIA)
    browser = Browser(quay)
    await browser.get(first)
    assert browser.status == 400


async def test_one_account_is_linked_with_one_person(quay, forge, crew):
    await quay.connect(MIA, "mia")
    crew.accounts[TOM, "forge"] = "mia"
    browser = Browser(quay)
    await browser.get(await quay.link_of(TOM))
    await browser.get(forge.sign_in(browser.location, "mia"))
    await browser.answer("yes")
    assert "Somebody else has linked this account" in browser.words
    assert await quay.grants.has(TOM, "forge") is False
    assert await quay.use(MIA) == "mia"


async def test_who_links_again_replaces_the_older_grant_and_it_is_revoked(quay, forge):
    await quay.connect(MIA, "mia")
    await quay.connect(MIA, "mia")
    assert forge.alive("mia") == 1
    assert await quay.use(MIA) == "mia"


async def test_who_left_meanwhile_is_not_linked(quay, forge, crew):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    await browser.get(forge.sign_in(browser.location, "mia"))
    crew.gone.add(MIA)
    await browser.answer("yes")
    assert browser.status == 400
    assert forge.alive("mia") == 0
    reply = await quay.ask(MIA, "connect forge")
    assert reply.code == "not_in_team"


async def test_a_tool_that_is_away_says_so_and_a_new_link_works(quay, forge):
    browser = Browser(quay)
    await browser.get(await quay.link_of(MIA))
    back = forge.sign_in(browser.location, "mia")
    forge.failure = Unavailable("forge", "no answer")
    await browser.get(back)
    assert browser.status == 503
    forge.failure = None
    await quay.connect(MIA, "mia")


async def test_bad_words_are_answered_with_what_was_meant(quay, forge):
    reply = await quay.ask(MIA, "connect forg")
    assert reply.code == "unknown_integration"
    assert "Did you mean forge?" in words(reply)
    forge.configured = False
    reply = await quay.ask(MIA, "connect")
    assert (reply.code, "no OAuth application" in words(reply)) == ("grants_off", True)


@pytest.mark.parametrize(("has_key", "public"), [(False, PUBLIC), (True, "")], ids=["no key", "no public address"])
async def test_without_key_or_public_address_it_is_off_and_says_so(store, clock, forge, crew, keys, has_key, public):
    quay = Quay(store, clock, forge, crew, keys if has_key else [], public)
    reply = await quay.ask(MIA, "connect forge")
    assert reply.code == "grants_off"
    assert ("server.public_url" if has_key else "encryption_keys") in words(reply)
    assert isinstance(quay.grants, Grants)
    assert await quay.grants.has(MIA, "forge") is False
    assert "You have linked no account" in words(await quay.ask(MIA, "connections"))


async def test_nothing_of_the_link_is_stored_readable(quay):
    link = await quay.link_of(MIA)
    state = link.partition("state=")[2]
    assert state not in await quay.everything_stored()
