"""Entries reach their sinks: at least once, in order, through rotation, outages and kills."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.app.evidence import Evidence, keys_of
from bot.audit import Audit, Entry, Fault
from bot.audit.copies import Copies
from bot.audit.forwarding import LEASE, Forwarder
from bot.audit.sinks import FileSink
from bot.audit.syslog import SyslogSink, message
from bot.audit.tables import cursors, entries, head
from bot.health import HealthChecks
from bot.settings import Settings
from bot.store import Store

from .conftest import HandClock, write

ROOT = Path(__file__).resolve().parents[2]


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


class Numb:
    """A sink that takes nothing while it is told not to."""

    def __init__(self) -> None:
        self.broken = ""
        self.got: list[int] = []

    async def deliver(self, entries: Sequence[Entry]) -> None:
        if self.broken:
            raise ConnectionRefusedError(self.broken)
        self.got += [entry.number for entry in entries]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def running(forwarder: Forwarder) -> AsyncIterator[None]:
    forwarder.start()
    try:
        async with asyncio.timeout(90):
            yield
    finally:
        await forwarder.stop()


async def until_delivered(forwarder: Forwarder) -> None:
    while (await forwarder.health()).detail != "has every entry":  # noqa: ASYNC110 - a look at the store is no event
        await asyncio.sleep(0.01)


async def drain(forwarder: Forwarder) -> None:
    while await forwarder.deliver():
        pass


async def test_a_file_gets_every_entry_once_and_in_order(store: Store, clock: HandClock, tmp_path: Path) -> None:
    audit, path = Audit(store, clock), tmp_path / "audit.jsonl"
    await write(store, audit, 3)
    forwarder = Forwarder("file", FileSink(path), audit=audit, owner="p1")
    async with running(forwarder):
        await until_delivered(forwarder)
        await write(store, audit, 2)
        await until_delivered(forwarder)
    assert numbers(path) == [1, 2, 3, 4, 5]
    newest = (await audit.recent(limit=1))[0]
    assert json.loads(path.read_text().splitlines()[-1])["hash"] == newest.hash
    assert (path.stat().st_mode & 0o777) == 0o640
    again = Forwarder("file", FileSink(path), audit=audit, owner="p1")
    await drain(again)
    assert len(numbers(path)) == 5


async def test_a_file_that_was_rotated_is_begun_anew(file_store: Store, clock: HandClock, tmp_path: Path) -> None:
    audit, path = Audit(file_store, clock), tmp_path / "audit.jsonl"
    forwarder = Forwarder("file", FileSink(path), audit=audit, owner="p1")
    await write(file_store, audit, 2)
    await drain(forwarder)
    path.rename(tmp_path / "audit.jsonl.1")
    await write(file_store, audit, 1)
    await drain(forwarder)
    await forwarder.stop()
    assert (numbers(tmp_path / "audit.jsonl.1"), numbers(path)) == ([1, 2], [3])


async def test_a_line_that_was_cut_short_is_ended(file_store: Store, clock: HandClock, tmp_path: Path) -> None:
    audit, path = Audit(file_store, clock), tmp_path / "audit.jsonl"
    path.write_text('{"number": 1, "act')
    await write(file_store, audit, 1)
    forwarder = Forwarder("file", FileSink(path), audit=audit, owner="p1")
    await drain(forwarder)
    await forwarder.stop()
    cut, whole = path.read_text().splitlines()
    assert cut == '{"number": 1, "act'
    assert json.loads(whole)["number"] == 1


async def test_a_sink_that_is_down_is_shown_and_loses_nothing(file_store: Store, clock: HandClock) -> None:
    audit, sink = Audit(file_store, clock), Numb()
    sink.broken = "nobody listens"
    forwarder = Forwarder("far", sink, audit=audit, owner="p1")
    async with running(forwarder):
        await write(file_store, audit, 2)
        await clock.when_sleeping()
        health = await forwarder.health()
        assert (health.ok, health.detail) == (False, "nobody listens; 2 entries wait, none is lost")
        sink.broken = ""
        await clock.move(seconds=60)
        await until_delivered(forwarder)
        assert (await forwarder.health()).ok
    assert sink.got == [1, 2]


async def test_of_two_replicas_one_delivers_until_its_lease_ends(store: Store, clock: HandClock) -> None:
    audit, sink = Audit(store, clock), Numb()
    one, other = (Forwarder("far", sink, audit=audit, owner=name) for name in ("p1", "p2"))
    await write(store, audit, 1)
    assert [await one.deliver(), await other.deliver()] == [True, False]
    await write(store, audit, 1)
    assert not await other.deliver()
    clock.moment += LEASE + timedelta(seconds=1)
    assert [await other.deliver(), await one.deliver()] == [True, False]
    assert sink.got == [1, 2]


async def test_an_end_that_a_sink_has_and_the_log_has_not_is_found(store: Store, clock: HandClock) -> None:
    """Even where the head was moved back with it."""
    audit = Audit(store, clock)
    await write(store, audit, 5)
    await drain(Forwarder("far", Numb(), audit=audit, owner="p1"))
    third = next(entry for entry in await audit.recent() if entry.number == 3)
    async with store.write() as tx:
        await tx.conn.execute(sa.delete(entries).where(entries.c.number > 3))
        await tx.conn.execute(sa.update(head).values(number=3, hash=third.hash))
    verdict = await audit.verify()
    assert (verdict.fault, verdict.first_bad) == (Fault.CUT_OFF, 4)
    assert "entry 5 was sent to a sink" in verdict.reason


async def test_a_log_forged_whole_is_found_by_what_a_file_holds(store: Store, clock: HandClock, tmp_path: Path) -> None:
    audit, path = Audit(store, clock), tmp_path / "audit.jsonl"
    await write(store, audit, 4)
    forwarder = Forwarder("file", FileSink(path), audit=audit, owner="p1")
    await drain(forwarder)
    await forwarder.stop()
    lines = path.read_text().splitlines(keepends=True)
    first, second = tmp_path / "audit.jsonl.1", tmp_path / "audit.jsonl.2"
    first.write_text("".join(lines[:2]) + lines[2][:40] + "\n")
    second.write_text("".join(lines[1:]))
    verdict = await audit.verify(copies=Copies([first, second]))
    assert (verdict.ok, verdict.compared) == (True, 4)
    async with store.write() as tx:
        await tx.conn.execute(sa.delete(entries))
        await tx.conn.execute(sa.delete(head))
        await tx.conn.execute(sa.delete(cursors))
    await write(store, audit, 2)
    clock.moment += timedelta(seconds=1)
    assert (await audit.verify(copies=Copies([first, second]))).first_bad == 3  # the same two, then cut off
    await write(store, audit, 3)
    assert (await audit.verify()).ok
    verdict = await audit.verify(copies=Copies([first, second]))
    assert (verdict.fault, verdict.first_bad) == (Fault.CHANGED, 3)


async def test_what_the_settings_name_is_delivered_and_signed_while_the_bot_runs(
    file_store: Store, clock: HandClock, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sinks = {"archive": {"file": tmp_path / "audit.jsonl"}, "siem": {"syslog": f"unix://{tmp_path}/none"}}
    settings = Settings.model_validate({"audit": {"sinks": sinks, "signing_key": key}})
    audit, health = Audit(file_store, clock), HealthChecks(clock)
    await write(file_store, audit, 1)
    evidence = Evidence(settings, audit, health, owner="p1")
    evidence.start()
    try:
        async with asyncio.timeout(90):
            while not (await audit.verify(keys=keys_of(settings))).checkpoints:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)
            while (await health.ask())["audit sink archive"].detail != "has every entry":  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
            await clock.when_sleeping(2)
            told = await health.ask()
    finally:
        await evidence.stop()
    assert told["audit sink archive"].ok
    assert numbers(tmp_path / "audit.jsonl") == [1, 2]
    assert not told["audit sink siem"].ok
    assert "2 entries wait, none is lost" in told["audit sink siem"].detail
    assert (await audit.verify(keys=keys_of(settings))).checkpoints == 1


@pytest.mark.slow
async def test_a_killed_process_loses_no_entry_on_its_way(file_store: Store, clock: HandClock, tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path / 'shipmate.db'}", tmp_path / "audit.jsonl"
    last = 0
    for turn in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.audit.forwarder", url, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(90):
            for _ in range(5 + 7 * turn):
                last = int(await process.stdout.readline())
        process.kill()
        await process.communicate()
    clock.moment += timedelta(days=10_000)  # the lease of the last process is over
    audit = Audit(file_store, clock)
    await drain(Forwarder("file", FileSink(path), audit=audit, owner="next"))
    verdict = await audit.verify()
    assert verdict.ok
    whole = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    assert {line["number"] for line in whole} == set(range(1, verdict.entries + 1))
    assert verdict.entries >= last


# ---------------------------------------------------------------------------------------------------------- syslog


class SyslogServer:
    """Reads octet-counted messages (RFC 6587) until the other side has ended; may hang up before."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.hang_up = False

    @asynccontextmanager
    async def up(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._read, "127.0.0.1", 0)
        async with server:
            yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hang_up:
            writer.transport.abort()
            return
        text = await reader.read()
        while text:
            length, _, rest = text.partition(b" ")
            self.messages.append(rest[: int(length)].decode())
            text = rest[int(length) :]
        writer.close()


