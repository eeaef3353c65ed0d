"""The one road of every wish, whatever the trigger: find -> parse -> authorise -> audit -> run -> audit -> reply.

A read leaves a log line; a change, and a read marked sensitive, leave an audit entry before and one after. A change
whose first entry cannot be written is not made. This is the one place that catches everything: whoever asked is told.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot import arguments, refusals
from bot.arguments import Explain, Incomplete
from bot.audit import Audit
from bot.catalog import Catalog
from bot.clock import Clock
from bot.command import Call, Command, Effect, Invocation, Resource, Trigger, World
from bot.deliveries import Deliveries
from bot.errors import BadInput, UserError
from bot.permissions import EVERYONE, Decision, Permissions
from bot.registry import OPEN, Registry
from bot.reply import Button, Reply
from bot.store import Store, StoreUnavailable, Tx
from bot.vault import Unreadable
from integrations.errors import IntegrationError

__all__ = ["Dispatcher", "Incomplete", "Outcome", "Parsed", "Replier"]

LATE = timedelta(minutes=5)
"""A change that comes to be run later than this after it was asked is offered, not run."""

_FORGEABLE = frozenset({Trigger.MENTION, Trigger.REACTION})
_TYPED_ELSEWHERE = frozenset({Trigger.TERMINAL, Trigger.SCHEDULE})
_LONGEST_LINE = 500  # of what was asked, in the audit log
_PLACE = ("service", "environment", "target")

ANYWHERE = Resource()

log = structlog.get_logger()

Replier = Callable[[Tx, Invocation, Reply], Awaitable[None]]
"""Hands an answer over in the transaction that ends its delivery: to Slack's outbox, or to a waiting terminal."""


FormOpener = Callable[[Invocation, Button], Awaitable[bool]]
"""Opens a command's form for who asked, and tells whether it stands open: a trigger lives only three seconds."""


async def _no_form(_invocation: Invocation, _form: Button) -> bool:
    return False


WhyNot = Callable[[Invocation, Command, object, Resource], str]
"""Returns why what somebody was known by may not be used for this, though they may do it; "" where it may."""


def _no_limit(*_: object) -> str:
    return ""


class Parsed(Struct, frozen=True):
    """A wish that is understood: the command and an instance of its argument class.

    With `explain` nothing is done; the answer says by which rule it would be.
    """

    command: Command
    args: Any
    explain: bool = False


class Outcome(Struct, frozen=True, kw_only=True):
    """How a wish came out. `closing`: an audit entry after it is due. `away`: the store went away in the middle."""

    invocation: Invocation
    reply: Reply
    ended: str = "succeeded"
    command: Command | None = None
    resource: Resource = ANYWHERE
    closing: bool = False
    error_id: str = ""
    away: StoreUnavailable | None = None


