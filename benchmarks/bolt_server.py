"""Bolt alone, the reference: `bolt_server.py pbr|stock COMMANDS`. Prints the URL it listens on."""

import asyncio
import sys

from aiohttp import web
from measuring import SECRET
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult


async def main(kind: str, commands: int) -> None:
    who = AuthorizeResult(enterprise_id=None, team_id="T1", bot_id="B1", bot_user_id="U0", bot_token="xoxb-1")

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return who

    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=kind == "pbr")

    async def answer(ack) -> None:
        await ack("ok")

    for number in range(commands - 1):
        app.command(f"/other{number}")(answer)
    app.command("/shipmate")(answer)
    runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
