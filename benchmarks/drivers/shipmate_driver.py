"""Shipmate, whole, with a store and a local workspace of its own: `shipmate_driver.py FOLDER message|payload`.

`message` goes from the words of a mention to the answer, as the peers do, and decides whether the person may; `payload`
from Slack's payload of a slash command to the body of its acknowledgement, as Bolt does.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import taking
import town
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.app.composition import App
from bot.command import Call, Effect, Invocation, Trigger, arg, command
from bot.identity import Channel, Person
from bot.registry import Registry
from bot.reply import Reply, text


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoArgs:
    """What to say back."""

    words: Annotated[str, arg("what to say", rest=True)]


@command("echo", permission="extra.read", args=EchoArgs, effect=Effect.READ)
async def echo(call: Call, args: EchoArgs) -> Reply:
    """Say it back."""
    return text(args.words)


def commands(count: int) -> Registry:
    """Return the real commands, `echo`, and so many others that there are `count`, if that is more."""
    return Registry((*town.more_commands(count - 1).values(), echo))


def message(app: App, facts: town.Json):
    who = Person(enterprise="", team=facts["team"], user=facts["user"])
    where = Channel(enterprise="", team=facts["team"], channel=facts["channel"])

    async def one(number: int) -> None:
        invocation = Invocation(
            delivery_id=f"message-{number}", trigger=Trigger.MENTION, person=who, at=app.clock.now(),
            text=f"echo hello {number}", channel=where,
        )  # fmt: skip
        reply = await app.dispatcher.answer(invocation, app.dispatcher.parse(invocation))
        assert reply.summary == f"hello {number}", reply

    return one


def payload(app: App, facts: town.Json):
    body = {
        "token": "v", "team_id": facts["team"], "team_domain": "acme", "channel_id": facts["channel"],
        "channel_name": "checkout", "user_id": facts["user"], "user_name": "mia", "api_app_id": "A1",
        "is_enterprise_install": "false", "response_url": "http://127.0.0.1:9/response", "command": "/shipmate",
    }  # fmt: skip
    sent = iter(range(10**9))

    async def one(number: int) -> None:
        said = {**body, "text": f"echo hello {number}", "trigger_id": f"trigger-{next(sent)}"}
        response = await app.slack.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=said))
        assert f"hello {number}" in json.dumps(json.loads(response.body)), response.body

    return one


async def main(folder: Path, kind: str) -> None:
    registry = commands(taking.COMMANDS)
    async with town.running(folder, registry=registry) as (app, sandbox):
        one = {"message": message, "payload": payload}[kind](app, town.facts_of(app, sandbox))
        await taking.take(one, len(registry))


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
