"""Exceptions to freezes: who may lets a deployment go through, loudly; asked with the wish, or while it waits."""

from msgspec.structs import replace
from pydantic import JsonValue

from bot.command import Call
from bot.deployments import records, replies
from bot.deployments.ledger import Book, Ledger, Said, scope_of
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.errors import BadInput, Refused
from bot.freezes import messages as freeze_messages
from bot.freezes.freezes import Standing
from bot.policy.evaluator import EXCEPTION
from bot.policy.facts import Facts, FreezeSeen
from bot.policy.rules import FREEZES, judge_freeze
from bot.reply import Reply

_WAITING = frozenset({State.AWAITING_APPROVAL, State.QUEUED})


class Exceptions:
    """Lets deployments that wait go through the freezes that are in their way."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def make(self, call: Call, deployment_id: str, reason: str) -> Reply:
        """Let a deployment that waits go through what is in force now; approvals and locks stay as they are.

        Raises:
            BadInput: there is no such deployment, or no reason.
            Refused: it does not wait (`not_waiting`), nothing is frozen (`not_frozen`), or this person may make no
                exception (`no_exception`).
        """
        if not reason:
            raise BadInput("no_reason", "An exception needs a reason: it is recorded, and told to the channel.")
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
            if deployment is None:
                raise BadInput("unknown_deployment", f"There is no deployment {deployment_id}. /deploys lists them.")
            place, rollback = scope_of(deployment), deployment.kind is Kind.ROLLBACK
            standing = await self._parts.freezes.standing(conn, place, rollback=rollback, subject=deployment.id)
        if deployment.state not in _WAITING:
            raise Refused("not_waiting", f"{deployment.id} does not wait: it {replies.now_words(deployment)}.")
        if not standing.halts:
            raise Refused("not_frozen", f"No freeze is in the way of {deployment.id}.")
        # What it went through before keeps its own reason; this one is for what is in the way now.
        asked = replace(standing, passed=())
        passed = await self._parts.freezes.excepted(asked, place, call.person, reason)
        if passed.denied:
            raise replies.no_exception(deployment, passed)
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            await book.may_free()
            now = await records.get(tx.conn, deployment.id)
            if now is None or now.state not in _WAITING:
                raise replies.raced(deployment)
            await let_through(book, now, passed, Said(text=reason, person=call.person, request_id=call.request_id))
            facts = self._facts(now, passed)
            shown = await book.change(now, plan=self._plan(now, passed), facts=facts.to_json())
            if shown is None:
                raise replies.raced(deployment)
            await book.next_for(place)
        return replies.goes_through(deployment, passed)

    def _facts(self, deployment: Deployment, passed: Standing) -> Facts:
        """Return the facts of a deployment with what it goes through now."""
        name_of = self._parts.name_of
        seen = tuple(
            FreezeSeen(
                name=halt.freeze.name,
                words=freeze_messages.words(halt, name_of),
                until=halt.until,
                passed=EXCEPTION,
                declared=halt.freeze.person is not None,
            )
            for halt in passed.passed
        )
        who = name_of(passed.by) if passed.by else ""
        return replace(deployment.the_facts, freezes=seen, opens=None, exceptor=who, exception=passed.reason)

    def _plan(self, deployment: Deployment, passed: Standing) -> object:
        name_of = self._parts.name_of
        ends = [halt.until for halt in passed.passed if halt.until is not None]
        who = name_of(passed.by) if passed.by else ""
        verdict = judge_freeze(
            frozen=(),
            passed=[freeze_messages.words(halt, name_of) for halt in passed.passed],
            because=f"exception by @{who}: {passed.reason}",
            denied=None,
            until=max(ends, default=None),
        )
        plan = deployment.the_plan
        verdicts = tuple(verdict if one.rule == FREEZES else one for one in plan.verdicts)
        return replace(plan, verdicts=verdicts).to_json()


async def let_through(book: Book, deployment: Deployment, standing: Standing, said: Said) -> None:
    """Write that a deployment goes through freezes by exception, and tell the channel, loudly."""
    if standing.by is None:
        return
    parts, why = book.parts, standing.reason
    await parts.freezes.let_through(book.tx, deployment.id, standing)
    names: list[JsonValue] = [halt.freeze.name for halt in standing.passed]
    told = Said(text=why, person=standing.by, request_id=said.request_id)
    book.enter(deployment, "freeze.exception", "allowed", told, freezes=names)
    await records.note(book.tx, deployment.id, "exception", why, at=parts.clock.now(), person=standing.by)
    if deployment.channel is not None:
        await parts.outbox.post(
            book.tx,
            f"{deployment.id}/exception/{'/'.join(map(str, names))}",
            deployment.channel,
            freeze_messages.gone_through(deployment.title, standing.passed, parts.name_of(standing.by), why),
            in_thread_of=deployment.id,
            also_to_channel=True,
            urgent=True,
        )
