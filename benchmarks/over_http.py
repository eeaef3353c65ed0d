"""CPU and latency of commands over signed HTTP, against Bolt alone.

Limits: `help` at most 1.5 times the CPU of Bolt with one command and `process_before_response`; `/where` at most 1.3
times that plus its query run alone; `help` among 200 commands at most an eighth of Bolt with 200; the p50 of both at
most a tenth of Bolt's as shipped; 1,000 commands at most 1.1 times one.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
from pathlib import Path

from measuring import LATE, REPETITIONS, command, cpu_seconds, load, median, percentile, server, spread, verdict

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
AT_ONCE = 4


def tell(cpu, p50, p99, query, query_of_four) -> None:
    """Print the table and how the limits are kept."""
    print(f"{'variant':<16}{'CPU µs/request':>26}{'p50 ms, one at a time':>26}{'p99 ms':>22}")
    for name in cpu:
        print(f"{name:<16}{spread(cpu[name], '{:.0f}'):>26}{spread(p50[name]):>26}{spread(p99[name]):>22}")
    print(f"the query of /where run alone: {spread(query, '{:.0f}')} µs of CPU; four at a time, as under this load: "
          f"{spread(query_of_four, '{:.0f}')} µs")  # fmt: skip
    print(f"answers that came too late for the acknowledgement: {len(LATE)}\n")

    def ratio(top: str, bottom: str, values=cpu, plus=(0.0,) * REPETITIONS) -> list[float]:
        return [a / (b + c) for a, b, c in zip(values[top], values[bottom], plus, strict=True)]

    verdict("help among 200 commands / Bolt pbr, CPU", ratio("help of 200", "bolt, pbr"), 1.5)
    verdict("where / (Bolt pbr + query alone), CPU", ratio("where of 200", "bolt, pbr", plus=query), 1.3)
    verdict("the same, query four at a time", ratio("where of 200", "bolt, pbr", plus=query_of_four), 1.3)
    verdict("help among 200 commands / Bolt pbr with 200, CPU", ratio("help of 200", "bolt, pbr, 200"), 0.125)
    verdict("help / Bolt as shipped, p50", ratio("help of 200", "bolt, stock", p50), 0.1)
    verdict("where / Bolt as shipped, p50", ratio("where of 200", "bolt, stock", p50), 0.1)
    verdict("help among 1000 commands / among the fewest, CPU", ratio("help of 1000", "help of 1"), 1.1)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            here = Path(__file__).parent
            bolt, of_200, stock = [
                await stack.enter_async_context(server(str(here / "bolt_server.py"), kind, count))
                for kind, count in (("pbr", "1"), ("pbr", "200"), ("stock", "1"))
            ]
            ours = {}
            for count in (1, 200, 1000):
                run = await stack.enter_async_context(
                    server(str(here / "shipmate_server.py"), f"{folder}/{count}", str(count))
                )
                ours[count] = (run, json.loads(run.line))

            def said(count: int, text: str, name: str = "/shipmate"):
                facts = ours[count][1]
                who = {"user": facts["user"], "team": facts["team"], "channel": facts["channel"]}
                return ours[count][0].pid, facts["url"], lambda n: command(text, n, name=name, **who)

            variants = {
                "bolt, pbr": (bolt.pid, bolt.line, lambda n: command("help", n)),
                "bolt, pbr, 200": (of_200.pid, of_200.line, lambda n: command("help", n)),
                "bolt, stock": (stock.pid, stock.line, lambda n: command("help", n)),
                "help of 200": said(200, "help"),
                "where of 200": said(200, "svc1", "/where"),
                "help of 1": said(1, "help"),
                "help of 1000": said(1000, "help"),
            }
            cpu: dict[str, list[float]] = {name: [] for name in variants}
            p50: dict[str, list[float]] = {name: [] for name in variants}
            p99: dict[str, list[float]] = {name: [] for name in variants}
            query: list[float] = []
            query_of_four: list[float] = []
            for repetition in range(REPETITIONS + 1):
                for name, (pid, url, make) in variants.items():
                    seconds = 1.0 if repetition == 0 else SECONDS
                    before = cpu_seconds(pid)
                    taken = await load(url, make, seconds=seconds, at_once=AT_ONCE)
                    used = (cpu_seconds(pid) - before) / len(taken) * 1e6
                    alone = await load(url, make, seconds=min(seconds, 1.0), at_once=1)
                    if name == "where of 200":
                        price, price_of_four = map(float, (await ours[200][0].ask()).split())
                    if repetition:
                        cpu[name].append(used)
                        p50[name].append(median(alone))
                        p99[name].append(percentile(alone, 0.99))
                if repetition:
                    query.append(price)
                    query_of_four.append(price_of_four)
            tell(cpu, p50, p99, query, query_of_four)


asyncio.run(main())
