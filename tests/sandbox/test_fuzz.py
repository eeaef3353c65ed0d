"""Whatever is sent, the answer is one that Slack or the control API could give: never a traceback."""

import copy
import json
import random
from typing import Any

import aiohttp
import pytest

from bot.sandbox.blockkit import message_blocks
from bot.sandbox.call import METHODS
from bot.sandbox.control import POSTS
from bot.sandbox.elements import action_object, carried_over, initial_values, placed_elements
from bot.sandbox.errors import ControlError, SlackError
from tests.sandbox import test_block_kinds, test_block_kit
from tests.sandbox.manifests import manifest

_NAMES = [
    "channel",
    "text",
    "blocks",
    "attachments",
    "metadata",
    "thread_ts",
    "ts",
    "timestamp",
    "message_ts",
    "name",
    "user",
    "users",
    "user_id",
    "view",
    "view_id",
    "trigger_id",
    "hash",
    "limit",
    "cursor",
    "types",
    "files",
    "filename",
    "length",
    "channel_id",
    "email",
    "bot",
    "team",
    "usergroup",
    "topic",
    "oldest",
    "latest",
    "inclusive",
    "username",
    "file",
]
_FIELDS = [
    "user",
    "channel",
    "text",
    "thread_ts",
    "command",
    "ts",
    "action_id",
    "block_id",
    "value",
    "name",
    "remove",
    "view_id",
    "values",
    "close",
    "clear",
    "callback_id",
    "tab",
    "type",
    "members",
    "private",
    "kind",
    "times",
    "method",
    "reason",
]
_WORDS = [
    "", "x", "mia", "checkout", "#checkout", "@ferry", "/ship", "-1", "1.0", "1700000000.000100", "modal", "home", "{}",
    "[]", "{", "null", "\x00", "🚀", "a" * 4000, "eyes", "message", "next:0", "im",
]  # fmt: skip


def anything(dice: random.Random, depth: int = 0) -> Any:
    """Return some JSON value."""
    kind = dice.randrange(9 if depth < 3 else 5)
    if kind < 3:
        return dice.choice(_WORDS)
    if kind == 3:
        return dice.choice([None, True, False, 0, -1, 10**12, 1.5])
    if kind == 4:
        return dice.choice([[], {}])
    if kind < 7:
        return [anything(dice, depth + 1) for _ in range(dice.randrange(3))]
    keys = ["type", "text", "blocks", "elements", "element", "id", "title", "event_type", "event_payload", "x"]
    return {dice.choice(keys): anything(dice, depth + 1) for _ in range(dice.randrange(4))}


def arguments(dice: random.Random, names: list[str], known: dict[str, str]) -> dict[str, Any]:
    """Return some arguments; known ids come up often, so that calls get past the first check."""
    made = {dice.choice(names): anything(dice) for _ in range(dice.randrange(6))}
    return {name: value for name, value in known.items() if dice.random() < 0.7} | made


@pytest.mark.parametrize("how", ["json", "form"])
async def test_web_api(desk, installed, how):
    dice = random.Random(f"web {how}")  # noqa: S311 - the same calls every time
    workspace = desk.sandbox.workspace
    sent = await desk.post("messages", user="mia", channel="checkout", text="hello")
    known = {"channel": workspace.find_channel("checkout").id, "user": workspace.find_user("mia").id, "text": "hello"}
    known |= {"ts": sent["ts"], "timestamp": sent["ts"], "name": "eyes"}
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            method = dice.choice(sorted(METHODS))
            sending = arguments(dice, _NAMES, known)
            token = installed.app_token if METHODS[method].app_token else installed.bot_token
            if how == "form":
                sending = {
                    key: value if isinstance(value, str) else json.dumps(value) for key, value in sending.items()
                }
            kwargs: dict[str, Any] = {"json": sending} if how == "json" else {"data": sending}
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post(desk.sandbox.api_url + method, headers=headers, **kwargs) as response:
                assert response.status == 200, (method, sending)
                answer = await response.json()
                assert answer["ok"] or isinstance(answer["error"], str), (method, sending)


async def test_control_api(desk, installed):
    dice = random.Random("control")  # noqa: S311 - the same calls every time
    known = {"user": "mia", "channel": "checkout", "text": "hello", "command": "/ship", "name": "eyes"}
    known["ts"] = (await desk.post("messages", user="mia", channel="checkout", text="hello"))["ts"]
    known["app"] = "Ferry"
    names = sorted(set(POSTS) - {"away", "uninstall"})
    async with aiohttp.ClientSession() as session:
        for _ in range(900):
            name = dice.choice(names)
            allowed = sorted(POSTS[name][1]) or _FIELDS
            sending = {key: value for key, value in arguments(dice, allowed, known).items() if key in allowed}
            async with session.post(f"{desk.sandbox.url}/_sandbox/{name}", json=sending) as response:
                assert response.status in {200, 400}, (name, sending, await response.text())


async def test_manifests(desk):
    dice = random.Random("manifest")  # noqa: S311 - the same calls every time
    for _ in range(200):
        made = manifest()
        place: Any = made
        while isinstance(place, dict) and place and dice.random() < 0.7:
            key = dice.choice(sorted(place))
            if not isinstance(place[key], dict):
                place[key] = anything(dice)
                break
            place = place[key]
        else:
            if isinstance(place, dict):
                place[dice.choice(["name", "bot", "request_url", "x"])] = anything(dice)
        url = f"{desk.sandbox.url}/_sandbox/apps"
        async with aiohttp.ClientSession() as session, session.post(url, json={"manifest": made}) as response:
            assert response.status in {200, 400}, (made, await response.text())


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, one in inside for place in places(one, (*path, key)))]


def test_blocks_that_pass_can_be_used():
    """Whatever is left out of a good block or changed in it: it is refused, or people can act on it."""
    dice = random.Random("blocks")  # noqa: S311 - the same blocks every time
    taken, refused = 0, 0
    for _ in range(3000):
        block = copy.deepcopy(dice.choice([*test_block_kit.TAKEN, *test_block_kinds.TAKEN]))
        *way, last = dice.choice(places(block))
        parent: Any = block
        for key in way:
            parent = parent[key]
        if dice.random() < 0.3:
            del parent[last]
        else:
            parent[last] = dice.choice([anything(dice), dice.choice(_WORDS), {"type": "plain_text", "text": "x"}])
        try:
            blocks = message_blocks([block])
        except SlackError as error:
            assert error.code == "invalid_blocks"  # noqa: PT017 - both outcomes are right
            refused += 1
            continue
        taken += 1
        carried_over(initial_values(blocks), blocks)
        for placed in placed_elements(blocks):
            for plain in (None, "v", ["v"], 5, {"value": "v"}):
                try:
                    action_object(placed, plain, "1.0")
                except ControlError as error:
                    assert error.message.startswith("value: ")  # noqa: PT017 - both outcomes are right
    assert min(taken, refused) > 300
