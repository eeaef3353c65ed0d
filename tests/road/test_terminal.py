"""The road without Slack: `shipmate do` from a terminal, under the same rules and in the same audit log."""

import json
import secrets

import pytest
import pytest_asyncio

from bot.demo.configuration import keep_secrets
from bot.demo.surroundings import free_port
from bot.terminal import ask
from tests.road.shop import PLAIN, Shop, Wishes, town_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

BAD = {
    "window": "4s",
    "interval": "100ms",
    "probes": [{"url": "http://127.0.0.1:%PORT%/"}] * 4,
    "failures_allowed": 0,
}
SHOPS = {
    "typed": PLAIN,
    "waited": Wishes(production={"promote_from": None, "approvals": None, "verify": BAD, "rollback": "automatic"}),
    "piped": PLAIN,
    "away": PLAIN,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    others = {"ana": secrets.token_hex(16), "raj": secrets.token_hex(16), "pipeline": secrets.token_hex(16)}
    kept = keep_secrets(folder, **others)

    def tokens(settings):
        settings["terminal"]["tokens"] += [
            {"name": "ana-laptop", "person": "ana", "secret": kept["ana"]},
            {"name": "raj-laptop", "person": "raj", "secret": kept["raj"]},
            {"name": "pipeline", "account": "ci", "secret": kept["pipeline"]},
        ]
        settings["permissions"].append(
            {"allow": ["deployment.start", "deployment.read"], "to": ["account:ci"], "services": ["piped"]}
        )

    async with town_with(folder, SHOPS, tokens) as built:
        for name, token in others.items():
            (folder / f"{name}.token").write_text(token + "\n")
        yield built


async def _do(town, *words, who="", url=""):
    more = ["--token-file", str(town.folder / f"{who}.token")] if who else []
    more += ["--url", url] if url else []
    return await town.shipmate("do", *more, *words)


async def test_a_team_deploys_approves_and_looks_from_the_terminal(town):
    shop = Shop(town, "typed")
    status, said = await _do(town, "deploy", "typed@1.4.1", "to", "staging", "--wait")
    assert status == 0, said
    assert "typed/staging runs 1.4.1" in said
    assert "*" not in said, "plain text, no markup"
    assert await shop.runs("staging") == "1.4.1"

    status, said = await _do(town, "deploy typed@1.4.1 to production", who="ana")
    assert status == 0, said
    assert "has begun" in said
    card = await shop.card("1.4.1", "production", "waits for approval")
    ident = card["text"].split()[0]
    status, said = await _do(town, "approve", ident, who="ana")
    assert status == 1, said
    assert "who asked for it cannot approve it" in said, "the same rules as in Slack"
    status, said = await _do(town, "approve", ident, who="raj")
    assert status == 0, said
    await shop.card("1.4.1", "production", ": done")
    assert await shop.runs("production") == "1.4.1"

    status, said = await _do(town, "--json", "where typed")
    assert status == 0
    told = json.loads(said)
    assert told["ok"] is True
    assert "typed/production" in told["text"]
    status, said = await town.shipmate("audit", "verify", "--config", str(town.folder / "shipmate.yaml"))
    assert status == 0, said


async def test_waiting_ends_with_how_it_ended(town):
    status, said = await _do(town, "--wait", "deploy waited@1.4.2 to production")
    assert status == 0, said
    status, said = await _do(town, "--wait", "deploy waited@1.5.0 to production")
    assert status == 1, said
    assert "rolled back to 1.4.2" in said
    assert "probe 500" in said


async def test_a_pipeline_may_do_what_its_account_is_granted(town):
    status, said = await _do(town, "--wait", "deploy piped@1.4.1 to staging", who="pipeline")
    assert status == 0, said
    status, said = await _do(town, "deploy typed@1.4.2 to staging", who="pipeline")
    assert status == 1
    assert "You may not deploy on typed/staging" in said


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("deploy", 2, "Usage: deploy"),
        ("depoly typed", 2, "Did you mean deploy?"),
        ("deploy typed@1.4.1 --dryrun", 2, "Did you mean --dry-run?"),
        ("deploy tiped@1.4.1 to staging", 1, "Did you mean typed?"),
        ("deploy typed@9.9.9 to staging", 1, "is no tag, branch or commit"),
        ("deploy typed@1.5.1 to production", 1, "must have succeeded on staging first"),
        ("help", 0, "deploy <service>"),
        ("deploys typed", 0, ""),
        ("take-over typed staging", 1, "not"),
    ],
)
async def test_the_exit_status_tells_what_came_of_it(town, text, status, says):
    lines: list[str] = []
    url = f"http://127.0.0.1:{town.ports['shipmate']}"
    got = await ask(text, url=url, token=town.token, say=lines.append)
    said = "\n".join(lines)
    assert got == status, said
    assert says in said


async def test_health_says_when_all_is_well_again(town):
    url = f"http://127.0.0.1:{town.ports['shipmate']}"

    async def well():
        lines: list[str] = []
        got = await ask("health", url=url, token=town.token, say=lines.append)
        return got == 0 and "All is well" in "\n".join(lines)

    await town.until(well, "all is well")  # another test may just have taken Slack away


async def test_a_wrong_token_and_a_server_that_is_not_there(town):
    (town.folder / "wrong.token").write_text(secrets.token_hex(16))
    status, said = await _do(town, "where", who="wrong")
    assert status == 1, said
    assert "This token opens nothing" in said
    status, said = await _do(town, "where", who="nobody")
    assert status == 2
    assert "nobody.token" in said
    lines: list[str] = []
    pauses: list[float] = []

    async def pause(seconds):
        pauses.append(seconds)

    nowhere = f"http://127.0.0.1:{free_port()}"
    assert await ask("where", url=nowhere, token=town.token, say=lines.append, pause=pause) == 3
    assert lines[-1].startswith(f"shipmate: no answer from {nowhere}")
    assert pauses == sorted(pauses), "it tries again, with patience"


async def test_with_slack_away_the_terminal_still_deploys(town):
    shop = Shop(town, "away")
    await town.control("away", on=True)
    try:
        status, said = await _do(town, "--wait", "deploy away@1.4.1 to staging")
    finally:
        await town.control("away", on=False)
    assert status == 0, said
    assert await shop.runs("staging") == "1.4.1"
