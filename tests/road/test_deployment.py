"""From a channel to a running service and back: the road that everybody takes, and the queue before a place."""

import sys

import pytest
import pytest_asyncio

from tests.road.shop import PLAIN, Shop, Wishes, answer, pressable, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SLOW = (
    sys.executable, "-c",
    "import os,sys,time; time.sleep(5); os.execv(sys.executable, [sys.executable, sys.argv[1], sys.argv[2]])",
    "{release}/app.py", "{port}",
)  # fmt: skip
"""A service that takes its time to come up, so that somebody can do something meanwhile."""

SHOPS = {
    "queue": Wishes(command=SLOW),
    "stopped": Wishes(command=SLOW),
    "waiting": PLAIN,
    "looking": PLAIN,
    "twice": PLAIN,
    "eager": PLAIN,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS) as built:
        yield built


async def test_a_release_goes_from_the_channel_to_production(town):
    """The whole story, on the service that is built, deployed and verified."""
    shop = Shop(town, "checkout")
    await shop.deploy("1.4.1")
    await shop.deploy("1.4.1", "production", by="ana")
    await shop.deploy("1.4.2")
    assert town.builds() == [await shop.git("rev-parse", f"{tag}^{{commit}}") for tag in ("1.4.1", "1.4.2")]

    outcome = await shop.slash("mia", "/deploy {}@1.4.2 to production")
    assert outcome["elapsed_ms"] < 3000
    card = await shop.card("1.4.2", "production", "waits for approval")
    read = words(card)
    assert "3 commits by Tom Becker" in read
    assert "since 1.4.1" in read
    for ticket in ("PAY-311", "PAY-318"):
        assert f"<https://tickets.acme.example/browse/{ticket}|{ticket}>" in read
    assert "Retry card authorisation once (PAY-311)" in read
    assert "asked by @mia" in read
    assert "1.4.2 runs on staging" in read, "the promotion rule is on the card"
    assert "0 of 1 (1 of release-managers)" in read
    assert "@mia (asked for it)" in read
    assert buttons(card) == ["Approve", "Reject…", "Show plan", "Cancel"]

    # Edits notify nobody: whoever may approve is asked in a new message whose text alone says what, where and what.
    asked = await shop.see("Approval wanted", "1.4.2 → production")
    assert asked["ts"] != card["ts"]
    assert asked["text"] == f"Approval wanted: {card['text'].split()[0]} checkout 1.4.2 → production, asked by @mia"
    for name in ("ana", "raj"):
        assert f"<@{town.sandbox.workspace.user(name, 'user').id}>" in words(asked)
        assert pressable(await shop.direct(name, "Approval wanted", "1.4.2 → production"), "Approve")

    assert await shop.runs("production") == "1.4.1", "nothing happens before somebody agrees"
    await shop.press("ana", card, "Approve")
    done = await shop.card("1.4.2", "production", ": done")
    assert done["ts"] == card["ts"], "one message from the first moment to the last"
    assert "checkout/production runs *1.4.2*" in words(done)
    for stage in ("approved", "deploy", "verify"):
        assert stage in words(done)
    assert await shop.runs("production") == "1.4.2"
    assert len(town.builds()) == 2, "what was approved is the artifact that ships: nothing is built again"
    await shop.direct("mia", "1.4.2 → production", "done")

    status, said = await town.shipmate("audit", "verify", "--config", str(town.folder / "shipmate.yaml"))
    assert status == 0, said
    assert said.startswith("whole: ")


async def test_a_dry_run_and_an_explanation_start_nothing(town):
    shop = Shop(town, "looking")
    await shop.deploy("1.4.1")
    await shop.slash("mia", "/deploy {}@1.4.1 to production --dry-run")
    would = await shop.told("mia", "Dry run")
    assert "nothing was started" in words(would)
    assert "It would ask for approval: 1 of release-managers" in words(would)
    await shop.slash("mia", "/deploy {}@1.5.1 to production --explain")
    rules = await shop.told("mia", "every rule and its verdict")
    for said in ("promotion order", "not_promoted", "locks", "unlocked", "approvals", "required checks"):
        assert said in words(rules)
    assert await shop.runs("production") == ""
    assert not [m for m in await town.messages("looking") if "→ production" in m["text"] and m["text"][:2] == "D-"]


