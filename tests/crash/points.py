"""The points at which a process can be made to die: every durable write and every call of the outside, as it comes.

A point is written as "where > what#n:phase". *Where* is the part of the road that is at work (a step, a message, a
delivery, else the task), *what* is the write or the call without ids, *n* counts the same within one such work, and
*phase* is "before" or "after": nothing was written yet, or the outside has taken it and nobody here knows.

The folder $CRASHES holds files of lines. `armed` has patterns: the first time a point that matches one is reached,
the process ends by SIGKILL. `killed` has the points of which it died. `reached` has every point, also those that nobody
armed. What ended the process five times is given up by design; so a process that works on something frail, which died
three times over it already, is spared, and what it reaches is still armed for the next time.
"""

import asyncio
import contextlib
import http.client
import math
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, ContextVar, copy_context
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import aiosmtplib
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

FOLDER = Path(os.environ.get("CRASHES", "."))
MOST_DEATHS = 3
frail: set[str] = set()
"""What died as often as it may: workflows and deliveries, until they get further."""
_MOST_OF_A_LOOP = 2  # what a loop does again and again is the same thing
_MOST_TABLES = 3

_WRITE = re.compile(
    r"\s*(?:WITH\b.*?\b)?(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\s+([\w.\"]+)", re.DOTALL | re.IGNORECASE
)
_IDS = (
    (re.compile(r"\b(D|R|A|S|P|I|INC|O|B)-\d+\b"), r"\1"),
    (re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f-]{7,}\b"), "…"),
    (re.compile(r"\b\d+(\.\d+)*\b"), "…"),
)


class Work:
    """One work at a part of the road, and how often it has come to each write and call."""

    def __init__(self, where: str, most: float = math.inf) -> None:
        self.where = where
        self.most = most
        self.counts: Counter[str] = Counter()


_work: ContextVar[Work | None] = ContextVar("crash_work", default=None)
_loops: dict[str, Work] = {}


@contextlib.contextmanager
def at_work(where: str) -> Iterator[None]:
    """Have what is written and called within known as part of this work."""
    token = _work.set(Work(where))
    try:
        yield
    finally:
        _work.reset(token)


def goes_on(where: str) -> None:
    """Have all that the present task does from now on known as part of this work."""
    _work.set(Work(where))


def reach(point: str) -> None:
    """Note that the process got here, and end it where that is armed and has not happened yet."""
    _append("reached", point)
    if frail or not is_armed(point, _lines("armed")) or point in _lines("killed"):
        return
    _append("killed", point)
    os.kill(os.getpid(), signal.SIGKILL)


def is_armed(point: str, patterns: Iterable[str]) -> bool:
    """Tell whether a point matches one of the patterns, and none of those that begin with an exclamation mark."""
    listed = list(patterns)
    spared = any(fnmatchcase(point, one[1:]) for one in listed if one.startswith("!"))
    return not spared and any(fnmatchcase(point, one) for one in listed)


def put(owner: Any, name: str, instead: Any) -> None:
    """Put something in the place of what has this name, in a module or class."""
    setattr(owner, name, instead)


def plain(text: str) -> str:
    """Return a text without what differs from run to run: ids, ports, versions, digests."""
    for pattern, instead in _IDS:
        text = pattern.sub(instead, text)
    return text


@contextlib.contextmanager
def deed(what: str) -> Iterator[None]:
    """Put a point before and one after what is done within; one that fails has none after it."""
    work = _work.get() or _unnamed()
    work.counts[what] += 1
    if work.counts[what] > work.most:
        yield
        return
    point = f"{work.where} > {what}#{work.counts[what]}"
    reach(f"{point}:before")
    yield
    reach(f"{point}:after")


def _unnamed() -> Work:
    return _loops.setdefault("start", Work("start", _MOST_OF_A_LOOP))


def _lines(name: str) -> list[str]:
    path = FOLDER / name
    return path.read_text().splitlines() if path.exists() else []


