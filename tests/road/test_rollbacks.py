"""Back again: by itself after a bad version, by hand, offered where the catalog or a migration says so."""

import pytest
import pytest_asyncio

from tests.road.shop import Shop, Wishes, answer, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

# 1.5.0 fails a third of its requests: of sixty in a row hardly ever three in a row are good all the way.
WATCH = {
    "window": "4s",
    "interval": "100ms",
    "probes": [{"url": "http://127.0.0.1:%PORT%/"}] * 4,
    "failures_allowed": 0,
}
QUICK = {"window": "300ms", "interval": "100ms", "probes": [{"url": "http://127.0.0.1:%PORT%/healthz"}]}
DIRECT = {"promote_from": None, "approvals": None}
SHOPS = {
    "automatic": Wishes(production={**DIRECT, "verify": WATCH, "rollback": "automatic"}),
    "offered": Wishes(production={**DIRECT, "verify": WATCH, "rollback": "offer"}),
    "manual": Wishes(production={"promote_from": None}),
    "migrated": Wishes(
        own_repository=True,
        production={**DIRECT, "verify": WATCH, "rollback": "automatic"},
        service={"migrations": {"paths": ["migrations/**"], "irreversible_marker": "irreversible"}},
    ),
    "older": Wishes(production={**DIRECT, "verify": QUICK}),
    "first": Wishes(production={**DIRECT, "verify": WATCH, "rollback": "automatic"}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS) as built:
        yield built


async def test_a_bad_version_is_found_out_and_rolled_back_by_itself(town):
    shop = Shop(town, "automatic")
    await shop.deploy("1.4.2", "production")
    await shop.slash("mia", "/deploy {}@1.5.0 to production")
    ended = await shop.card("1.5.0", "production", "rolled back to 1.4.2")
    read = words(ended)
    assert "automatic/production runs *1.4.2* again" in read
    assert "probe 500 (wanted 200)" in read
    assert await shop.runs("production") == "1.4.2"
    assert shop.rollouts("production") == ["1.4.2", "1.5.0", "1.4.2"]
    told = await shop.see("automatic 1.5.0 → production: rolled back to 1.4.2. ")
    assert told["ts"] != ended["ts"], "an edit notifies nobody: a failure is a new message"
    assert not told.get("thread_ts") or told.get("subtype") == "thread_broadcast"
    await shop.direct("mia", "1.5.0", "rolled back to 1.4.2")
    assert "Deploy a fix…" in buttons(ended)
    where = words(answer(await shop.slash("mia", "/where {}")))
    assert "*automatic/production*: *1.4.2*" in where


async def test_where_the_catalog_only_offers_it_people_press_the_button(town):
    shop = Shop(town, "offered")
    await shop.deploy("1.4.2", "production")
    await shop.slash("mia", "/deploy {}@1.5.0 to production")
    failed = await shop.card("1.5.0", "production", ": failed")
    assert "the catalog leaves it to people" in words(failed)
    assert await shop.runs("production") == "1.5.0"
    told = await shop.see("offered 1.5.0 → production: failed. ")
    await shop.press("tom", told, "Roll back to 1.4.2")
    await shop.card("1.5.0", "production", "rolled back to 1.4.2")
    assert await shop.runs("production") == "1.4.2"
    await shop.press("tom", told, "Roll back to 1.4.2")
    await shop.told("tom", "(")
    assert shop.rollouts("production") == ["1.4.2", "1.5.0", "1.4.2"], "pressed again it does nothing"


async def test_a_migration_that_cannot_be_undone_is_never_crossed_by_itself(town):
    shop = Shop(town, "migrated")
    await shop.deploy("1.4.2", "production")
    bad = '{"failing": 0.6, "milliseconds": 5, "greeting": "Oh"}\n'
    await shop.release(
        "1.6.0", **{"migrations/0007_drop.sql": "-- irreversible\nDROP TABLE carts;\n", "behaviour.json": bad}
    )
    await shop.slash("mia", "/deploy {}@1.6.0 to production --dry-run")
    assert "Cannot be undone" in words(await shop.told("mia", "Dry run"))
    await shop.slash("mia", "/deploy {}@1.6.0 to production")
    failed = await shop.card("1.6.0", "production", ": failed")
    assert "it carries a migration marked irreversible" in words(failed)
    assert await shop.runs("production") == "1.6.0"
    assert "Roll back to 1.4.2" in buttons(failed), "offered, with the warning in its question"
    asked = next(e for b in failed["blocks"] for e in b.get("elements", ()) if "Roll back" in str(e.get("text")))
    assert "irreversible" in asked["confirm"]["text"]["text"]


async def test_a_first_deployment_that_fails_has_nowhere_to_go_back_to(town):
    shop = Shop(town, "first")
    await shop.slash("mia", "/deploy {}@1.5.0 to production")
    failed = await shop.card("1.5.0", "production", ": failed")
    assert "nothing ran there before" in words(failed)
    assert not [label for label in buttons(failed) if label.startswith("Roll back")]


async def test_a_rollback_by_hand_is_shown_confirmed_approved_and_done(town):
    shop = Shop(town, "manual")
    await shop.deploy("1.4.1", "production", by="ana")
    await shop.deploy("1.4.2", "production", by="ana")
    await shop.slash("mia", "/rollback {} in production")
    question = await shop.told("mia", "Roll *manual/production* back from 1.4.2 to *1.4.1*?")
    await shop.press("mia", question, "Roll back to 1.4.1")
    card = await shop.card("1.4.1", "production", "waits for approval", back=True)
    await shop.press("raj", card, "Approve")
    await shop.card("1.4.1", "production", ": done", back=True)
    assert await shop.runs("production") == "1.4.1"
    await shop.slash("mia", "/rollback {} in production to 1.4.0")
    never = await shop.told("mia", "never_ran_there")
    assert "1.4.0 never ran well on manual/production. These did: 1.4.1, 1.4.2" in words(never)
    assert await shop.runs("production") == "1.4.1"
    await shop.slash("mia", "/rollback {} in staging")
    await shop.told("mia", "no_previous")


async def test_an_older_commit_warns_of_what_leaves(town):
    shop = Shop(town, "older")
    await shop.deploy("1.5.1", "production")
    await shop.slash("mia", "/deploy {}@1.4.1 to production --dry-run")
    said = words(await shop.told("mia", "Dry run"))
    assert "*Leaves behind 7 commits* that run now: the asked commit is no descendant of what runs." in said
    await shop.deploy("1.4.1", "production")
    tags = words(answer(await shop.slash("mia", "/where 1.5.1")))
    assert "*older/production*" not in tags
