"""How long people wait for a reply while 1,000 edits of machines are queued and Slack's rate limits are strict.

A thousand cards in twenty channels end at once. Meanwhile somebody locks a place every two seconds and waits for the
answer (through the outbox, to the response URL), and a card that a person acted on is edited. What is timed: from the
command to the answer, and from the commit to the edit that arrives. The limit: p99 under 2 s, for both.
`bad_days.py [ACTS [CARDS]]`; sixty acts take two minutes, after as long for the cards.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import town
from measuring import percentile, verdict

from bot.app.composition import App
from bot.identity import Channel
from bot.reply import Markup, Message, Paragraph
from bot.sandbox import Sandbox
from bot.slack.pacing import Pacing

ACTS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
CARDS, ROOMS, AT_ONCE = int(sys.argv[2]) if len(sys.argv) > 2 else 1000, 20, 50
EVERY = 2.0  # seconds between two acts
LIMIT = 2.0


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shape = town.Shape(mode="socket", services=ACTS)
        async with (
            town.running(Path(folder) / "town", shape=shape) as (app, sandbox),
            aiohttp.ClientSession() as http,
        ):
            rooms = await made(app, sandbox, http)
            app.slack.sender.pacing = Pacing(post_every=0.001, post_burst=1000)  # they are made as fast as they can
            sandbox.platform.limits.switch("off")
            await show(app, rooms, "under way")
            await app.slack.connection.usable.wait()
            while await app.slack.outbox.waiting():  # noqa: ASYNC110 - rows, which no event tells of
                await asyncio.sleep(0.1)
            app.slack.sender.pacing = Pacing()
            sandbox.platform.limits.switch("strict")
            await show(app, rooms, "done", final=True)
            answers, edits = [], []
            for number in range(ACTS):
                began = time.perf_counter()
                answers.append(await answered(sandbox, http, number))
                edits.append(await edited(app, sandbox, rooms[-1], number))
                await asyncio.sleep(max(0.0, EVERY - (time.perf_counter() - began)))
            left = await app.slack.outbox.waiting()
            async with http.get(f"{sandbox.url}/_sandbox/wire", params={"limit": 1000}) as told:
                wire = (await told.json())["exchanges"]
            limited = sum(one.get("http_status") == 429 for one in wire)
    assert left > CARDS // 2, f"only {left} edits were still queued: nobody had to be overtaken"
    print(f"{ACTS} acts while {CARDS} to {left} edits of machines were queued; {limited} calls were told to wait\n")
    verdict("from a command to its answer, p99, s", [percentile(answers, 0.99)], LIMIT)
    verdict("from a decision to the edit of its card, p99, s", [percentile(edits, 0.99)], LIMIT)
    print(f"  p50: {percentile(answers, 0.5):.3f} s and {percentile(edits, 0.5):.3f} s")


async def made(app: App, sandbox: Sandbox, http: aiohttp.ClientSession) -> list[Channel]:
    """Make the channels, with the bot in them."""
    rooms = []
    for number in range(ROOMS):
        wanted = {"name": f"room{number:02}", "members": ["mia", "shipmate"]}
        async with http.post(f"{sandbox.url}/_sandbox/channels", json=wanted) as told:
            assert told.status == 200, await told.text()
        found = sandbox.workspace.find_channel(wanted["name"])
        assert found is not None
        rooms.append(app.slack.directory.here(found.id))
    return rooms


def card(words: str) -> Message:
    """Return a message of these words."""
    return Message(summary=words, parts=(Paragraph(Markup(words)),))


async def show(app: App, rooms: list[Channel], words: str, *, final: bool = False) -> None:
    """Have every card say this, some at a time."""
    for start in range(0, CARDS, AT_ONCE):
        async with app.store.write() as tx:
            for number in range(start, start + AT_ONCE):
                where = rooms[number % ROOMS]
                await app.slack.outbox.show(tx, f"M-{number}", where, card(f"{number} {words}"), final=final)
    if not final:
        async with app.store.write() as tx:
            await app.slack.outbox.show(tx, "M-human", rooms[-1], card("asked"), urgent=True)


async def answered(sandbox: Sandbox, http: aiohttp.ClientSession, number: int) -> float:
    """Lock a place and return the seconds until the answer is there."""
    channel = sandbox.workspace.find_channel("checkout")
    assert channel is not None
    typed = {"user": "mia", "channel": "checkout", "command": "/shipmate", "text": f"lock svc{number} staging --for 1h"}
    began = time.perf_counter()
    async with http.post(f"{sandbox.url}/_sandbox/commands", json=typed) as told:
        assert told.status == 200, await told.text()
    while not any(f"svc{number}/staging" in one.text for one in reversed(list(channel.messages.values()))):
        await asyncio.sleep(0.005)
        assert time.perf_counter() - began < 120, f"no answer to {typed['text']}"
    return time.perf_counter() - began


async def edited(app: App, sandbox: Sandbox, room: Channel, number: int) -> float:
    """Change the card that a person acted on and return the seconds until it is edited."""
    began, words = time.perf_counter(), f"decided {number}"
    async with app.store.write(urgent=True) as tx:
        await app.slack.outbox.show(tx, "M-human", room, card(words), urgent=True)
    messages = sandbox.workspace.channels[room.channel].messages
    while not any(one.text == words for one in reversed(list(messages.values()))):
        await asyncio.sleep(0.005)
        assert time.perf_counter() - began < 120, f"{words} was not edited"
    return time.perf_counter() - began


asyncio.run(main())