def number_of(told: str) -> int:
    return int(json.loads(told[told.index("] {") + 2 :])["number"])


async def test_syslog_over_tcp_counts_what_the_server_has_read(file_store: Store, clock: HandClock) -> None:
    audit, server = Audit(file_store, clock), SyslogServer()
    await write(file_store, audit, 3)
    async with server.up() as url:
        forwarder = Forwarder("siem", SyslogSink(url, hostname="bot-1"), audit=audit, owner="p1")
        server.hang_up = True
        with pytest.raises(ConnectionResetError):
            await forwarder.deliver()
        server.hang_up = False
        await drain(forwarder)
    assert [number_of(told) for told in server.messages] == [1, 2, 3]
    header = server.messages[0].split(" {")[0].split(" ")
    assert header[:2] == ["<110>1", "2026-03-01T12:00:00.000000+00:00"]
    assert (header[2], header[3], header[5]) == ("bot-1", "shipmate", "deploy")
    assert " ".join(header[6:]) == '[meta sequenceId="1"]'


async def test_syslog_without_a_server_says_so(file_store: Store, clock: HandClock, tmp_path: Path) -> None:
    audit = Audit(file_store, clock)
    await write(file_store, audit, 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for url in (f"tcp://127.0.0.1:{taken.getsockname()[1]}", f"unix://{tmp_path}/none"):
            with pytest.raises(OSError, match=r"\w"):
                await Forwarder("siem", SyslogSink(url), audit=audit, owner="p1").deliver()


@pytest.mark.parametrize("kind", ["udp", "unix"])
async def test_syslog_by_datagrams(file_store: Store, clock: HandClock, tmp_path: Path, kind: str) -> None:
    audit = Audit(file_store, clock)
    await write(file_store, audit, 1)
    await write(file_store, audit, 1, data={"version": "x" * 300_000})
    family = socket.AF_INET if kind == "udp" else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.settimeout(60)
        server.bind(("127.0.0.1", 0) if kind == "udp" else str(tmp_path / "log"))
        url = f"udp://127.0.0.1:{server.getsockname()[1]}" if kind == "udp" else f"unix://{tmp_path}/log"
        await drain(Forwarder("siem", SyslogSink(url), audit=audit, owner="p1"))
        first = await asyncio.to_thread(server.recv, 1_000_000)
        second = await asyncio.to_thread(server.recv, 1_000_000)
    assert [number_of(told.decode()) for told in (first, second)] == [1, 2]
    assert b'"left_out":true' in second


def test_a_header_of_a_message_is_in_printable_ascii(clock: HandClock) -> None:
    from bot.audit.entries import entry_of  # noqa: PLC0415 - read where it is used

    row: dict[str, Any] = dict.fromkeys(
        ("outcome", "service", "environment", "target", "rule", "request_id", "subject"), ""
    )
    row |= dict.fromkeys(("personal", "previous", "hash", "person_salt", "details_salt"), "")
    row |= {"action": "mr é\n" + "x" * 50, "data": "{}", "person": None, "details": None}
    told = message(entry_of({**row, "number": 2**31, "at": clock.now(), "actor": "a" * 64}), "höst name")
    header = told.split(b" {")[0].decode("ascii").split(" ")
    assert header[2] == "h-st-name"
    assert len(header[5]) == 32
    assert " ".join(header[6:]) == '[meta sequenceId="1"]'
