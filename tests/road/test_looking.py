"""Looking: what runs where, what was deployed, metrics as value, table and picture, help, mentions, the home tab."""

import json

import pytest
import pytest_asyncio

from tests.road.shop import Shop, Wishes, answer, town_with
from tests.road.town import buttons, elements, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

FREE = {"promote_from": None, "approvals": None}
UP = {"name": "up", "with": "prom", "query": 'up{job="{service}"}', "min": 0.5, "unit": ""}
SCRAPED = {"name": "samples", "with": "prom", "query": 'scrape_samples_scraped{job="{service}"}', "max": 1000}


def _watch(*metrics, window="1s", failures_allowed=1):
    return {
        "window": window, "interval": "500ms", "metrics": list(metrics), "failures_allowed": failures_allowed,
    }  # fmt: skip


# A place that is new is scraped a moment after it answers: until then Prometheus knows it as down, or not at all.
UNTIL_SCRAPED = {"window": "5s", "failures_allowed": 9}

SHOPS = {
    "books": Wishes(production=FREE),
    "history": Wishes(production=FREE),
    "measured": Wishes(production={**FREE, "verify": _watch(UP, SCRAPED, **UNTIL_SCRAPED), "rollback": "automatic"}),
    "verified": Wishes(production={**FREE, "verify": _watch({**UP, "query": "vector(1)", "name": "one"})}),
    "limited": Wishes(production={**FREE, "verify": _watch({"name": "errors", "with": "prom", "query": "vector(0.31)",
                                                            "max": 0.01, "unit": "ratio"}), "rollback": "automatic"}),
    "threads": Wishes(production={"promote_from": None}),
    "tabs": Wishes(production={"promote_from": None}),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory, prometheus_server):
    started = []

    def metrics(settings):
        place = settings["integrations"]["local"]["places"]["measured/production"]
        prometheus = prometheus_server({"measured": [f"127.0.0.1:{place['port']}"]})
        started.append(prometheus)
        settings["integrations"]["prom"] = {"type": "prometheus", "url": prometheus.url}

    async with town_with(tmp_path_factory.mktemp("town"), SHOPS, metrics) as built:
        built.prometheus = started[0]
        yield built


async def test_where_tells_what_runs_and_where_a_change_runs(town):
    shop = Shop(town, "books")
    await shop.deploy("1.4.1")
    await shop.deploy("1.4.2")
    await shop.deploy("1.4.1", "production")
    outcome = await shop.slash("mia", "/where {}")
    assert outcome["elapsed_ms"] < 3000
    read = words(answer(outcome))
    assert "*books/staging*: *1.4.2*" in read
    assert "*books/production*: *1.4.1*" in read
    assert "by @mia" in read
    assert answer(outcome)["ephemeral_to"], "a look is nobody else's business"
    assert "*books/staging*" in words(answer(await shop.slash("raj", "/where")))

    sha = await shop.git("rev-parse", "1.4.2^{commit}")
    between = await shop.git("rev-parse", "1.4.2~1")
    for asked in ("1.4.2", sha, sha[:7], sha[:4], between, between[:8]):
        read = words(answer(await shop.slash("mia", f"/where {asked}")))
        assert "*books/staging* has" in read, asked
        assert "*books/production* has" not in read, asked
    both = words(answer(await shop.slash("mia", "/where 1.4.1")))
    assert "*books/staging* has" in both
    assert "*books/production* has" in both
    nowhere = await shop.git("rev-parse", "1.5.1^{commit}")
    assert "runs nowhere" in words(answer(await shop.slash("mia", f"/where {nowhere}")))
    assert "Did you mean books?" in words(answer(await shop.slash("mia", "/where boks")))


async def test_where_shows_what_is_under_way(town):
    shop = Shop(town, "threads")
    await shop.ask("1.4.1")
    read = words(answer(await shop.slash("mia", "/where {}")))
    assert "awaiting approval (@mia)" in read or "waits for approval (@mia)" in read


async def test_deploys_tells_who_what_when_and_how_it_ended(town):
    shop = Shop(town, "history")
    assert "Nothing was deployed" in words(answer(await shop.slash("mia", "/deploys {}")))
    await shop.deploy("1.4.1")
    await shop.deploy("1.4.2", user="tom")
    await shop.deploy("1.4.1", "production")
    read = words(answer(await shop.slash("raj", "/deploys {}")))
    lines = [line for line in read.splitlines() if line.startswith("*D-")]
    assert [line.split("* ", 1)[1].split(" · ")[0] for line in lines] == [
        "history 1.4.1 → production: done", "history 1.4.2 → staging: done", "history 1.4.1 → staging: done",
    ]  # fmt: skip
    assert "@tom" in lines[1]
    only = words(answer(await shop.slash("raj", "/deploys {} in production")))
    assert "staging" not in only
    one = words(answer(await shop.slash("raj", "/deploys {} --limit 1")))
    assert one.count("*D-") == 1


