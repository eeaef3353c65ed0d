"""`Amendments`: what a newly read policy changes, what of it is in force, and who confirms the rest."""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.amendments import messages, records
from bot.amendments.policy import Policy, applied, digest, policy_of
from bot.amendments.records import Amendment, Source, State
from bot.amendments.rules import compare, remembered
from bot.audit import SHIPMATE, Audit
from bot.clock import Clock
from bot.command import Resource
from bot.errors import BadInput, NotAllowed, Refused
from bot.identity import Channel, Person
from bot.permissions import ACCOUNT_TEAM, Permissions
from bot.reply import Reply
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.store import Store, Tx

APPROVE: Final = "policy.approve"
"""The permission to confirm a change that widens rights."""

SIGNAL: Final = "amendments"
"""Set in this process after a commit that recorded or confirmed a change."""

_ATTEMPTS = 5
SourceOf = Callable[[str], Awaitable[Source]]
"""(commit of the last policy that was in force as a whole) -> where the policy that is read now came from."""


class Parts(Struct, frozen=True, kw_only=True):
    """What amendments need. `emails_of` adds the addresses that Slack knows; `channel` is where people are told."""

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    permissions: Permissions
    emails_of: Callable[[Person], Awaitable[Collection[str]]]
    channel: Callable[[], Awaitable[Channel | None]]


