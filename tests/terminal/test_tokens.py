"""Service tokens: kept as a hash, narrowed, ending, and noted when used."""

from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from bot.app.tokens import ending, new_token
from bot.command import Invocation
from bot.settings import Settings
from bot.settings.tokens import Terminal as TerminalSettings, Token
from bot.terminal.tokens import last_uses, minted
from tests.terminal.conftest import MIAS, TOKENS, Door

MADE = minted()


def with_tokens(door: Door, *tokens: Token) -> None:
    door.terminal.tokens.settings = TerminalSettings(tokens=tokens)


def ci(**more) -> Token:
    return Token(name="ci", account="ci", secret_hash=MADE.sha256, **more)


async def test_a_token_that_is_kept_as_a_hash_opens_the_door(door: Door):
    with_tokens(door, ci())
    assert await door.do("deploy checkout to production", token=MADE.secret) == 0
    assert await door.do("deploy checkout to production", token=MADE.sha256) == 1, "the hash itself opens nothing"
    assert "opens nothing" in door.said[-1]
    assert (await door.yard.entries())[0].data["via"] == "token:ci"


async def test_a_token_ends(door: Door):
    with_tokens(door, ci(expires=door.yard.clock.now() + timedelta(hours=1)))
    assert await door.do("deploy checkout to staging", token=MADE.secret) == 0
    door.yard.clock.moment += timedelta(hours=1)
    status, answer = await door.post({"text": "deploy checkout to staging"}, token=MADE.secret)
    assert (status, answer["code"]) == (401, "bad_token")


@pytest.mark.parametrize(
    ("scope", "text", "allowed"),
    [
        ({"allow": ("deployment.start",)}, "deploy checkout to production", True),
        ({"allow": ("deployment.*",), "services": ("checkout",)}, "deploy checkout to production", True),
        ({"allow": ("deployment.approve",)}, "deploy checkout to production", False),
        ({"services": ("search",)}, "deploy checkout to production", False),
        ({"environments": ("staging",)}, "deploy checkout to production", False),
        ({"environments": ("staging",)}, "deploy checkout to staging", True),
        ({"allow": ("deployment.start",)}, "help", True),
    ],
    ids=str,
)
async def test_a_token_may_be_used_for_what_it_names_alone(door: Door, scope, text, allowed):
    with_tokens(door, ci(**scope))
    status, answer = await door.post({"text": text}, token=MADE.secret)
    assert status == 200
    assert answer["ok"] is allowed, answer["text"]
    if not allowed:
        assert answer["code"] == "token_scope"
        assert "the token ci is not for deployment.start here" in answer["text"]
        assert [(one.outcome, one.data["via"]) for one in await door.yard.entries()] == [("refused", "token:ci")]


async def test_a_token_never_adds_a_right(door: Door):
    with_tokens(door, ci(allow=("*",)))
    assert await door.do("where checkout", token=MADE.secret) == 1
    assert "service.read" in door.said[-1]


async def test_what_was_asked_with_a_token_that_was_taken_away_is_not_done(door: Door, monkeypatch):
    asked: list[Invocation] = []
    accept = door.yard.dispatcher.accept

    async def kept(invocation):
        asked.append(invocation)
        return await accept(invocation)

    monkeypatch.setattr(door.yard.dispatcher, "accept", kept)
    with_tokens(door, ci())
    assert await door.do("deploy checkout to staging", token=MADE.secret) == 0
    with_tokens(door)
    outcome = await door.yard.dispatcher.run(asked[0])
    assert outcome.reply.code == "token_scope"
    assert "opens nothing any more" in outcome.reply.summary


async def test_when_a_token_was_last_used_is_known_to_the_minute(door: Door):
    began = door.yard.clock.now()
    assert await last_uses(door.yard.store) == {}
    await door.do("where checkout", token=MIAS)
    door.yard.clock.moment += timedelta(seconds=30)
    await door.do("where checkout", token=MIAS)
    assert await last_uses(door.yard.store) == {"mia-laptop": began}
    door.yard.clock.moment += timedelta(seconds=31)
    await door.do("where checkout", token=MIAS)
    assert await last_uses(door.yard.store) == {"mia-laptop": began + timedelta(seconds=61)}


def test_a_new_token_is_shown_once_with_the_lines_for_the_configuration(door_clock):
    said: list[str] = []
    scope = [("allow", ["deployment.start", "*.read"]), ("services", [])]
    new_token("ci", "account: ci", door_clock, said.append, days=90, scope=scope)
    text = "\n".join(said)
    secret = said[0].split()[-1]
    assert text.count(secret) == 1
    assert len(secret) > 40
    assert 'allow: [deployment.start, "*.read"]' in text
    assert "services" not in text
    assert "expires: 20" in text
    with pytest.raises(ValueError, match="days"):
        new_token("ci", "account: ci", door_clock, said.append, days=0, scope=())


def test_tokens_that_end_soon_are_told(door_clock):
    now = door_clock.now()
    ends = {"over": timedelta(0), "soon": timedelta(days=14), "later": timedelta(days=15)}
    tokens = [ci(expires=now + after).model_copy(update={"name": name}) for name, after in ends.items()]
    settings = Settings(terminal=TerminalSettings(tokens=(*tokens, ci())))
    told = list(ending(settings, door_clock))
    assert [line.split(":")[0] for line in told] == ["token over ended 2026-03-01", "token soon ends 2026-03-15"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": "ci"},
        {"account": "ci", "secret": SecretStr("x" * 20), "secret_hash": "0" * 64},
        {"account": "ci", "secret_hash": "abc"},
        {"account": "ci", "person": "mia", "secret_hash": "0" * 64},
        {"account": "ci", "secret_hash": "0" * 64, "allow": ()},
        {"account": "ci", "secret_hash": "0" * 64, "expires": "soon"},
    ],
    ids=str,
)
def test_tokens_that_are_none(wrong):
    with pytest.raises(ValidationError):
        Token(name="ci", **wrong)


def test_a_plain_token_is_not_narrowed():
    assert not any(one.narrowed for one in TOKENS.tokens)
