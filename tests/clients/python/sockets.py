"""Answer over one of slack_sdk's four Socket Mode clients, which VARIANT names, as slack_sdk's guide shows it."""

import asyncio
import importlib
import os
from threading import Event

from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient
from slack_sdk.web.async_client import AsyncWebClient

VARIANT = os.environ["VARIANT"]
TOKEN, URL = os.environ["SLACK_BOT_TOKEN"], os.environ["SLACK_API_URL"]
SocketModeClient = importlib.import_module(f"slack_sdk.socket_mode.{VARIANT}").SocketModeClient


def answer(request):
    """Return what to acknowledge with, and the channel and text to post, if any."""
    if request.type == "slash_commands":
        return {"text": f"{VARIANT}: {request.payload['text']}"}, None
    event = request.payload.get("event", {})
    if event.get("type") == "message" and event.get("text") == "ping":
        return None, {"channel": event["channel"], "thread_ts": event["ts"], "text": f"pong from {VARIANT}"}
    return None, None


def blocking():
    """Run one of the clients that keep threads."""

    def listen(client, request):
        body, message = answer(request)
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=body))
        if message:
            client.web_client.chat_postMessage(**message)

    client = SocketModeClient(os.environ["SLACK_APP_TOKEN"], web_client=WebClient(TOKEN, base_url=URL))
    client.socket_mode_request_listeners.append(listen)
    client.connect()
    Event().wait()


async def waiting():
    """Run one of the clients that live in an event loop."""

    async def listen(client, request):
        body, message = answer(request)
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=body))
        if message:
            await client.web_client.chat_postMessage(**message)

    client = SocketModeClient(os.environ["SLACK_APP_TOKEN"], web_client=AsyncWebClient(TOKEN, base_url=URL))
    client.socket_mode_request_listeners.append(listen)
    await client.connect()
    await asyncio.Event().wait()


if __name__ == "__main__":
    if VARIANT in {"builtin", "websocket_client"}:
        blocking()
    else:
        asyncio.run(waiting())