class Dispatcher:
    """Takes every wish down the road. All but `parse` may touch the store."""

    def __init__(
        self,
        *,
        registry: Registry,
        permissions: Permissions,
        audit: Audit,
        deliveries: Deliveries,
        store: Store,
        world: World,
        clock: Clock,
        replier: Replier,
    ) -> None:
        self.registry = registry
        self.permissions = permissions
        self._audit = audit
        self._deliveries = deliveries
        self._store = store
        self._world = world
        self._clock = clock
        self._replier = replier
        self.open_form: FormOpener = _no_form
        self.why_not: WhyNot = _no_limit
        self.hold_back: Callable[[Command], None] = lambda _command: None

    def parse(self, invocation: Invocation) -> Parsed | Incomplete:
        """Return what an invocation means, or what is missing. Pure; empty text means help.

        Raises:
            BadInput: "unknown_command" and all that `arguments.parse` raises, with a corrected line as a button
                where there is one.
        """
        if invocation.command:
            command = self.registry.find(invocation.command)
            return _parsed(command, arguments.build(command, invocation.args))
        text = arguments.clean(invocation.text)
        if invocation.trigger not in _TYPED_ELSEWHERE:
            text = arguments.from_slack(text)
        name, words = self.registry.split(_after_our_name(arguments.unwrap(text)))
        name, words = self._of_group(name, words)
        try:
            command = self.registry.find(name or "help")
        except BadInput as error:
            raise self._corrected(name, words, error) from None
        return _parsed(command, arguments.parse(command, arguments.about(command, words, invocation.subject)))

    def _of_group(self, name: str, words: str) -> tuple[str, str]:
        """Return the command that is meant by a group's word: what it shows, also of one thing ("cd checkout")."""
        group, _, word = name.partition(" ")
        if group not in self.registry.groups or name in self.registry:
            return name, words
        shown = self.registry.get(f"{group} show")
        alone = shown is not None and not isinstance(arguments.parse(shown, ""), Incomplete)
        if not word:
            return (f"{group} show", "") if alone else ("help", group)
        of_one = shown is not None and alone and not words and fields(shown.args)
        return (f"{group} show", word) if of_one else (name, words)

    async def answer(self, invocation: Invocation, parsed: Parsed | Incomplete) -> Reply:
        """Go the whole road and return the answer. Never raises but when cancelled."""
        outcome = await self._go(invocation, parsed)
        if outcome.closing:
            try:
                async with self._store.write() as tx:
                    await self._close(tx, outcome)
            except StoreUnavailable as error:
                # It has happened, and the entry before it is in the audit log: the answer is still true.
                log.warning("closing_entry_lost", delivery_id=invocation.delivery_id, reason=error.reason)
        return outcome.reply

    async def accept(self, invocation: Invocation) -> bool:
        """Store a change before it is acknowledged; the starter runs it. False: this delivery was seen before.

        Raises:
            StoreUnavailable: it was not stored; nothing was started.
        """
        return await self._deliveries.accept(self._sealed(invocation))

    async def run(self, invocation: Invocation) -> Outcome:
        """Take a stored delivery down the road; `finish` is due in the transaction that ends it.

        Raises:
            StoreUnavailable: it is to be run again once the store is back: nobody knows how far it got.
        """
        try:
            invocation = self._opened(invocation)
            parsed = self.parse(invocation)
        except UserError as error:
            return Outcome(invocation=invocation, reply=error.reply(), ended="refused")
        outcome = await self._go(invocation, parsed)
        if outcome.away is not None:
            raise outcome.away
        form = outcome.reply.form
        if form is not None and invocation.trigger_id and await self.open_form(invocation, form):
            # Who asked has the form before them, and needs no message beside it.
            outcome = replace(outcome, reply=replace(outcome.reply, shown_in=invocation.channel))
        return outcome

    async def finish(self, tx: Tx, outcome: Outcome) -> str:
        """Write the closing entry and hand the answer over, all in `tx`; return the outcome's code."""
        await self._replier(tx, outcome.invocation, outcome.reply)
        if outcome.closing:
            await self._close(tx, outcome)
        if outcome.command is not None and arguments.takes_pairs(outcome.command):
            await self._deliveries.forget_words(tx, outcome.invocation)  # a value among them may be secret
        return outcome.reply.code or "ok"

    async def give_up(self, tx: Tx, invocation: Invocation, error_id: str) -> None:
        """Tell the person that a delivery was parked because of a mistake of ours, and record it, in `tx`."""
        command = self.registry.get(invocation.command) if invocation.command else None
        reply = refusals.broken(error_id, command)
        outcome = Outcome(invocation=invocation, reply=reply, ended="failed", command=command, error_id=error_id)
        await self._close(tx, outcome)
        await self._replier(tx, invocation, reply)

    def _sealed(self, invocation: Invocation) -> Invocation:
        """Return an invocation as it may be stored: its words sealed where a value among them may be secret."""
        if invocation.command:
            command = self.registry.get(invocation.command)
        else:
            command = self.parse(invocation).command if "=" in invocation.text else None
        if command is None or not arguments.takes_pairs(command):
            return invocation
        words = {"text": invocation.text, "args": dict(invocation.args)}
        sealed = self._deliveries.vault.seal(invocation.delivery_id, words)
        return replace(invocation, text="", args={}, sealed=sealed)

    def _opened(self, invocation: Invocation) -> Invocation:
        """Return an invocation with its words. Raises: Refused (`words_lost`)."""
        if not invocation.sealed:
            return invocation
        try:
            words = self._deliveries.vault.open(invocation.delivery_id, invocation.sealed)
        except Unreadable as error:
            raise refusals.words_lost() from error
        return replace(invocation, text=words["text"], args=words["args"], sealed="")

    def _corrected(self, name: str, words: str, error: BadInput) -> BadInput:
        near = self.registry.near(name)
        if near is None:
            return error
        try:
            args = arguments.parse(near, words)
            args = args.args if isinstance(args, Explain) else args
        except BadInput:
            return error
        if isinstance(args, Incomplete):
            button = Button(label=f"{near.name}…".capitalize(), command=near.name, args=dict(args.given), ask=True)
        else:
            button = Button(
                label=arguments.line(near, args)[:75], command=near.name, args=arguments.as_mapping(near, args)
            )
        return BadInput(error.code, error.text, moves=(button, *error.moves))

    async def _go(self, invocation: Invocation, parsed: Parsed | Incomplete) -> Outcome:
        began = self._clock.monotonic()
        trip = _Trip(invocation, parsed.command)
        with structlog.contextvars.bound_contextvars(
            delivery_id=invocation.delivery_id, person=invocation.person.key, command=parsed.command.name
        ):
            try:
                reply = await self._road(trip, parsed)
                outcome = trip.ends(reply, "refused" if reply.code else "succeeded")
            except StoreUnavailable as error:
                outcome = replace(trip.ends(error.reply(), "refused"), away=error)
            except UserError as error:
                outcome = trip.ends(error.reply(), "refused")
            except IntegrationError as error:
                log.warning("tool_failed", instance=error.instance, error=repr(error))
                outcome = trip.ends(refusals.of_tool(error).reply(), "failed")
            except Exception:
                error_id = secrets.token_hex(4)
                log.exception("command_broke", error_id=error_id)
                outcome = trip.ends(refusals.broken(error_id, parsed.command), "failed", error_id)
            log.info(
                "answered",
                trigger=invocation.trigger.value,
                code=outcome.reply.code,
                seconds=round(self._clock.monotonic() - began, 6),
            )
        return outcome

    async def _road(self, trip: "_Trip", parsed: Parsed | Incomplete) -> Reply:
        invocation, command = trip.invocation, trip.command
        member = await self._known(invocation)
        if isinstance(parsed, Incomplete):
            return refusals.incomplete(parsed, invocation.trigger)
        call = Call(invocation, self._world, self._clock.now())
        try:
            trip.resource = await _resource(call, parsed)
        except BadInput as error:
            raise refusals.with_correction(error, call, command, parsed.args) from None
        decision = await self._decide(invocation, command, trip.resource, member=member)
        limit = self.why_not(invocation, command, parsed.args, trip.resource)
        if limit:
            decision = Decision(allowed=False, rule=limit, who_could=())
        if parsed.explain:
            return refusals.explained(command, trip.resource, decision)
        recorded = command.effect is Effect.CHANGE or command.sensitive
        if not decision.allowed:
            if recorded:
                await self._record(trip, parsed, "refused", decision.rule)
            raise refusals.outside(limit) if limit else refusals.not_allowed(command, trip.resource, decision)
        self.hold_back(command)
        if command.decides and invocation.trigger in _FORGEABLE:
            return refusals.press(command, parsed.args)
        if command.effect is Effect.CHANGE and call.now - invocation.at > LATE:
            return refusals.late(command, parsed.args, call.now - invocation.at)
        if recorded:
            await self._record(trip, parsed, "allowed", decision.rule)
            trip.closing = True
        return await command.handler(call, parsed.args)

    async def _known(self, invocation: Invocation) -> bool:
        """Tell whether the person is of our own team and no guest; refuse strangers whom no grant names."""
        if invocation.ours and not invocation.guest:
            return True
        named = await self.permissions.groups_of(invocation.person, member=False)
        if named.isdisjoint(group for grant in self.permissions.grants for group in grant.groups):
            raise refusals.stranger(guest=invocation.ours)
        return False

    async def _decide(self, invocation: Invocation, command: Command, resource: Resource, *, member: bool) -> Decision:
        if command.permission == OPEN:
            return _ANYBODY
        return await self.permissions.check(invocation.person, command.permission, resource, member=member)

    async def _record(self, trip: "_Trip", parsed: Parsed, outcome: str, rule: str) -> None:
        invocation = trip.invocation
        async with self._store.write() as tx:
            await self._audit.record(
                tx,
                actor=invocation.person,
                action=trip.command.name,
                outcome=outcome,
                resource=trip.resource,
                rule=rule,
                request_id=invocation.delivery_id,
                data={
                    "asked": arguments.line(parsed.command, parsed.args)[:_LONGEST_LINE],
                    "trigger": invocation.trigger.value,
                    **({"via": invocation.via} if invocation.via else {}),
                    "permission": parsed.command.permission,
                    **({"code": "not_allowed"} if outcome == "refused" else {}),
                    **({"channel": invocation.channel.key} if invocation.channel else {}),
                },
            )

    async def _close(self, tx: Tx, outcome: Outcome) -> None:
        code, error_id = outcome.reply.code, outcome.error_id
        await self._audit.record(
            tx,
            actor=outcome.invocation.person,
            action=outcome.command.name if outcome.command else "unknown",
            outcome=outcome.ended,
            resource=outcome.resource,
            request_id=outcome.invocation.delivery_id,
            subject=outcome.reply.subject,
            data={key: value for key, value in (("code", code), ("error_id", error_id)) if value},
        )


