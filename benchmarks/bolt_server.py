"""Bolt alone, the reference: `bolt_server.py pbr|stock COMMANDS [API_URL BOT_TOKEN APP_TOKEN]`.

Prints the URL it listens on; with an API's URL and tokens it uses Socket Mode, and prints that it is connected.
"""

import asyncio
import sys

from aiohttp import web
from measuring import SECRET
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient


def made(kind: str, commands: int, client: AsyncWebClient | None = None) -> AsyncApp:
    who = AuthorizeResult(enterprise_id=None, team_id="T1", bot_id="B1", bot_user_id="U0", bot_token="xoxb-1")

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return who

    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=kind == "pbr", client=client)

    async def answer(ack) -> None:
        await ack("ok")

    for number in range(commands - 1):
        app.command(f"/other{number}")(answer)
    app.command("/echo" if client else "/shipmate")(answer)
    return app


async def over_http(app: AsyncApp) -> None:
    runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events", flush=True)
    await asyncio.Event().wait()


async def over_socket(app: AsyncApp, app_token: str) -> None:
    await AsyncSocketModeHandler(app, app_token).connect_async()
    print("connected", flush=True)
    await asyncio.Event().wait()


async def main(kind: str, commands: int, api_url: str = "", *tokens: str) -> None:
    if not api_url:
        await over_http(made(kind, commands))
        return
    bot_token, app_token = tokens
    client = AsyncWebClient(token=bot_token, base_url=api_url)
    await over_socket(made(kind, commands, client), app_token)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
