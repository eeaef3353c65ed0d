"""`Continuous`: what a look at a place decides, asks for, and leaves behind."""

import contextlib
from collections.abc import Mapping
from datetime import timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.command import Invocation, Trigger
from bot.continuous import messages, records
from bot.continuous.candidates import Candidates, Ready
from bot.continuous.overview import Overview
from bot.continuous.parts import CONTINUOUS, Parts
from bot.continuous.pauses import Pauses, is_paused
from bot.continuous.records import Head
from bot.continuous.rules import Facts, Next, Waiting, decide, number_of, request_id, superseded
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.errors import UserError
from bot.store import Tx
from bot.store.starts import want
from integrations.errors import IntegrationError, Unavailable

LOOK = "continuous.look.v1"
SETTLE = timedelta(seconds=1)
"""Between an event and the look: several pushes in one moment make one."""
AGAIN = timedelta(minutes=1)
"""After a look that could not be made, or a wish that a tool kept from being granted."""

AWAY = frozenset({"tool_unavailable", "rate_limited", "unavailable", "outcome_unknown", "broken", "not_connected"})
"""Codes of answers that say nothing of the commit: it is asked for again."""
_BAD_ENDS = frozenset(
    {State.FAILED, State.ROLLED_BACK, State.ROLLBACK_FAILED, State.REFUSED, State.REJECTED, State.EXPIRED, State.VOID}
)

log = structlog.get_logger()


class Answer(Struct, frozen=True, kw_only=True):
    """What a wish for a deployment came to: its id, or the code and words of a refusal."""

    deployment: str = ""
    code: str = ""
    words: str = ""