async def test_what_runs_already_is_said_and_can_be_deployed_again(town):
    shop = Shop(town, "twice")
    first = await shop.deploy("1.4.1")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    refusal = await shop.told("mia", "already_there")
    assert "Not deployed: twice/staging runs 1.4.1 already" in words(refusal)
    await shop.press("mia", refusal, "Deploy it again")

    async def again():
        card = await shop.card("1.4.1", "staging", ": done")
        return card if card["ts"] != first["ts"] else None

    assert await town.until(again, "a second deployment of the same version")


async def test_a_second_deployment_queues_says_so_and_starts_by_itself_in_order(town):
    shop = Shop(town, "queue")
    await shop.slash("mia", "/deploy {}@1.4.0 to staging")
    first = await shop.card("1.4.0", "staging", "deploying")
    await shop.slash("tom", "/deploy {}@1.4.1 to staging")
    second = await shop.card("1.4.1", "staging", "queued")
    assert f"Queued behind {first['text'].split()[0]}" in words(second)
    await shop.slash("mia", "/deploy {}@1.4.2 to staging")
    third = await shop.card("1.4.2", "staging", "queued")
    assert f"Queued behind {second['text'].split()[0]}" in words(third)
    await shop.slash("mia", "/deploy {}@1.5.1 to staging")
    fourth = await shop.card("1.5.1", "staging", "queued")
    await shop.press("mia", fourth, "Cancel")
    await shop.card("1.5.1", "staging", "cancelled")

    await shop.card("1.4.2", "staging", ": done")
    assert await shop.runs("staging") == "1.4.2", "the last of the queue runs in the end"
    await shop.slash("ana", "/deploys {}")
    history = words(answer(await shop.slash("ana", "/deploys {}")))
    ended = [history.index(f"queue {version} → staging: {state}") for version, state in
             (("1.4.2", "done"), ("1.4.1", "done"), ("1.4.0", "done"))]  # fmt: skip
    assert ended == sorted(ended), "newest first, and each had its turn"
    assert "queue 1.5.1 → staging: cancelled" in history


async def test_the_same_thing_is_not_begun_twice(town):
    shop = Shop(town, "eager")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    await shop.slash("tom", "/deploy {}@1.4.1 to production")
    refusal = await shop.told("tom", "under_way")
    assert f"{card['text'].split()[0]} is putting 1.4.1 on eager/production already" in words(refusal)
    await shop.press("tom", refusal, f"Show {card['text'].split()[0]}")
    await shop.told("tom", "Plan of")


async def test_cancelled_while_it_waits(town):
    shop = Shop(town, "waiting")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    await shop.slash("mia", f"/shipmate cancel {card['text'].split()[0]}")
    await shop.told("mia", "is cancelled")
    ended = await shop.card("1.4.1", "production", ": cancelled")
    assert "Cancelled by @mia" in words(ended)
    closed = await shop.see("Approval of", "cancelled")
    assert buttons(closed) == [], "nobody is asked any more"
    await shop.slash("ana", f"/shipmate approve {card['text'].split()[0]}")
    assert "does not wait for approval" in words(await shop.told("ana", "not_waiting"))
    assert await shop.runs("production") == ""
    await shop.press("mia", ended, "Ask again for 1.4.1")
    assert (await shop.card("1.4.1", "production", "waits for approval"))["ts"] != card["ts"]


async def test_cancelled_while_it_runs(town):
    shop = Shop(town, "stopped")
    await shop.deploy("1.4.0")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    card = await shop.card("1.4.1", "staging", "deploying", "start")
    await shop.press("mia", card, "Cancel")
    ended = await shop.card("1.4.1", "staging", "Cancelled while it was deployed")
    await shop.press("mia", ended, "Roll back to 1.4.0")
    await shop.card("1.4.1", "staging", ": rolled back to 1.4.0")
    assert await shop.runs("staging") == "1.4.0"


async def test_a_missing_version_is_resolved_shown_and_confirmed(town):
    shop = Shop(town, "looking")
    await shop.slash("tom", "/deploy {}")
    question = await shop.told("tom", "No version was named")
    assert "Deploy *looking 1.5.1* to staging?" in words(question), "never production, and the newest tag"
    assert await shop.runs("production") == ""
