"""`Approvals`: ask, vote, expire, void. One decision, whoever clicks at the same moment."""

from collections.abc import Awaitable, Callable, Collection, Set as AbstractSet
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import records
from bot.approvals.records import Approval, Cast
from bot.approvals.rules import State, Tally, Vote, expired, may_vote, tally
from bot.clock import Clock
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM, MembershipUnreadable, Permissions
from bot.store import Store, Tx
from bot.store.starts import want

EXPIRE = "approval.expire.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One person's vote as it arrives. `digest` is what the card they pressed on showed, "" when typed."""

    approval_id: str
    person: Person
    vote: Vote
    reason: str = ""
    digest: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request stands after something happened to it: `approval` with its newest state and votes."""

    approval: Approval
    tally: Tally


EmailsOf = Callable[[Person], Awaitable[Collection[str]]]
"""Returns the addresses of a person that Slack knows; any error of it means that they cannot be told."""

OnChange = Callable[[Tx, Standing, Ballot | None], Awaitable[None]]


class Approvals:
    """Requests for approval.

    Each of `on_change` is called in the transaction of every vote, decision and expiry. `emails_of` adds to the
    addresses that the configuration tells, so that authors are recognised whom nobody wrote down.
    """

    def __init__(
        self, *, store: Store, clock: Clock, permissions: Permissions, emails_of: EmailsOf | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._permissions = permissions
        self._emails_of = emails_of
        self.on_change: list[OnChange] = []

    async def open(self, tx: Tx, approval: Approval) -> None:
        """Ask for approval; asking for the same again changes nothing."""
        if await records.add(tx, approval):
            await want(tx, f"{approval.id}/expire", EXPIRE, approval.id, at=approval.expires_at)

    async def get(self, conn: AsyncConnection, approval_id: str) -> Standing | None:
        """Return where a request stands, counted with the groups that voters were in when they voted."""
        approval = await records.get(conn, approval_id)
        return None if approval is None else Standing(approval, _count(approval, {}))

    async def void(self, tx: Tx, subject: str, reason: str) -> int:
        """Void all that was asked or approved of a subject, because its content moved; return how many."""
        return await records.void_all(tx, subject, at=self._clock.now(), reason=reason)

    async def vote(self, ballot: Ballot) -> Standing:
        """Count one vote and decide if it was the last that was needed.

        Membership is read again now, of the voter and of everyone who voted before; what cannot be read counts as
        no. The same vote of the same person again changes nothing.

        Raises:
            BadInput: a rejection without a reason.
            Refused: not open any more, an old card, or this person may not (codes `decided`, `expired`, `stale_card`,
                `not_by_you`, `not_an_approver`, `membership_unreadable`).
        """
        if ballot.vote is Vote.REJECT and not ballot.reason.strip():
            raise BadInput("reason_missing", "Say why you reject it: the reason is kept and shown.")
        seen = await self._seen(ballot)
        groups = await self._groups(ballot.person)
        emails = await self._emails(ballot.person, seen)
        fresh = {cast.person: await self._groups_or_none(cast.person) for cast in seen.approvers}
        over: Refused | None = None
        async with self._store.write(urgent=True) as tx:
            approval = await records.get(tx.conn, ballot.approval_id, lock=True)
            if approval is None:
                raise _unknown(ballot)
            if _said_before(approval, ballot):
                return Standing(approval, _count(approval, fresh))
            if approval.state is State.OPEN and expired(self._clock.now(), approval.expires_at):
                await self._expire(tx, approval)
                over = _not_open(replace(approval, state=State.EXPIRED))
            else:
                return await self._count(tx, approval, ballot, {**fresh, ballot.person: groups}, emails)
        raise over

    async def expire(self, approval_id: str) -> None:
        """End a request whose time is over; one that was decided is left alone."""
        async with self._store.write() as tx:
            approval = await records.get(tx.conn, approval_id, lock=True)
            if approval is None or approval.state is not State.OPEN:
                return
            if expired(self._clock.now(), approval.expires_at):
                await self._expire(tx, approval)

    async def who_may(self, approval: Approval, *, limit: int) -> tuple[Person, ...]:
        """Return people who may approve, at most `limit`; of groups that cannot be read, none."""
        found: set[Person] = set()
        for group in sorted({group for rule in approval.rules for group in rule.groups}):
            try:
                found |= await self._permissions.members(group)
            except MembershipUnreadable:
                continue
        may = [p for p in sorted(found) if not _excluded(approval, p, self._permissions.emails_of(p))]
        return tuple(may[:limit])

    async def _count(
        self,
        tx: Tx,
        approval: Approval,
        ballot: Ballot,
        groups: dict[Person, AbstractSet[str]],
        emails: AbstractSet[str],
    ) -> Standing:
        now = self._clock.now()
        self._check(approval, ballot, groups[ballot.person], emails)
        cast = Cast(
            person=ballot.person,
            vote=ballot.vote,
            groups=tuple(sorted(groups[ballot.person])),
            at=now,
            reason=ballot.reason.strip(),
        )
        await records.cast(tx, approval.id, cast)
        others = tuple(other for other in approval.votes if other.person != ballot.person)
        approval = replace(approval, votes=(*others, cast))
        counted = _count(approval, groups)
        state = State.OPEN
        if ballot.vote is Vote.REJECT:
            state = State.REJECTED
        elif counted.satisfied:
            state = State.APPROVED
        if state is not State.OPEN:
            await records.decide(tx, approval.id, state, at=now, by=ballot.person, reason=cast.reason)
            approval = replace(approval, state=state, decided_at=now, decided_by=ballot.person, reason=cast.reason)
        standing = Standing(approval, counted)
        for hook in self.on_change:
            await hook(tx, standing, ballot)
        return standing

    def _check(self, approval: Approval, ballot: Ballot, groups: AbstractSet[str], emails: AbstractSet[str]) -> None:
        if approval.state is not State.OPEN:
            raise _not_open(approval)
        if ballot.digest and ballot.digest != approval.digest:
            raise Refused(
                "stale_card",
                f"This card shows an older plan of {approval.subject}. Read the present one before you decide.",
            )
        excluded = {} if ballot.vote is Vote.REJECT else _excluded(approval, ballot.person, emails)
        refusal = may_vote(ballot.person, groups, approval.rules, excluded)
        if refusal is not None and not (ballot.vote is Vote.REJECT and ballot.person == approval.requester):
            raise Refused(refusal.code, f"{approval.subject} is not decided by you: {refusal.words}.")

    async def _expire(self, tx: Tx, approval: Approval) -> None:
        now = self._clock.now()
        if await records.decide(tx, approval.id, State.EXPIRED, at=now, by=None):
            ended = replace(approval, state=State.EXPIRED, decided_at=now)
            for hook in self.on_change:
                await hook(tx, Standing(ended, _count(ended, {})), None)

    async def _seen(self, ballot: Ballot) -> Approval:
        async with self._store.read() as conn:
            approval = await records.get(conn, ballot.approval_id)
        if approval is None:
            raise _unknown(ballot)
        return approval

    async def _emails(self, person: Person, approval: Approval) -> AbstractSet[str]:
        known = self._permissions.emails_of(person)
        if self._emails_of is None or not approval.excluded_emails or person.team == ACCOUNT_TEAM:
            return known
        try:
            return known | {address.strip().lower() for address in await self._emails_of(person)}
        except Exception as error:
            if known:
                return known  # a team approves in a terminal while Slack is away
            raise Refused(
                "author_unknown",
                f"It cannot be told whether you wrote any of {approval.subject}: your addresses are not in the "
                "configuration (people.….emails) and Slack does not answer.",
            ) from error

    async def _groups(self, person: Person) -> AbstractSet[str]:
        try:
            return await self._permissions.groups_of(person, fresh=True)
        except MembershipUnreadable as error:
            raise Refused(
                "membership_unreadable",
                f"Who is in which group cannot be read now ({error}), so no approval is counted. Try again later.",
            ) from error

    async def _groups_or_none(self, person: Person) -> AbstractSet[str]:
        try:
            return await self._permissions.groups_of(person, fresh=True)
        except MembershipUnreadable:
            return frozenset()


def _count(approval: Approval, groups: dict[Person, AbstractSet[str]]) -> Tally:
    voters = {cast.person: groups.get(cast.person, frozenset(cast.groups)) for cast in approval.approvers}
    return tally(approval.rules, voters, approval.excluded.keys())


def _excluded(approval: Approval, person: Person, emails: AbstractSet[str]) -> dict[Person, str]:
    if person in approval.excluded:
        return {person: approval.excluded[person]}
    wrote = next((why for address, why in approval.excluded_emails.items() if address in emails), "")
    return {person: wrote} if wrote else {}


def _said_before(approval: Approval, ballot: Ballot) -> bool:
    same_card = not ballot.digest or ballot.digest == approval.digest
    return same_card and any(cast.person == ballot.person and cast.vote is ballot.vote for cast in approval.votes)


def _unknown(ballot: Ballot) -> BadInput:
    return BadInput("unknown_approval", f"Nothing is known of the approval {ballot.approval_id}.")


def _not_open(approval: Approval) -> Refused:
    words = {
        State.APPROVED: "is approved already",
        State.REJECTED: "was rejected already",
        State.EXPIRED: "was not approved in time",
        State.VOID: f"changed since it was asked: {approval.reason}",
    }
    code = "expired" if approval.state is State.EXPIRED else "decided"
    return Refused(code, f"{approval.subject} {words.get(approval.state, 'is decided')}.")
