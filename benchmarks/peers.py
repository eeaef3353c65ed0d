"""Shipmate, Bolt alone, Errbot, Opsdroid and Hubot side by side: a command, a start, memory; among 1 and 200 commands.

Each peer is started by its own launcher, with an adapter of ours (`drivers/`) that says messages to it in its own
process: from the message to the answer, no network, no signature. Shipmate does so twice: from the words of a mention
to the answer, as the peers do, and from Slack's payload to the body of the acknowledgement, as Bolt does. Its start and
its memory are those of `shipmate serve` with a workspace beside it, to the first command that is answered there.

Limits, among 200 commands: at most the CPU per command of Errbot (half of it is what we would like), and an eighth of
Bolt's. `peers.py [REPETITIONS]`; tools/clients.py installs the peers, and who cannot be installed is named.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import start
import town
from measuring import REPETITIONS, ROOT, cpu_seconds, memory_mib, spread, verdict, with_bytecode

from bot.demo.surroundings import free_port

DRIVERS = Path(__file__).with_name("drivers")
COUNTS = (1, 200)
WANTED = {"errbot": "python", "opsdroid": "opsdroid", "hubot": "hubot"}
Row = Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """One peer among so many commands: how it is started, where, and with what in its environment."""

    name: str
    argv: Sequence[str]
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    starts: bool = True  # False: what it does at a start is not what its users would see


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def errbot(program: str, _place: Path, folder: Path, count: int) -> list[Case]:
    others = "".join(
        f"    @botcmd\n    def other{n}(self, msg, args):\n        return 'no'\n" for n in range(count - 1)
    )
    write(
        folder,
        {
            "plugins/echo/echo.plug": "[Core]\nName = Echo\nModule = echo\n[Python]\nVersion = 3\n",
            "plugins/echo/echo.py": "from errbot import BotPlugin, botcmd\n\nclass Echo(BotPlugin):\n    @botcmd\n"
            f"    def echo(self, msg, args):\n        return args\n{others}",
        },
    )
    cases = []
    for name, threads in (("errbot", "yes"), ("errbot, no threads", "no")):
        data = folder / f"data-{threads}"
        data.mkdir()
        environ = {
            "BENCHMARK_PLUGINS": str(folder / "plugins"),
            "BENCHMARK_DATA": str(data),
            "BENCHMARK_THREADS": threads,
        }
        cases.append(
            Case(name, [program, "-m", "errbot.cli", "-c", str(DRIVERS / "errbot/config.py")], folder, environ)
        )
    return cases


def opsdroid(program: str, _place: Path, folder: Path, count: int) -> list[Case]:
    skill = "@match_regex(r'{0} (.*)')\nasync def {0}(opsdroid, config, message):\n    await message.respond({1})\n"
    others = "".join(skill.format(f"other{n}", "'no'") for n in range(count - 1))
    write(
        folder,
        {
            "skill.py": "from opsdroid.matchers import match_regex\n\n"
            + others
            + skill.format("echo", "message.regex.group(1)"),
            "config.yaml": "logging: {level: error, console: true, path: false}\nwelcome-message: false\n"
            "web: {host: 127.0.0.1, port: 0}\n"
            f"connectors: {{measured: {{path: {DRIVERS}/opsdroid/connector.py}}}}\n"
            f"skills: {{echo: {{path: {folder}/skill.py}}}}\n",
        },
    )
    argv = [str(Path(program).with_name("opsdroid")), "start", "-f", str(folder / "config.yaml")]
    return [Case("opsdroid", argv, folder, {"XDG_DATA_HOME": str(folder)})]


def hubot(program: str, place: Path, folder: Path, count: int) -> list[Case]:
    listens = "  robot.respond(/{0} (.*)$/i, async res => {{ await res.send({1}) }})\n"
    others = "".join(listens.format(f"other{n}", "'no'") for n in range(count - 1))
    echo = listens.format("echo", "res.match[1]")
    write(
        folder,
        {
            "package.json": '{"type": "module"}',
            "Measured.mjs": (DRIVERS / "hubot/Measured.mjs").read_text(),
            "scripts/echo.mjs": f"export default async robot => {{\n{others}{echo}}}\n",
        },
    )
    (folder / "node_modules").symlink_to(place / "node_modules")
    argv = [program, "node_modules/hubot/bin/Hubot.mjs", "-f", str(folder / "Measured.mjs"), "-d"]
    return [Case("hubot", argv, folder, {"HUBOT_LOG_LEVEL": "error"})]


def of_ours(folder: Path, count: int) -> list[Case]:
    """Return Bolt's and Shipmate's cases: they run in this environment."""
    shipmate = [sys.executable, str(DRIVERS / "shipmate_driver.py"), str(folder / "town")]
    bolt = [sys.executable, str(DRIVERS / "bolt_driver.py")]
    return [
        Case("shipmate", [*shipmate, "message"], ROOT, starts=False),
        Case("shipmate, from Slack's payload", [*shipmate, "payload"], ROOT, starts=False),
        Case("bolt, process_before_response", [*bolt, "pbr"], ROOT),
        Case("bolt as shipped", [*bolt, "stock"], ROOT),
    ]


async def measured(case: Case, count: int, environ: Mapping[str, str], errors: Path) -> Row:
    """Start a peer, wait for its first answer, have it measure itself, and return all figures."""
    inside = {
        **environ, "HOME": str(case.folder), "PYTHONPATH": f"{DRIVERS}{os.pathsep}{ROOT}",
        "BENCHMARK_COMMANDS": str(count), **case.environ,
    }  # fmt: skip
    began = time.perf_counter()
    with errors.open("w") as said:
        process = await asyncio.create_subprocess_exec(
            *case.argv, cwd=case.folder, env=inside, stderr=said,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
    try:
        async with asyncio.timeout(300):
            await line_of(process, b"first", errors)
            row = {
                "seconds": time.perf_counter() - began,
                "cpu": cpu_seconds(process.pid),
                "mib": memory_mib(process.pid),
            }
            process.stdin.write(b"\n")
            told = json.loads(await line_of(process, b"{", errors))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    own = {f"{way}_{name}": value for way in ("alone", "together") for name, value in told[way].items()}
    return {**(row if case.starts else {}), **own, "registered": told["registered"]}


async def line_of(process: asyncio.subprocess.Process, begins: bytes, errors: Path) -> bytes:
    while not (line := await process.stdout.readline()).startswith(begins):
        if not line:
            raise SystemExit(f"a peer ended before it answered: {errors.read_text()[-2000:]}")
    return line


async def served(folder: Path, environ: dict[str, str]) -> Row:
    """Return the start and the memory of `shipmate serve`."""
    port = free_port()
    async with town.workspace(folder, town.Shape(mode="socket", port=port)) as (sandbox, config):
        cpu, mib, seconds, _ = await start.shipmate(sandbox, config, port, environ)
    return {"seconds": seconds, "cpu": cpu, "mib": mib}


async def installed() -> dict[str, dict[str, str]]:
    """Return where each peer is, installing it where it is not, or why it cannot be had."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "tools/clients.py"), "ensure", *sorted(set(WANTED.values())),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    found = json.loads((await process.communicate())[0])
    return {name: found[kind] for name, kind in WANTED.items()}


