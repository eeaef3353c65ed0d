"""`/release cut` from a channel to a real tag, a real artifact, and the place where it runs, signed off on the way."""

import pytest
import pytest_asyncio

from tests.road.shop import ONE_MANAGER, Shop, Wishes, town_with
from tests.road.town import Json, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

BOOKS = Wishes(
    service={"build": {"with": "local", "job": "checkout"}, "releases": {"tag_prefix": ""}},
    production={"sign_off": {"from": ["release-managers"], "of": "staging"}, "approvals": list(ONE_MANAGER)},
    own_repository=True,
)


def with_releases(settings: Json) -> None:
    settings["slack"]["aliases"] += ["release", "promote", "signoff"]
    settings["permissions"] += [{"allow": ["release.*"], "to": ["developers", "release-managers"]}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), {"books": BOOKS}, with_releases) as built:
        yield built


async def test_from_the_form_to_production(town):
    shop = Shop(town, "books")
    sha = await shop.commit("feat: sell books <!channel> PAY-900", {"VERSION": "1.6.0\n"}, author="tom")
    await shop.slash("mia", "/release cut {}")
    view = await town.modal("mia")
    fields = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert fields["arg:version"]["initial_value"] == "1.6.0"
    notes = fields["arg:notes"]["initial_value"]
    assert "sell books" in notes
    outcome = await town.submit("mia", {"arg:notes": f"Now with books.\n\n{notes}"})
    assert outcome["ok"], outcome
    card = await shop.see("R-1", "release books 1.6.0", "Runs on nowhere yet")
    assert await shop.git("rev-parse", "1.6.0^{commit}") == sha
    tag = await shop.git("cat-file", "tag", "1.6.0")
    assert "Now with books." in tag
    assert "Shipmate-Release: R-1" in tag
    assert "Now with books." in await shop.git("notes", "--ref=releases", "show", "1.6.0")
    thread = await shop.besides(card, "Now with books.")
    assert "<!channel>" not in words(thread)

    await shop.press("mia", card, "Deploy to staging")
    await shop.card("1.6.0", "staging", ": done")
    assert await shop.runs("staging") == "1.6.0"
    asked = await shop.besides(card, "runs on staging", "release-managers")
    await shop.slash("tom", "/promote R-1")
    question = await shop.told("tom", "Promote", "from staging to production?")
    await shop.press("tom", question, "staging → production: promote 1.6.0")
    await shop.told("tom", "not_signed_off", "needs the sign-off of 1 of release-managers on staging")
    await shop.press("raj", asked, "Sign off on staging")
    await shop.see("R-1", "accepted by @raj")
    await shop.slash("tom", "/promote R-1 --yes")
    waits = await shop.card("1.6.0", "production", "waits for approval")
    await shop.press("ana", waits, "Approve")
    await shop.card("1.6.0", "production", ": done")
    assert await shop.runs("production") == "1.6.0"
    await shop.see("R-1", "Runs on staging, production")
    assert len(town.builds()) == 1
    status, said = await town.shipmate("do", "release show R-1")
    assert status == 0, said
    assert "1.6.0" in said


async def test_a_terminal_cuts_and_waits_for_the_end(town):
    shop = Shop(town, "books")
    await shop.commit("fix: sell them for less", {"VERSION": "1.6.1\n"}, author="ana")
    status, said = await town.shipmate("do", "release cut books --from main --wait")
    assert status == 0, said
    assert "release books" in said
    assert "1.6.1" in (await shop.git("tag", "--list")).splitlines()
    assert "sell them for less" in await shop.git("notes", "--ref=releases", "show", "1.6.1")
