"""`/audit`: search the audit log."""

import re
from datetime import timedelta
from typing import Annotated

from bot.audit import Audit, Search, messages
from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.errors import BadInput
from bot.identity import Person
from bot.permissions import Permissions
from bot.reply import Reply

PAGE = 15
_SUBJECT = re.compile(r"[A-Z]+-\d+", re.IGNORECASE)
_SLACK_ID = re.compile(r"[UW][A-Z0-9]{4,}")


@arguments
class AuditArgs:
    """Which entries."""

    by: Annotated[str | None, arg("by whom: @person, a name, account:ci, or shipmate itself", flag="--by")] = None
    on: Annotated[str | None, arg("on what: a service, or an id such as D-1042", flag="--on")] = None
    action: Annotated[str | None, arg('what was done: approve, or "deployment.*"', flag="--action")] = None
    since: Annotated[timedelta | None, arg("how far back: 12h, 7d", flag="--since")] = None
    before: Annotated[int | None, arg("only entries older than this number", flag="--before")] = None


def person_of(call: Call, word: str) -> Person:
    """Return whom a word names. Raises: BadInput (`unknown_person`)."""
    name = word.strip().removeprefix("@")
    if name == "shipmate":
        return Person("account", name)
    if name.startswith("account:"):
        return Person("account", name.removeprefix("account:"))
    if _SLACK_ID.fullmatch(name):
        return Person(call.person.team, name, call.person.enterprise)
    known = call.use(Permissions).person(name)
    if known is None:
        raise BadInput("unknown_person", f"I do not know {word}: mention them, or use a name from the configuration.")
    return known


async def resource_of(call: Call, args: AuditArgs) -> Resource:
    """Return the service that is asked about; the whole log has an empty resource, which only "*" covers."""
    if args.on is None or _SUBJECT.fullmatch(args.on):
        return Resource()
    return Resource(call.use(Catalog).service(args.on).name)


@command(
    "audit",
    permission="audit.read",
    args=AuditArgs,
    effect=Effect.LOOKUP,
    resource=resource_of,
    sensitive=True,
    examples=("audit --on D-1042", "audit --by @mia --since 7d", "audit --on checkout --action deployment.*"),
)
async def audit(call: Call, args: AuditArgs) -> Reply:
    """Search the audit log: who asked what, on what, which rule decided, and how it ended."""
    on = (args.on or "").upper()
    subject = on if _SUBJECT.fullmatch(on) else ""
    search = Search(
        actor=person_of(call, args.by) if args.by else None,
        subject=subject,
        service="" if subject else (await resource_of(call, args)).service,
        action=args.action or "",
        since=call.now - args.since if args.since else None,
        before=args.before or 0,
    )
    found = await call.use(Audit).find(search, limit=PAGE + 1)
    words = {"by": args.by, "on": args.on, "action": args.action}
    given = {name: word for name, word in words.items() if word}
    if args.since:
        given["since"] = f"{round(args.since.total_seconds())}s"
    if args.before:
        given["before"] = str(args.before)
    name_of = call.use(Permissions).name_of
    return messages.found(found[:PAGE], more=len(found) > PAGE, args=given, name_of=name_of)
