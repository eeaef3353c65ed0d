"""Approvals by the front door: taken back, given in somebody's place, gathered into one message."""

import pytest
import pytest_asyncio

from tests.road.shop import PLAIN, Shop, Wishes, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

FREE = Wishes(production={"promote_from": None})
SHOPS = {"back": FREE, "lent": FREE, "gathered": FREE, "first": FREE, "plain": PLAIN}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    def gathering(settings):
        settings["slack"]["gather"] = "2s"

    async with town_with(tmp_path_factory.mktemp("town"), SHOPS, gathering) as built:
        yield built


async def test_an_approval_is_taken_back_by_the_button_on_the_card(town):
    shop = Shop(town, "back")
    await shop.slash("tom", "/lock {} production")
    await shop.slash("mia", "/deploy {}@1.4.1 to production --queue")
    card = await shop.card("1.4.1", "production", "waits for approval")
    await shop.press("ana", card, "Approve")
    card = await shop.card("1.4.1", "production", "Queued")
    await shop.press("raj", card, "Take back my approval")
    await shop.told("raj", "nothing_to_revoke")
    await shop.press("ana", card, "Take back my approval")
    card = await shop.card("1.4.1", "production", "@ana took theirs back")
    assert "waits for approval" in card["text"]
    assert "Take back my approval" not in buttons(card)
    asked = await shop.see("asks again for approval", "@ana took their approval back")
    await shop.slash("tom", "/unlock {} production")
    await shop.press("raj", asked, "Approve")
    card = await shop.card("1.4.1", "production", ": done")
    assert await shop.runs("production") == "1.4.1"
    await shop.slash("raj", f"/shipmate revoke {card['text'].split()[0]}")
    await shop.told("raj", "too_late_to_revoke")


async def test_a_delegate_approves_in_the_place_of_who_is_away(town):
    shop = Shop(town, "lent")
    card = await shop.ask("1.4.2")
    await shop.press("tom", card, "Approve")
    await shop.told("tom", "not_allowed")
    await shop.slash("ana", "/shipmate delegate @tom until 1d for release-managers")
    await shop.told("ana", "may approve for release-managers in your place")
    await shop.direct("tom", "You may approve for release-managers in the place of @ana")
    await shop.press("tom", card, "Approve")
    await shop.told("tom", "not_by_you")  # tom wrote some of it
    await shop.slash("ana", "/shipmate delegate off")
    await shop.told("ana", "may not approve in your place any more")


async def test_what_is_asked_close_together_is_one_message(town):
    """Whatever came before it, of three questions within moments at least two come as one."""
    shops = [Shop(town, name) for name in ("gathered", "first", "plain")]
    await shops[2].deploy("1.4.1")
    cards = [await shop.ask("1.4.1") for shop in shops]
    said = await shops[0].direct("raj", "to decide", cards[2]["text"].split()[0])
    assert buttons(said).count("Approve") >= 2
    await shops[2].press("ana", cards[2], "Approve")
    line = f"Approval of {cards[2]['text'].split()[0]} plain 1.4.1 → production: approved by @ana"
    said = await shops[0].direct("raj", "to decide", line)
    assert "Approve" in buttons(said), "the others still wait"
    assert words(said)