_ANYBODY = Decision(allowed=True, rule="everybody may", who_could=(EVERYONE,))


class _Trip(Struct):
    """What became known on the way, for whoever has to tell how it ended."""

    invocation: Invocation
    command: Command
    resource: Resource = ANYWHERE
    closing: bool = False

    def ends(self, reply: Reply, ended: str, error_id: str = "") -> Outcome:
        return Outcome(
            invocation=self.invocation,
            reply=reply,
            ended=ended,
            command=self.command,
            resource=self.resource,
            closing=self.closing,
            error_id=error_id,
        )


async def _resource(call: Call, parsed: Parsed) -> Resource:
    """Return what the permission is asked on, by the catalog's own names: "prod" is asked about as "production"."""
    if parsed.command.resource is not None:
        return await parsed.command.resource(call, parsed.args)
    service, environment, target = (getattr(parsed.args, name, None) or "" for name in _PLACE)
    if service:
        found = call.use(Catalog).service(service)
        service = found.name
        environment = found.environment(environment).name if environment else ""
    return Resource(service, environment, target)


def _parsed(command: Command, args: object) -> Parsed | Incomplete:
    if isinstance(args, Explain):
        return Parsed(command, args.args, explain=True)
    return args if isinstance(args, Incomplete) else Parsed(command, args)


def _after_our_name(text: str) -> str:
    """Return the words of the command: of "/deploy x", "deploy: x" and "shipmate deploy x" alike."""
    first, *rest = text.split(None, 1) or [""]
    if first.strip("`\"'/").rstrip(":,.!?").casefold() != "shipmate":
        return text
    return rest[0] if rest else ""