def _append(name: str, line: str) -> None:
    descriptor = os.open(FOLDER / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


# ------------------------------------------------------------------------------------------- what is written and called


def watch_everything() -> None:
    """Put the points in, once for a process."""
    _watch_tasks()
    _watch_commits()
    _watch_files()
    _watch_calls()
    _watch_processes()


def _watch_tasks() -> None:
    """Have what a named task writes and calls known as its work, unless it is part of another one."""
    real = asyncio.create_task

    @wraps(real)
    def begun(coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        if name and context is None and _work.get() is None:
            where = plain(name)
            context = copy_context()
            context.run(_work.set, _loops.setdefault(where, Work(where, _MOST_OF_A_LOOP)))
        return real(coro, name=name, context=context)

    put(asyncio, "create_task", begun)


def _watch_commits() -> None:
    """Every transaction that changed a row, ours and the engine's, on either database."""

    def note(connection: sa.Connection, cursor: Any, statement: str, *_: Any) -> None:
        found = _WRITE.match(statement)
        if found is not None and (cursor.rowcount != 0 or "RETURNING" in statement):
            table = found[2].rpartition(".")[2].strip('"')
            connection.info.setdefault("written", set()).add("tables" if found[1][0] in "Cc" else table)

    def forget(connection: sa.Connection) -> None:
        connection.info.pop("written", None)

    sa.event.listen(sa.Engine, "after_cursor_execute", note)
    sa.event.listen(sa.Engine, "rollback", forget)
    real = DefaultDialect.do_commit

    @wraps(real)
    def commit(self: DefaultDialect, dbapi_connection: Any) -> None:
        written = dbapi_connection.info.pop("written", set())
        with deed(f"commit {_tables(written)}") if written else contextlib.nullcontext():
            real(self, dbapi_connection)

    put(DefaultDialect, "do_commit", commit)


def _tables(written: set[str]) -> str:
    """Name what a transaction wrote by the first of its tables; the ones that most of them write say least."""
    for one, words in (("tables", "new tables"), ("datasource_outputs", "ours"), ("operation_outputs", "engine")):
        if one in written:  # its step says the rest
            return words
    telling = sorted(one for one in written if not re.match(r"audit_|counters$|slack_outbox$", one))
    chosen = telling or sorted(written)
    return ", ".join(chosen[:_MOST_TABLES]) + (", …" if len(chosen) > _MOST_TABLES else "")


def _watch_files() -> None:
    """Every file and folder that appears whole: what is half written has another name until then."""

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def wrapped(source: Any, target: Any, **more: Any) -> Any:
            path = Path(os.fsdecode(target))
            with deed(f"file {plain(path.name)}"):
                return real(source, target, **more)

        return wrapped

    put(os, "replace", watched(os.replace))
    put(os, "rename", watched(os.rename))


def _watch_calls() -> None:
    """Every request over HTTP, whichever library makes it, every frame of a socket, and every letter."""
    request = aiohttp.ClientSession._request

    @wraps(request)
    async def requested(self: Any, method: str, url: Any, **more: Any) -> Any:
        with deed(f"call {method} {plain(urlsplit(str(url)).path)}"):
            return await request(self, method, url, **more)

    put(aiohttp.ClientSession, "_request", requested)
    answer = http.client.HTTPConnection.getresponse
    asked = http.client.HTTPConnection.putrequest

    @wraps(asked)
    def asking(self: Any, method: str, url: str, *more: Any, **named: Any) -> Any:
        self.crash_point = f"call {method} {plain(urlsplit(url).path)}"
        return asked(self, method, url, *more, **named)

    @wraps(answer)
    def got(self: Any) -> Any:
        with deed(self.crash_point):
            return answer(self)

    put(http.client.HTTPConnection, "putrequest", asking)
    put(http.client.HTTPConnection, "getresponse", got)
    frame = aiohttp.ClientWebSocketResponse.send_str

    @wraps(frame)
    async def sent(self: Any, *args: Any, **more: Any) -> None:
        with deed("frame"):
            await frame(self, *args, **more)

    put(aiohttp.ClientWebSocketResponse, "send_str", sent)
    letter = aiosmtplib.SMTP.sendmail

    @wraps(letter)
    async def mailed(self: Any, *args: Any, **more: Any) -> Any:
        with deed("letter"):
            return await letter(self, *args, **more)

    put(aiosmtplib.SMTP, "sendmail", mailed)


def _watch_processes() -> None:
    """Every process that is started."""
    real = subprocess.Popen.__init__

    @wraps(real)
    def begun(self: Any, args: Any, *more: Any, **named: Any) -> None:
        words = [args] if isinstance(args, str | bytes | os.PathLike) else list(args)
        with deed(f"process {_program([os.fsdecode(word) for word in words])}"):
            real(self, args, *more, **named)

    put(subprocess.Popen, "__init__", begun)


def _program(words: list[str]) -> str:
    """Name what is run: the program, and of ours and of git which part of it."""
    name = Path(words[0]).name
    if name == "git":
        rest = [word for word in words[1:] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
        return f"git {rest[0]}" if rest else "git"
    modules = [word for word in words if re.fullmatch(r"(integrations|bot)\.[\w.]+", word)]
    return modules[0] if modules else plain(name)
