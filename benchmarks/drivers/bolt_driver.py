"""Bolt alone: `bolt_driver.py pbr|stock`. From Slack's payload to the acknowledgement's body, without HTTP."""

import asyncio
import sys

import taking
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest

WHO = AuthorizeResult(enterprise_id=None, team_id="T1", bot_id="B1", bot_user_id="U0", bot_token="xoxb-1")
PAYLOAD = {
    "token": "v", "team_id": "T1", "team_domain": "acme", "channel_id": "C1", "channel_name": "general",
    "user_id": "U1", "user_name": "mia", "api_app_id": "A1", "is_enterprise_install": "false",
    "response_url": "https://hooks.slack.com/x", "command": "/echo",
}  # fmt: skip


async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    return WHO


async def main(kind: str) -> None:
    app = AsyncApp(signing_secret="x", authorize=authorize, process_before_response=kind == "pbr")

    async def answer(ack, command) -> None:
        await ack(command["text"])

    for number in range(taking.COMMANDS - 1):
        app.command(f"/other{number}")(answer)
    app.command("/echo")(answer)

    async def one(number: int) -> None:
        body = {**PAYLOAD, "text": f"hello {number}", "trigger_id": str(number)}
        response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        assert response.body == f"hello {number}", response.body

    await taking.take(one, taking.COMMANDS, slow=kind == "stock")


asyncio.run(main(sys.argv[1]))
