"""Instructions per request over signed HTTP, counted by callgrind: what no other load on the machine can change.

Limits: `help` at most 1.5 times Bolt with one command and `process_before_response`; `/where` at most 1.3 times
that plus its query run alone. over_http.py tells both in CPU time, too; ratios this small are lost in its spread. The
kernel's instructions are not counted. Needs valgrind; takes some minutes.
"""

import asyncio
import contextlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import aiohttp
from measuring import Server, command, server, verdict

HERE = Path(__file__).parent
REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
WARM = 40
QUERIES = 50 + 500 + 48 + 500
"""What shipmate_server.py runs when it is asked: see town.bare_query."""


class Counted:
    """A server under callgrind."""

    def __init__(self, run: Server, out: Path) -> None:
        self.run = run
        self._out = out

    async def control(self, flag: str) -> None:
        """Zero the counters ("-z") or write them down ("-d")."""
        process = await asyncio.create_subprocess_exec(
            "callgrind_control", flag, str(self.run.pid), stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0

    async def written(self) -> int:
        """Return the instructions since the counters were zeroed."""
        before = set(self._out.parent.glob(f"{self._out.name}*"))
        await self.control("-d")
        (new,) = set(self._out.parent.glob(f"{self._out.name}*")) - before
        return int(re.search(r"^(?:totals|summary): (\d+)", new.read_text(), re.MULTILINE)[1])

    async def requests(self, url: str, make, count: int) -> None:
        """Send so many requests, one at a time."""
        async with aiohttp.ClientSession() as session:
            for number in range(count):
                headers, body = make(number)
                async with session.post(url, data=body, headers=headers) as answer:
                    text = await answer.text()
                assert answer.status == 200, (answer.status, text[:300])
                assert text, "the answer came too late for the acknowledgement"

    async def each(self, url: str, make) -> float:
        """Return the instructions of one request."""
        await self.requests(url, make, WARM)
        await self.control("-z")
        await self.requests(url, make, REQUESTS)
        return await self.written() / REQUESTS


@contextlib.asynccontextmanager
async def counted(folder: Path, name: str, *argv: str):
    """Run a server of ours under callgrind."""
    out = folder / f"{name}.out"
    under = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]
    async with server(*argv, under=under, patience=600) as run:
        yield Counted(run, out)


async def main() -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        async with counted(folder, "bolt", str(HERE / "bolt_server.py"), "pbr", "1") as bolt:
            floor = await bolt.each(bolt.run.line, lambda n: command("help", n))
        async with counted(folder, "ours", str(HERE / "shipmate_server.py"), str(folder / "town"), "200") as ours:
            facts = json.loads(ours.run.line)
            who = {"user": facts["user"], "team": facts["team"], "channel": facts["channel"]}
            help_ = await ours.each(facts["url"], lambda n: command("help", n, **who))
            where = await ours.each(facts["url"], lambda n: command("svc1", n, name="/where", **who))
            await ours.control("-z")
            await ours.run.ask(patience=600)
            query = await ours.written() / QUERIES
    for name, value in (("bolt, pbr", floor), ("help of 200", help_), ("where of 200", where), ("its query", query)):
        print(f"{name:<16}{value / 1e6:8.2f} million instructions")
    verdict("help among 200 commands / Bolt pbr, instructions", [help_ / floor], 1.5)
    verdict("where / (Bolt pbr + query alone), instructions", [where / (floor + query)], 1.3)


if shutil.which("valgrind") is None:
    sys.exit("valgrind is not on PATH: install it, or use over_http.py")
asyncio.run(main())
