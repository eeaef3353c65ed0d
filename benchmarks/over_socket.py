"""CPU and latency of a command over Socket Mode, among 200 commands, against Bolt alone: `over_socket.py [SECONDS]`.

One local workspace sends the same envelopes to Shipmate and to Bolt, each a process of its own, one at a time and a
hundred at once. Limit: at most an eighth of the CPU of Bolt with 200 commands and `process_before_response`.
"""

import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import town
from measuring import REPETITIONS, cpu_seconds, median, percentile, server, spread, verdict

from bot.sandbox import AppConfig
from bot.sandbox.delivery import Attempt, Delivery

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
AT_ONCE = (1, 100)
HERE = Path(__file__).parent
MANIFEST = {
    "display_information": {"name": "bolt"},
    "features": {
        "bot_user": {"display_name": "bolt"},
        "slash_commands": [{"command": "/echo", "description": "Say it back"}],
    },
    "oauth_config": {"scopes": {"bot": ["commands"]}},
    "settings": {"socket_mode_enabled": True},
}
"""Of Bolt's app; it has the same 200 commands in its code."""


async def load(sandbox: town.Sandbox, app, payload: town.Json, *, seconds: float, at_once: int) -> list[float]:
    """Send commands for so long, so many at a time, and return how many ms each acknowledgement took."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    numbers = itertools.count()

    async def send() -> None:
        while time.perf_counter() < end:
            number = next(numbers)
            body = {**payload, "trigger_id": f"{time.time_ns()}.{number}"}
            delivery = Delivery(f"D{number}", app.id, "slash_commands", "slash_commands", body, accepts_response=True)
            began = time.perf_counter()
            answer = await sandbox.platform.sockets.transmit(app, delivery, Attempt())
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status == "ok", answer

    await asyncio.gather(*(send() for _ in range(at_once)))
    return taken


async def connected(sandbox: town.Sandbox, app) -> None:
    async with asyncio.timeout(120):
        while True:
            if sandbox.platform.sockets.connected(app.id):
                return
            await asyncio.sleep(0.05)


def said(sandbox: town.Sandbox, command: str, text: str) -> town.Json:
    channel = next(one for one in sandbox.workspace.channels.values() if one.name == "checkout")
    return {
        "token": "v", "team_id": sandbox.workspace.team.id, "team_domain": "acme", "channel_id": channel.id,
        "channel_name": "checkout", "user_id": sandbox.workspace.user("mia", "user").id, "user_name": "mia",
        "command": command, "text": text, "api_app_id": "A1", "is_enterprise_install": "false",
        "response_url": "http://127.0.0.1:9/response",
    }  # fmt: skip


async def main() -> None:
    cpu, p50, p99 = defaultdict(list), defaultdict(list), defaultdict(list)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox, config = await stack.enter_async_context(town.workspace(folder / "town", town.Shape(mode="socket")))
        (ours,) = sandbox.platform.apps.installed.values()
        tokens = {"bot_token": "xoxb-benchmark-bolt-1", "app_token": "xapp-1-benchmark-bolt-1"}
        bolts = await sandbox.install(AppConfig(manifest=MANIFEST, mode="socket", signing_secret="s" * 32, **tokens))
        mine = await stack.enter_async_context(server(str(HERE / "shipmate_server.py"), str(config), "200"))
        bolt = await stack.enter_async_context(
            server(str(HERE / "bolt_server.py"), "pbr", "200", sandbox.api_url, *tokens.values())
        )
        variants = {
            "shipmate": (mine.pid, ours, said(sandbox, "/shipmate", "help")),
            "bolt, pbr": (bolt.pid, bolts, said(sandbox, "/echo", "hello")),
        }
        for _, app, _ in variants.values():
            await connected(sandbox, app)
        for repetition in range(REPETITIONS + 1):
            for at_once in AT_ONCE:
                for name, (pid, app, payload) in variants.items():
                    before = cpu_seconds(pid)
                    taken = await load(sandbox, app, payload, seconds=SECONDS if repetition else 0.5, at_once=at_once)
                    if repetition:
                        cpu[name, at_once].append((cpu_seconds(pid) - before) / len(taken) * 1e6)
                        p50[name, at_once].append(median(taken))
                        p99[name, at_once].append(percentile(taken, 0.99))
    print(f"{'200 commands':<14}{'at once':>8}{'CPU µs/envelope':>26}{'p50 ms':>26}{'p99 ms':>26}")
    for key, found in cpu.items():
        name, at_once = key
        print(f"{name:<14}{at_once:>8}{spread(found, '{:.0f}'):>26}{spread(p50[key]):>26}{spread(p99[key]):>26}")
    print()
    for at_once in AT_ONCE:
        pairs = zip(cpu["shipmate", at_once], cpu["bolt, pbr", at_once], strict=True)
        verdict(f"help / Bolt pbr, both among 200, {at_once} at once, CPU", [a / b for a, b in pairs], 0.125)


asyncio.run(main())