class Amendments:
    """The changes of the policy."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def read(self, settings: Settings, source_of: SourceOf) -> Settings:
        """Record the policy of settings that were just read, and return them as they may be in force.

        The first policy of all has nothing to be compared with. Where one widens rights and the policy in force asks
        for a second person, the wider part is left as it was until `confirm`.

        Raises:
            StoreUnavailable: it cannot be recorded; nothing of it may be in force then.
        """
        wanted = policy_of(settings)
        for _ in range(_ATTEMPTS):
            async with self._parts.store.read() as conn:
                last = await records.newest(conn)
                settled = await records.last_settled(conn)
            if last is not None and last.digest == digest(wanted):
                return self._in_force(settings, last)
            source = await source_of(settled.source.commit if settled is not None else "")
            amendment = self._compared(wanted, last, source)
            async with self._parts.store.write() as tx:
                if await self._written(tx, amendment):
                    return self._in_force(settings, amendment)
        raise Refused("raced", "The policy is being read by several processes at once. Read it again.")

    async def confirm(self, amendment_id: str, person: Person, *, request_id: str = "") -> Reply:
        """Put in force what waits, or note that this person agrees where two are needed.

        Raises:
            BadInput: there is no such change (`unknown_change`).
            Refused: it does not wait any more (`decided`), the person wrote it (`not_by_you`), it cannot be told
                whether they did (`author_unknown`), or may not (`not_allowed`).
        """
        parts = self._parts
        async with parts.store.read() as conn:
            known = await records.get(conn, amendment_id)
        if known is None:
            raise BadInput("unknown_change", f"There is no change {amendment_id} of the policy: PC-3 is expected.")
        await self._may_confirm(known, person)
        async with parts.store.write(urgent=True) as tx:
            amendment = await records.get(tx.conn, amendment_id, lock=True)
            if amendment is None or amendment.state is not State.WAITING:
                if amendment is not None and amendment.state is State.CONFIRMED and person in amendment.agreed:
                    return messages.agreed(amendment)
                raise Refused(
                    "decided", f"{amendment_id} does not wait any more. /shipmate policy show tells what holds."
                )
            agreed = tuple(dict.fromkeys((*amendment.agreed, person)))
            amendment = replace(amendment, agreed=agreed)
            if len(agreed) >= amendment.needed:
                whole = remembered(amendment.in_force, amendment.wanted)
                now = parts.clock.now()
                amendment = replace(amendment, state=State.CONFIRMED, in_force=whole, decided_at=now)
            await records.agree(tx, amendment)
            told = messages.announced(amendment, parts.permissions.name_of)
            await parts.outbox.amend(tx, _key(amendment), told)
            tx.wake(SIGNAL)
            await parts.audit.record(
                tx,
                actor=person,
                action="policy.confirmed" if amendment.state is State.CONFIRMED else "policy.agreed",
                outcome="succeeded",
                resource=Resource(),
                rule=APPROVE,
                request_id=request_id,
                subject=amendment.id,
                data=_facts(amendment),
            )
            return messages.agreed(amendment)

    async def newest(self) -> Amendment | None:
        """Return the policy that was read last."""
        async with self._parts.store.read() as conn:
            return await records.newest(conn)

    async def show(self) -> Reply:
        """Return which policy is in force, and what waits."""
        return messages.shown(await self.newest(), self._parts.permissions.name_of)

    async def announce(self) -> None:
        """Tell the channel of every change that it was not told of, once each."""
        async with self._parts.store.read() as conn:
            waiting = await records.unannounced(conn)
        if not waiting:
            return
        channel = await self._parts.channel()
        for amendment in waiting:
            async with self._parts.store.write() as tx:
                if channel is not None and amendment.after:
                    message = messages.announced(amendment, self._parts.permissions.name_of)
                    await self._parts.outbox.post(tx, _key(amendment), channel, message, urgent=True)
                await records.note_announced(tx, amendment.id, self._parts.clock.now())

    def _compared(self, wanted: Policy, last: Amendment | None, source: Source) -> Amendment:
        now = self._parts.clock.now()
        base = last.in_force if last is not None else wanted
        found = compare(base, wanted, now=now)
        waits = bool(found.widening) and base["policy"].get("second_person", False)
        return Amendment(
            id="",
            after=last.id if last is not None else "",
            digest=digest(wanted),
            wanted=wanted,
            in_force=remembered(base, found.kept if waits else wanted),
            source=source,
            changes=found.changes,
            state=State.WAITING if waits else State.IN_FORCE,
            read_at=now,
        )

    async def _written(self, tx: Tx, amendment: Amendment) -> bool:
        amendment_id = await records.add(tx, amendment)
        if not amendment_id:
            return False
        amendment = replace(amendment, id=amendment_id)
        if amendment.after:
            before = await records.get(tx.conn, amendment.after)
            if before is not None and before.state is State.SUPERSEDED:
                told = messages.announced(before, self._parts.permissions.name_of)
                await self._parts.outbox.amend(tx, _key(before), told)
        tx.wake(SIGNAL)
        await self._parts.audit.record(
            tx,
            actor=SHIPMATE,
            action="policy.changed" if amendment.after else "policy.recorded",
            outcome="waiting" if amendment.state is State.WAITING else "succeeded",
            resource=Resource(),
            subject=amendment.id,
            data=_facts(amendment),
        )
        return True

    async def _may_confirm(self, amendment: Amendment, person: Person) -> None:
        parts = self._parts
        decision = await parts.permissions.check(person, APPROVE, Resource(), fresh=True)
        if not decision.allowed or person.team == ACCOUNT_TEAM:
            who = ", ".join(decision.who_could) or "nobody"
            raise NotAllowed("not_allowed", f"A change of the policy is confirmed by people with {APPROVE}: {who}.")
        if not amendment.source.authors:
            return
        emails = set(parts.permissions.emails_of(person))
        try:
            emails |= {one.strip().lower() for one in await parts.emails_of(person)}
        except Exception as error:
            if not emails:
                raise Refused(
                    "author_unknown",
                    f"It cannot be told whether you wrote {amendment.id}: your addresses are not in the configuration "
                    "(people.….emails) and Slack does not answer.",
                ) from error
        if not emails:
            raise Refused(
                "author_unknown",
                f"It cannot be told whether you wrote {amendment.id}: no address of yours is known. "
                "Have one written into the configuration (people.….emails).",
            )
        if emails & {one.lower() for one in amendment.source.authors}:
            raise Refused("not_by_you", f"You wrote some of {amendment.id}: a second person confirms it.")

    def _in_force(self, settings: Settings, amendment: Amendment) -> Settings:
        return applied(settings, amendment.in_force) if amendment.state is State.WAITING else settings


def _key(amendment: Amendment) -> str:
    return f"policy/{amendment.id}"


def _facts(amendment: Amendment) -> dict[str, object]:
    return {
        "digest": amendment.digest,
        "in_force": digest(amendment.in_force),
        "commit": amendment.source.commit,
        "authors": list(amendment.source.authors),
        "certain": amendment.source.certain,
        "widens": [str(one) for one in amendment.widening],
        "narrows": [str(one) for one in amendment.narrowing],
        **({"agreed": [one.key for one in amendment.agreed]} if amendment.agreed else {}),
    }