async def versions(places: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return name and version of all that is measured."""
    told = [f"{name} {metadata.version(name)}" for name in ("shipmate", "slack-bolt")]
    for name, place in places.items():
        if "skip" in place:
            told.append(f"{name}: not measured: {place['skip']}")
        elif name == "hubot":
            package = json.loads((Path(place["path"]) / "node_modules/hubot/package.json").read_text())
            told.append(f"hubot {package['version']}")
        else:
            code = f"from importlib import metadata; print(metadata.version({name!r}))"
            process = await asyncio.create_subprocess_exec(place["program"], "-c", code, stdout=asyncio.subprocess.PIPE)
            told.append(f"{name} {(await process.communicate())[0].decode().strip()}")
    return told


def cases(places: Mapping[str, Mapping[str, str]], folder: Path, count: int) -> list[Case]:
    """Return all cases of one repetition among so many commands; `folder` is new."""
    found = of_ours(folder, count)
    for name, make in (("errbot", errbot), ("opsdroid", opsdroid), ("hubot", hubot)):
        if "skip" not in places[name]:
            own = folder / name
            own.mkdir(parents=True)
            found += make(places[name]["program"], Path(places[name]["path"]), own, count)
    return found


def tell(rows: Mapping[tuple[str, int], Sequence[Row]]) -> None:
    """Print the table, in Markdown: medians, least and most in brackets."""
    print("| | among | first answer, s | its CPU, s | memory, MiB | CPU µs per command | with 100 at once | p50 ms |")
    print("|---|---|---|---|---|---|---|---|")
    columns = (("seconds", "{:.2f}"), ("cpu", "{:.2f}"), ("mib", "{:.0f}"))
    columns += (("alone_cpu_us", "{:.0f}"), ("together_cpu_us", "{:.0f}"), ("alone_p50_ms", "{:.3f}"))
    for (name, _), found in rows.items():
        told = [spread([row[key] for row in found], form) if key in found[0] else "" for key, form in columns]
        registered = f"{found[0]['registered']:.0f}" if "registered" in found[0] else ""
        print(f"| {name} | {registered} | {' | '.join(told)} |")


def ratio(rows, top: str, bottom: str, key: str) -> list[float]:
    pairs = zip(rows[top, 200], rows[bottom, 200], strict=True)
    return [mine[key] / theirs[key] for mine, theirs in pairs]


def judge(rows) -> None:
    """Print how the limits are kept; a ratio is taken within a repetition."""
    slack = "shipmate, from Slack's payload"
    for key, way in (("alone_cpu_us", "one at a time"), ("together_cpu_us", "100 at once")):
        for peer in ("errbot", "errbot, no threads"):
            if (peer, 200) in rows:
                verdict(f"a command / {peer}'s, {way}, CPU", ratio(rows, "shipmate", peer, key), 1.0)
        bolt = ratio(rows, slack, "bolt, process_before_response", key)
        verdict(f"a payload / Bolt's among 200, {way}, CPU", bolt, 0.125)


async def main(repetitions: int) -> None:
    places = await installed()
    rows: dict[tuple[str, int], list[Row]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as text:
        environ = with_bytecode(text)  # written by the repetition that is dropped
        for repetition in range(repetitions + 1):
            served_ = await served(Path(text) / f"served-{repetition}", environ)
            if repetition:
                rows["shipmate serve", 1].append(served_)
            for count in COUNTS:
                for case in cases(places, Path(text) / f"{repetition}-{count}", count):
                    row = await measured(case, count, environ, Path(text) / "errors")
                    if repetition:
                        rows[case.name, count].append(row)
    print(f"{'; '.join(await versions(places))}; Python {sys.version.split()[0]}; load {os.getloadavg()[0]:.1f}\n")
    tell(rows)
    print()
    judge(rows)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS))
