"""`shipmate audit`: prove the log whole, write it out, follow it. Each opens the store, does one thing, ends."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot import logs
from bot.amounts import count
from bot.app.evidence import keys_of
from bot.app.reporting import COLUMNS, Report, names_of
from bot.app.tools import Tools
from bot.audit import Audit, Entry, Search, export
from bot.audit.copies import Copies
from bot.audit.export import csv_line
from bot.audit.keeping import Keeper
from bot.audit.people import shown
from bot.clock import Clock, SystemClock
from bot.health import HealthChecks
from bot.settings import Settings
from bot.store import Store, StoreMismatch, StoreUnavailable
from bot.toolbox import Toolbox
from commands.registry import registry

Say = Callable[[str], None]
_LOOK_AGAIN = 1.0  # seconds between two looks of `tail -f`


@asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[Store]:
    """Open the store for a command that looks; a fresh database is refused.

    Raises:
        ValueError: it cannot be opened; says why.
    """
    registry()  # declares every table
    try:
        store = await Store.open(settings.database_url, clock=clock, create=False)
    except (StoreUnavailable, StoreMismatch) as error:
        raise ValueError(str(error)) from error
    try:
        yield store
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        hint = "if it is of an older version, let `shipmate serve` bring it up to this one"
        raise ValueError(f"the database cannot be read: {error.orig}; {hint}") from error
    finally:
        await store.close()


def moment(text: str, *, end: bool = False) -> datetime:
    """Return the moment that `2026-03-01` or `2026-03-01T12:00` names, in UTC where no zone is given.

    A bare day means its beginning, or with `end` the beginning of the next, so that `--to` takes in the whole day.

    Raises:
        ValueError: it is neither.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day or moment: 2026-03-01 or 2026-03-01T12:00+01:00 was expected") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at + timedelta(days=1) if end and len(text) == len("2026-03-01") else at


async def verify_audit(settings: Settings, say: Say, *, expected: str = "", against: Sequence[Path] = ()) -> int:
    """Check the audit log's chain from the first entry on, and say what was found; 0 when it is whole.

    Raises:
        ValueError: the store or a file cannot be opened, or `expected` is no head.
    """
    clock = SystemClock()
    async with opened(settings, clock) as store:
        try:
            copies = Copies(against)
            verdict = await Audit(store, clock).verify(expected=expected, keys=keys_of(settings), copies=copies)
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from error
    if verdict.ok:
        signed = f", {count(verdict.checkpoints, 'signed checkpoint')}" if verdict.checkpoints else ""
        pruned = f", entries up to {verdict.pruned} were pruned" if verdict.pruned else ""
        same = f", {verdict.compared} as in the sink's files" if against else ""
        say(f"whole: {verdict.entries} entries{signed}{pruned}{same}, head {verdict.head}")
        return 0
    kind = f" ({verdict.fault})" if verdict.fault else ""
    say(f"BROKEN at entry {verdict.first_bad}{kind}: {verdict.reason}")
    return 1


async def checkpoint_audit(settings: Settings, say: Say) -> int:
    """Sign the log as it stands, and say what was signed and by which key.

    Raises:
        ValueError: no signing key is configured, the log is empty, or the store cannot be opened.
    """
    clock, keys = SystemClock(), keys_of(settings)
    async with opened(settings, clock) as store:
        number = await Keeper(Audit(store, clock, quiet=True), keys).checkpoint()
    say(f"signed: entry {number} and all before it")
    say(keys.public_pem().rstrip())
    return 0


async def prune_audit(settings: Settings, say: Say, *, before: datetime) -> int:
    """Remove what the newest checkpoint from before a moment vouches for, and say what was removed.

    Raises:
        ValueError: nothing may be pruned, and why; or the store cannot be opened.
    """
    clock = SystemClock()
    async with opened(settings, clock) as store:
        keeper = Keeper(Audit(store, clock, quiet=True), keys_of(settings))
        pruned = await keeper.prune(before, sinks=tuple(settings.audit.sinks))
    say(f"pruned: {pruned.entries} entries, up to {pruned.through}")
    return 0


async def export_audit(settings: Settings, say: Say, *, search: Search, form: export.Form, named: bool = True) -> int:
    """Write the entries that match, oldest first, a line each; 0 when all were written.

    Without `named` people stand in them by their pseudonyms.

    Raises:
        ValueError: the store cannot be opened.
    """
    clock = SystemClock()
    if form == "csv":
        say(export.header(form).rstrip("\r\n"))
    async with opened(settings, clock) as store:
        async for entry in Audit(store, clock).stream(search):
            say(export.line(entry, form, named=named).rstrip("\r\n"))
    return 0


async def report_audit(
    settings: Settings, say: Say, *, since: datetime | None, until: datetime | None, offline: bool
) -> int:
    """Write every change of production and of rights in a span as CSV, and what runs there by another's hand now.

    With `offline` no tool is asked, so the last is left out.

    Raises:
        ValueError: the store cannot be opened.
    """
    clock = SystemClock()
    async with opened(settings, clock) as store:
        report = Report(settings, store, Audit(store, clock), await names_of(settings, store, clock))
        say(csv_line(*COLUMNS).rstrip("\r\n"))
        async for line in report.deployments(since, until):
            say(line.csv().rstrip("\r\n"))
        for lines in (report.noticed, report.rights, report.approvers):
            async for line in lines(since, until):
                say(line.csv().rstrip("\r\n"))
        if not offline:
            masker = logs.Masker(logs.secrets_of(settings))
            logs.configure(clock=clock, form="console", level="warning", masker=masker)  # not into the CSV
            toolbox = Toolbox()
            tools = Tools(settings, toolbox, HealthChecks(clock), clock)
            try:
                await tools.connect()
                async for line in report.outside(toolbox, clock.now()):
                    say(line.csv().rstrip("\r\n"))
            finally:
                await tools.close()
    return 0


async def tail_audit(settings: Settings, say: Say, *, lines: int, follow: bool, clock: Clock | None = None) -> int:
    """Write the newest entries for people to read, and with `follow` go on with what comes until interrupted.

    Raises:
        ValueError: the store cannot be opened.
    """
    clock = clock or SystemClock()
    async with opened(settings, clock) as store:
        audit = Audit(store, clock)
        newest = await audit.recent(limit=max(lines, 1))
        shown = list(reversed(newest))[-lines:] if lines else []
        for entry in shown:
            say(read_aloud(entry))
        last = newest[0].number if newest else 0
        while follow:
            await clock.sleep(_LOOK_AGAIN)
            async for entry in audit.stream(Search(after=last)):
                say(read_aloud(entry))
                last = entry.number
    return 0


def read_aloud(entry: Entry) -> str:
    """Return an entry as one line for people."""
    resource = entry.resource
    place = "/".join(part for part in (resource.service, resource.environment, resource.target) if part)
    asked = str(entry.data.get("asked") or entry.data.get("words") or entry.data.get("code") or "")
    told = (f"{entry.action}: {entry.outcome}", place, entry.subject, asked, entry.rule)
    who = shown(entry.actor) or entry.actor.key
    line = f"#{entry.number} {entry.at:%Y-%m-%dT%H:%M:%SZ} {who}  {' · '.join(one for one in told if one)}"
    return "".join(one if one.isprintable() else "?" for one in line)  # what people typed may hold control characters