async def test_metrics_as_value_table_and_picture(town):
    shop = Shop(town, "measured")

    async def looked():
        return town.prometheus.query('up{job="measured"}')

    async def scraped():
        return town.prometheus.query('up{job="measured"} == 1')

    await town.until(looked, "Prometheus looks for the service")
    card = await shop.deploy("1.4.1", "production")
    assert "up " in words(card), "what was measured is on the card"
    await town.until(scraped, "Prometheus has seen the service")
    await shop.slash("mia", "/metrics {} up")
    value = words(await shop.told("mia", "measured production, now"))
    assert "*1*" in value
    assert "(at least 0.5)" in value
    await shop.slash("mia", "/metrics {}")
    table = words(await shop.told("mia", "limit", "samples"))
    assert "up" in table
    await shop.slash("mia", "/metrics {} uup")
    assert "Did you mean up?" in words(await shop.told("mia", "unknown_metric"))
    await shop.slash("mia", '/metrics {} --query "vector(42)"')
    await shop.told("mia", "42")
    await shop.slash("mia", '/metrics {} --query "vector("')
    assert "broke on our side" not in words(await shop.told("mia", "prom"))

    await shop.slash("mia", "/metrics {} up in production over 5m")

    async def drawn():
        for message in await town.messages("measured"):
            if "last 5m" in words(message) and "image" in json.dumps(message["blocks"]):
                return message
        return None

    picture = await town.until(drawn, "a picture")
    [image] = [block for block in picture["blocks"] if block["type"] == "image"]
    assert "up · measured production · last 5m: up" in image["alt_text"], "it can be read aloud"
    files = list(town.sandbox.workspace.files.values())
    assert any(one.content[:8] == b"\x89PNG\r\n\x1a\n" for one in files)


async def test_a_deployment_is_judged_by_what_prometheus_says(town):
    good = Shop(town, "verified")
    card = await good.deploy("1.4.1", "production")
    assert "Verified: one 1 (at least 0.5)" in words(card)
    bad = Shop(town, "limited")
    await bad.slash("mia", "/deploy {}@1.4.1 to production")
    failed = await bad.card("1.4.1", "production", ": failed")
    assert "errors 31 % (limit 1 %)" in words(failed)
    assert "nothing ran there before" in words(failed)


async def test_the_bot_is_asked_in_channels_threads_and_directly(town):
    shop = Shop(town, "threads")
    await shop.mention("mia", "where {}")
    await shop.told("mia", "threads/staging")
    card = await shop.ask("1.4.2", user="tom")
    await shop.mention("raj", "plan " + card["text"].split()[0], thread_ts=card["ts"])
    said = await shop.told("raj", "Plan of", "threads 1.4.2")
    assert said.get("thread_ts") == card["ts"], "an answer stays in the thread where it was asked"
    await shop.mention("raj", "help")
    assert "@shipmate where" in words(await shop.told("raj", "What you can ask"))
    await shop.mention("raj", "")
    outcome = await town.control(
        "commands", user="raj", channel="threads", command="/where", text="", thread_ts=card["ts"]
    )
    assert outcome["error"] == "not_supported_in_thread"


async def test_help_is_short_and_its_lines_can_be_copied(town):
    said = answer(await town.slash("mia", "/shipmate help"))
    read = words(said)
    assert "/deploy &lt;service&gt;[@&lt;version&gt;]" in read
    assert "/where" in read
    assert len(read) < 3000, "it fits on a phone's screen"
    one = answer(await town.slash("mia", "/shipmate help deploy"))
    assert "deploy checkout@1.4.2 to staging" in words(one)
    assert "Deploy…" in buttons(one)
    await town.press("mia", {**one, "channel": said["channel"]}, "Deploy…")
    await town.modal("mia")
    health = await town.slash("mia", "/shipmate health")
    assert health["ok"]
    await town.see("All is well", "local", "prom", "slack", "store")


async def test_the_home_tab_shows_what_waits_for_whom(town):
    shop = Shop(town, "threads")
    card = await shop.ask("1.5.1", user="mia")
    ident = card["text"].split()[0]

    async def home(user):
        await town.control("home", user=user)
        async with town.http.get(f"{town.sandbox.url}/_sandbox/home?user={user}") as got:
            view = (await got.json())["view"]
        return words({"text": "", "blocks": view["blocks"]}) if view else ""

    async def waits():
        return ident in (await home("raj")).split("Yours, under way")[0]

    await town.until(waits, "it waits for raj")

    async def is_mine():
        return ident in (await home("mia")).split("Yours, under way")[-1]

    await town.until(is_mine, "it is mia's")
    assert ident not in (await home("mia")).split("Yours, under way")[0], "who asked is not asked"

    async def is_nobodys():
        return "works for the members of this workspace" in await home("gus")

    await town.until(is_nobodys, "a guest's page says nothing of our work")
    assert elements(card)


async def test_it_is_approved_on_the_home_tab_which_says_so_by_itself(town):
    shop = Shop(town, "tabs")
    card = await shop.ask("1.4.2", user="mia")
    ident = card["text"].split()[0]
    await town.control("home", user="raj")

    async def view():
        async with town.http.get(f"{town.sandbox.url}/_sandbox/home?user=raj") as got:
            return (await got.json())["view"]

    async def waits():
        shown = await view()
        return shown if shown and ident in words({"text": "", "blocks": shown["blocks"]}).split("Yours")[0] else None

    await town.until(waits, "it waits for raj")

    async def pressed():
        """Press what is there now: the tab is drawn anew whenever something else that raj may approve moves."""
        shown = await waits()
        place = next(number for number, block in enumerate(shown["blocks"]) if ident in str(block))
        block = next(one for one in shown["blocks"][place:] if one["type"] == "actions")
        approve = next(one for one in block["elements"] if one["text"]["text"] == "Approve")
        where = {"view_id": shown["id"], "action_id": approve["action_id"], "block_id": block["block_id"]}
        try:
            await town.control("actions", user="raj", **where)
        except AssertionError as error:
            if "action_not_found" in str(error):
                return False
            raise
        return True

    await town.until(pressed, "raj presses Approve on the home tab")
    await town.see(ident, "done", channel="tabs")

    async def waits_no_more():
        return not await waits()

    await town.until(waits_no_more, "raj's home tab without it, though nobody opened it again")