class Continuous:
    """All of it: `candidates` knows what would go, `pauses` stops it, `overview` shows it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.candidates = Candidates(parts)
        self.pauses = Pauses(parts, self.want_look)
        self.overview = Overview(parts)
        parts.deployments.above.on_end.append(self.ended)
        parts.deployments.overview.notes.append(self.overview.notes)

    async def want_look(self, tx: Tx, place: Place, cause: Mapping[str, JsonValue], *, soon: bool = True) -> None:
        """Have a place looked at, for `cause`; an earlier look that has not decided yet decides nothing then."""
        number = await records.want_look(tx, place, dict(cause))
        at = self._parts.clock.now() + (SETTLE if soon else AGAIN)
        words = (place.service, place.environment, place.target)
        await want(tx, f"continuous/{place}/{number}/look", LOOK, *words, number, at=at)

    async def find(self, place: Place, number: int) -> Ready | None:
        """Return what would go to a place, None where a newer look is wanted and will find it.

        Raises:
            Unavailable: a tool that is needed does not answer.
        """
        async with self._parts.store.read() as conn:
            head = await records.get(conn, place)
        if head.number != number:
            return None
        try:
            sha = str(head.cause.get("sha") or "")
            named = {"finished" if head.cause.get("event") == "green" else "told": sha}
            ready = await self.candidates.ready(place, tried=head.tried, **named)
        except Unavailable:
            raise
        except (IntegrationError, UserError) as error:  # trying again does not help: a person must do something
            log.warning("continuous.not_found", place=str(place), reason=str(error))
            return Ready(why=str(error), cause=head.cause, seen=head.looked)
        return replace(ready, cause=head.cause, seen=head.looked)

    async def decided(self, tx: Tx, place: Place, number: int, ready: Ready) -> bool:
        """Decide whether a deployment is asked for; from then on this commit counts as tried."""
        head = await records.hold(tx, place)
        following = decide(await self.facts(tx.conn, head, ready))
        log.info("continuous.decided", place=str(place), number=number, sha=ready.sha, next=following.value)
        if following is Next.OVERTAKEN:
            if head.number == number:  # else a newer look is wanted anyway
                await self.want_look(tx, place, ready.cause)
            return False
        went = {
            "tried": ready.sha,
            "tried_at": self._parts.clock.now(),
            "tried_number": number,
            "code": "",
            "words": "",
        }
        goes = following in {Next.BEGIN, Next.RUNS_THERE}
        await records.change(tx, place, looked=number, **(went if goes else {}))
        return following is Next.BEGIN

    async def facts(self, conn: AsyncConnection, head: Head, ready: Ready) -> Facts:
        """Return what is known of a place."""
        pauses = await records.paused(conn, self._parts.clock.now(), head.place.service)
        return Facts(
            seen=ready.seen,
            looked=head.looked,
            on=self.is_on(head.place),
            paused=is_paused(pauses, head.place) is not None,
            ready=ready.sha,
            tried=head.tried,
            running=ready.running,
        )

    def is_on(self, place: Place) -> bool:
        """Tell whether the catalog has a place deployed to by itself; a production-like one must say so twice."""
        try:
            environment = self._parts.catalog().environment(place)
        except UserError:
            return False
        known = place.target in (environment.targets or ("",))
        on = environment.continuous
        return known and on is not None and (on.production or not environment.production_like)

    async def begin(self, place: Place, number: int, ready: Ready) -> Answer:
        """Ask for the deployment, as everybody does: may the account, do the rules allow it, and it is written down.

        Asked again under the same number it is the same deployment.

        Raises:
            Unavailable: a tool kept it from being granted.
        """
        words = {"service": place.service, "environment": place.environment, "target": place.target}
        args = {key: value for key, value in words.items() if value}
        invocation = Invocation(
            delivery_id=request_id(str(place), number),
            trigger=Trigger.SCHEDULE,
            person=CONTINUOUS,
            at=self._parts.clock.now(),
            command="deploy",
            args={**args, "version": ready.sha, "reason": _why(ready.cause, self._branch(place)), "patient": "yes"},
        )
        reply = await self._parts.ask(invocation)
        if reply.code in AWAY:
            raise Unavailable("continuous", reply.summary)
        return Answer(deployment=reply.subject, code=reply.code, words=reply.summary if reply.code else "")

    async def begun(self, tx: Tx, place: Place, number: int, ready: Ready, answer: Answer) -> None:
        """Note what became of the wish, and end what waits there and is older; tell where it was refused."""
        head = await records.hold(tx, place)
        superseding = self._parts.deployments.superseding
        waiting = {one.id: one for one in await superseding.waiting(tx.conn, place, CONTINUOUS)}
        numbered = [Waiting(id=one.id, number=number_of(one.request_id)) for one in waiting.values()]
        newest = max([number, *(one.number for one in numbered)])
        by = next((one.id for one in numbered if one.number == newest), answer.deployment)
        skipped = await superseding.supersede(tx, superseded(numbered, newest), newer=by) if by else ()
        if head.tried_number == number:
            values = {"deployment": answer.deployment, "code": answer.code, "words": answer.words}
            await records.change(tx, place, **values, skipped=list(skipped))
        elif skipped:
            await records.change(tx, place, skipped=[*head.skipped, *skipped])
        if answer.code and not answer.deployment:
            await self._tell_refusal(tx, place, number, ready, answer)
        await self._note(tx, place, number, ready, answer)

    async def again(self, tx: Tx, place: Place, number: int, why: str) -> None:
        """Have a place looked at once more in a while, because a tool does not answer; the commit was not tried."""
        head = await records.hold(tx, place)
        log.warning("continuous.again", place=str(place), number=number, reason=why)
        if head.tried_number == number:
            await records.change(tx, place, tried="", tried_number=0, code="tool_unavailable", words=why)
        if head.number == number:
            await self.want_look(tx, place, head.cause, soon=False)

    async def ended(self, tx: Tx, deployment: Deployment) -> None:
        """Let a success go on to the environment after it; tell the authors of what was deployed by itself and failed.

        Called in the transaction of the end.
        """
        if deployment.state is State.SUCCEEDED:
            for place in self._following(deployment):
                cause = {"event": "promotion", "delivery": deployment.id}
                await self.want_look(tx, place, cause)
        if deployment.requested_by == CONTINUOUS and deployment.state in _BAD_ENDS:
            await self._tell_failure(tx, deployment)
        if deployment.requested_by != CONTINUOUS and deployment.state is State.SUCCEEDED:
            await self._tell_what_follows(tx, deployment)

    async def _tell_failure(self, tx: Tx, deployment: Deployment) -> None:
        channel = deployment.channel
        with contextlib.suppress(UserError):  # the service may have left the catalog: it goes where the card is
            channel = await self._parts.channel_of(self._parts.catalog().service(deployment.service), channel)
        if channel is not None:
            message = messages.stopped(deployment, self._branch(deployment.place), self._parts.permissions)
            key = f"continuous/{deployment.id}/{deployment.state.value}"
            await self._parts.outbox.post(tx, key, channel, message, urgent=True, subject=deployment.id)

    async def _tell_what_follows(self, tx: Tx, deployment: Deployment) -> None:
        """Say in the thread of what was deployed by hand that the next commit replaces it."""
        place, channel = deployment.place, deployment.channel
        if channel is None or not self.is_on(place):
            return
        if is_paused(await records.paused(tx.conn, self._parts.clock.now(), place.service), place) is None:
            message = messages.replaced_next(deployment, self._branch(place))
            key = f"continuous/{deployment.id}/replaced-next"
            await self._parts.outbox.post(tx, key, channel, message, in_thread_of=deployment.id)

    def _following(self, deployment: Deployment) -> list[Place]:
        try:
            service = self._parts.catalog().service(deployment.service)
        except UserError:
            return []
        return [
            place
            for place in self._parts.catalog().places(service.name)
            if service.environment(place.environment).promote_from == deployment.environment and self.is_on(place)
        ]

    def _branch(self, place: Place) -> str:
        try:
            service = self._parts.catalog().service(place.service)
            on = service.environment(place.environment).continuous
        except UserError:
            return "the branch"
        return (on.branch if on is not None else "") or service.repository.default_branch

    async def _tell_refusal(self, tx: Tx, place: Place, number: int, ready: Ready, answer: Answer) -> None:
        if answer.code in {"already_there", "under_way"}:
            return  # somebody has it deployed: all is well
        channel = await self._parts.channel_of(self._parts.catalog().service(place.service), None)
        if channel is not None:
            message = messages.refused(place, ready.sha, answer.words, self._branch(place))
            await self._parts.outbox.post(tx, f"continuous/{place}/{number}/refused", channel, message)

    async def _note(self, tx: Tx, place: Place, number: int, ready: Ready, answer: Answer) -> None:
        await self._parts.audit.record(
            tx,
            actor=CONTINUOUS,
            action="continuous.deploy",
            outcome="refused" if answer.code and not answer.deployment else "started",
            resource=messages.resource_of(place),
            request_id=request_id(str(place), number),
            subject=answer.deployment,
            data={"sha": ready.sha, "cause": dict(ready.cause), "code": answer.code},
        )


def _why(told: Mapping[str, JsonValue], branch: str) -> str:
    """Return why a deployment is asked for, for its card and the record: "push to main by tom"."""
    cause = {key: str(value) for key, value in told.items() if value}
    user = f" by {cause['user']}" if cause.get("user") else ""
    words = {
        "push": f"push to {cause.get('branch', branch)}{user}",
        "green": f"green on {branch}",
        "poll": f"new on {branch}",
        "promotion": f"{cause.get('delivery')} succeeded",
        "resumed": f"resumed{user}",
    }
    return words.get(cause.get("event", ""), f"new on {branch}")[:200]
