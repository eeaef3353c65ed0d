"""`Approvals`: ask, vote, expire, void. One decision, whoever clicks at the same moment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import records
from bot.approvals.binding import InVote, OnUnproven, Unproven, no_sign_in
from bot.approvals.counting import as_kept, excluded_by, not_open, said_before, unknown, with_new
from bot.approvals.delegations import Delegations
from bot.approvals.facts import EmailsOf, Reader
from bot.approvals.records import Approval, Cast, Proof
from bot.approvals.rules import (
    NO_GROUP,
    UNREAD,
    Count,
    Facts,
    State,
    Tally,
    Vote,
    Voter,
    count_votes,
    expired,
    may_vote,
)
from bot.clock import Clock
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.permissions import EVERYONE, MembershipUnreadable, Permissions
from bot.store import Store, Tx
from bot.store.starts import want

EXPIRE = "approval.expire.v1"
REMIND = "approval.remind.v1"
REMINDED = 10
"""People who are reminded of one request, at most."""


class Ballot(Struct, frozen=True, kw_only=True):
    """One person's vote as it arrives. `digest` is what the card they pressed on showed, "" when typed.

    `proof` says how the identity provider proved who they are, None where nobody signed in for this vote.
    """

    approval_id: str
    person: Person
    vote: Vote
    reason: str = ""
    digest: str = ""
    request_id: str = ""
    proof: Proof | None = None


class Standing(Struct, frozen=True):
    """Where a request stands after something happened to it: `approval` with its newest state and votes.

    `dropped` are approvals that this very count found to count no more, with why; `reopened` is set where what was
    approved is asked again, and `could` are then those who may approve.
    """

    approval: Approval
    tally: Tally
    dropped: Mapping[Person, str] = field(default_factory=dict)
    reopened: bool = False
    could: Sequence[Person] = ()


OnChange = Callable[[Tx, Standing, Ballot | None], Awaitable[None]]
OnRemind = Callable[[Tx, Standing, Sequence[Person]], Awaitable[None]]


class Approvals:
    """Requests for approval.

    Each of `on_change` is called in the transaction of every vote, decision and expiry, each of `on_remind` in that of
    the one reminder. `emails_of` adds to the addresses that the configuration tells, so that authors are recognised
    whom nobody wrote down. `on_unproven` leads who approves what is bound to a sign-in.
    """

    def __init__(
        self, *, store: Store, clock: Clock, permissions: Permissions, emails_of: EmailsOf | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._permissions = permissions
        self.reader = Reader(permissions, emails_of)
        self.delegations: Delegations | None = None
        self.on_change: list[OnChange] = []
        self.on_remind: list[OnRemind] = []
        self.on_unproven: OnUnproven = no_sign_in

    async def open(self, tx: Tx, approval: Approval) -> None:
        """Ask for approval; asking for the same again changes nothing."""
        if await records.add(tx, approval):
            await want(tx, f"{approval.id}/expire", EXPIRE, approval.id, at=approval.expires_at)
            if approval.remind_at is not None:
                await want(tx, f"{approval.id}/remind", REMIND, approval.id, at=approval.remind_at)

    async def get(self, conn: AsyncConnection, approval_id: str) -> Standing | None:
        """Return where a request stands, counted as it was when somebody last voted."""
        approval = await records.get(conn, approval_id)
        return None if approval is None else Standing(approval, as_kept(approval))

    async def void(self, tx: Tx, subject: str, reason: str) -> int:
        """Void all that was asked or approved of a subject, because its content moved; return how many."""
        return await records.void_all(tx, subject, at=self._clock.now(), reason=reason)

    async def vote(self, ballot: Ballot, *, also: InVote | None = None) -> Standing:
        """Count one vote and decide if it was the last that was needed.

        Membership and addresses are read again now, of the voter and of everyone who voted before; what cannot be read
        counts as no. The same vote of the same person again changes nothing. `also` is done in the same transaction.

        Raises:
            BadInput: a rejection without a reason.
            Refused: not open any more, an old card, or this person may not (codes `decided`, `expired`, `stale_card`,
                `not_by_you`, `not_an_approver`, `approved_already`, `membership_unreadable`, `author_unknown`), or
                they have to sign in for it (`sign_in_needed`).
        """
        if ballot.vote is Vote.REJECT and not ballot.reason.strip():
            raise BadInput("reason_missing", "Say why you reject it: the reason is kept and shown.")
        seen = await self._seen(ballot.approval_id)
        mine = await self._voter(ballot.person, seen)
        emails = await self.reader.addresses(ballot.person, seen)
        others = [cast for cast in seen.approvers if cast.person != ballot.person]
        facts = await self.reader.facts(seen, others, strict=True)
        lender = {} if mine.principal is None else {mine.principal: await self.reader.known(mine.principal)}
        facts = replace(facts, addresses={**facts.addresses, **lender, ballot.person: emails})
        try:
            return await self._vote(ballot, mine, facts, also)
        except Unproven as unproven:
            raise await self.on_unproven(unproven.approval, ballot) from None

    async def _vote(self, ballot: Ballot, mine: Voter, facts: Facts, also: InVote | None) -> Standing:
        over: Refused | None = None
        async with self._store.write(urgent=True) as tx:
            approval = await records.get(tx.conn, ballot.approval_id, lock=True)
            if approval is None:
                raise unknown(ballot.approval_id)
            if also is not None:
                await also(tx)
            if said_before(approval, ballot):
                return Standing(approval, as_kept(approval))
            if approval.state is State.OPEN and expired(self._clock.now(), approval.expires_at):
                await self._expire(tx, approval)
                over = not_open(replace(approval, state=State.EXPIRED))
            else:
                return await self._count(tx, approval, ballot, mine, with_new(facts, approval, ballot.person))
        raise over

    async def revoke(self, ballot: Ballot) -> Standing:
        """Take an approval back; what was approved by it is asked again, unless those of others suffice.

        Each of `on_change` may refuse, because what was approved has been begun: then nothing is changed.

        Raises:
            Refused: this person has approved nothing here, or the request has ended (`nothing_to_revoke`, `decided`).
        """
        could = await self.could(ballot.approval_id, limit=REMINDED)
        async with self._store.write(urgent=True) as tx:
            approval = await records.get(tx.conn, ballot.approval_id, lock=True)
            if approval is None:
                raise unknown(ballot.approval_id)
            mine = next((cast for cast in approval.votes if cast.person == ballot.person), None)
            if mine is not None and mine.vote is Vote.REVOKE:
                return Standing(approval, as_kept(approval))
            if mine is None or mine.vote is not Vote.APPROVE:
                raise Refused("nothing_to_revoke", f"You have not approved {approval.subject}.")
            if approval.state not in {State.OPEN, State.APPROVED}:
                raise not_open(approval)
            cast = replace(mine, vote=Vote.REVOKE, at=self._clock.now(), reason=ballot.reason.strip(), dropped="")
            await records.cast(tx, approval.id, cast)
            rest = tuple(one for one in approval.votes if one.person != ballot.person)
            return await self._recounted(tx, replace(approval, votes=(*rest, cast)), ballot, {}, could)

    async def recount(self, approval_id: str) -> Mapping[Person, str]:
        """Return who approved and may not, as is known now, with why; nothing is written.

        What cannot be read now drops nobody: it was read when they approved.
        """
        approval = await self._seen(approval_id)
        facts = await self.reader.facts(approval, approval.approvers, strict=False)
        return count_votes(approval.rules, facts, approval.excluded, approval.excluded_emails).dropped

    async def drop(
        self, tx: Tx, approval_id: str, dropped: Mapping[Person, str], could: Sequence[Person] = ()
    ) -> Standing | None:
        """Count no longer the approvals of these people; return where it stands, None where nothing was to drop."""
        approval = await records.get(tx.conn, approval_id, lock=True)
        if approval is None or approval.state not in {State.OPEN, State.APPROVED}:
            return None
        known = {cast.person for cast in approval.approvers if not cast.dropped} & dropped.keys()
        if not known:
            return None
        for person in sorted(known):
            await records.note_dropped(tx, approval.id, person, dropped[person])
        votes = tuple(
            replace(cast, dropped=dropped[cast.person]) if cast.person in known else cast for cast in approval.votes
        )
        new = {person: dropped[person] for person in known}
        return await self._recounted(tx, replace(approval, votes=votes), None, new, could)

    async def expire(self, approval_id: str) -> None:
        """End a request whose time is over; one that was decided is left alone."""
        async with self._store.write() as tx:
            approval = await records.get(tx.conn, approval_id, lock=True)
            if approval is None or approval.state is not State.OPEN:
                return
            if expired(self._clock.now(), approval.expires_at):
                await self._expire(tx, approval)

    async def remind(self, approval_id: str) -> None:
        """Remind who may still decide and has not, once; a request that was decided meanwhile is left alone."""
        people = await self.could(approval_id, limit=REMINDED)
        async with self._store.write() as tx:
            approval = await records.get(tx.conn, approval_id, lock=True)
            if approval is None or approval.state is not State.OPEN:
                return
            if expired(self._clock.now(), approval.expires_at):
                return
            voted = {cast.person for cast in approval.votes}
            for remind in self.on_remind:
                await remind(tx, Standing(approval, as_kept(approval)), [one for one in people if one not in voted])

    async def could(self, approval_id: str, *, limit: int) -> tuple[Person, ...]:
        """Return who may approve and has not."""
        approval = await self._seen(approval_id)
        voted = {cast.person for cast in approval.votes}
        may = await self.who_may(approval, limit=limit + len(voted))
        return tuple(person for person in may if person not in voted)[:limit]

    async def who_may(self, approval: Approval, *, limit: int) -> tuple[Person, ...]:
        """Return people who may approve, at most `limit`; of groups that cannot be read, none."""
        found: set[Person] = set()
        for group in sorted({group for rule in approval.rules for group in rule.groups}):
            try:
                found |= await self._permissions.members(group)
            except MembershipUnreadable:
                continue
        lent = [] if self.delegations is None else await self.delegations.active()
        excluded = {p for p in found if excluded_by(approval, p, self._permissions.emails_of(p))}
        found |= {one.delegate for one in lent if one.delegator in found - excluded}
        may = [p for p in sorted(found) if not excluded_by(approval, p, self._permissions.emails_of(p))]
        return tuple(may[:limit])

    async def _count(self, tx: Tx, approval: Approval, ballot: Ballot, mine: Voter, facts: Facts) -> Standing:
        now = self._clock.now()
        counted = self._check(approval, ballot, mine, facts)
        cast = Cast(
            person=ballot.person,
            vote=ballot.vote,
            groups=tuple(sorted(mine.groups)),
            at=now,
            reason=ballot.reason.strip(),
            principal=mine.principal,
            proof=ballot.proof,
        )
        await records.cast(tx, approval.id, cast)
        casts = [one for one in approval.votes if one.person != ballot.person]
        new = {}
        for one in casts:
            why = counted.dropped.get(one.person, "")
            if one.vote is Vote.APPROVE and why != one.dropped:
                await records.note_dropped(tx, approval.id, one.person, why)
                new[one.person] = why
        votes = (*(replace(one, dropped=counted.dropped.get(one.person, "")) for one in casts), cast)
        approval = replace(approval, votes=votes)
        state = State.OPEN
        if ballot.vote is Vote.REJECT:
            state = State.REJECTED
        elif counted.tally.satisfied:
            state = State.APPROVED
        if state is not State.OPEN:
            await records.decide(tx, approval.id, state, at=now, by=ballot.person, reason=cast.reason)
            approval = replace(approval, state=state, decided_at=now, decided_by=ballot.person, reason=cast.reason)
        standing = Standing(approval, counted.tally, {person: why for person, why in new.items() if why})
        for hook in self.on_change:
            await hook(tx, standing, ballot)
        return standing

    def _check(self, approval: Approval, ballot: Ballot, mine: Voter, facts: Facts) -> Count:
        """Return the count with this vote in it. Raises: Refused, where it may not be given."""
        if approval.state is not State.OPEN:
            raise not_open(approval)
        if ballot.digest and ballot.digest != approval.digest:
            raise Refused(
                "stale_card",
                f"This card shows an older plan of {approval.subject}. Read the present one before you decide.",
            )
        rejects = ballot.vote is Vote.REJECT
        if not rejects:
            facts = replace(facts, voters=(*facts.voters, mine))
        counted = count_votes(approval.rules, facts, approval.excluded, approval.excluded_emails)
        if mine.person in counted.twice:
            other = self._permissions.name_of(counted.twice[mine.person])
            raise Refused(
                "approved_already",
                f"@{other} has approved {approval.subject}, and counts as the same person as you: one person approves "
                "once, with whichever account.",
            )
        why = "" if rejects else counted.dropped.get(mine.person, "")
        excluded = {} if why in {"", NO_GROUP, UNREAD} else {mine.person: why}
        refusal = may_vote(ballot.person, mine.groups, approval.rules, excluded)
        if refusal is not None and not (rejects and ballot.person == approval.requester):
            raise Refused(refusal.code, f"{approval.subject} is not decided by you: {refusal.words}.")
        if approval.bound and not rejects and ballot.proof is None:
            raise Unproven(approval)
        return counted

    async def _recounted(
        self,
        tx: Tx,
        approval: Approval,
        ballot: Ballot | None,
        dropped: Mapping[Person, str],
        could: Sequence[Person],
    ) -> Standing:
        """Count what is left; where that is not enough any more, ask again for as long as at first."""
        counted, reopened = as_kept(approval), False
        if approval.state is State.APPROVED and not counted.satisfied:
            now = self._clock.now()
            expires_at = now + (approval.expires_at - approval.opened_at)
            reopened = await records.reopen(tx, approval.id, now=now, expires_at=expires_at)
            approval = replace(
                approval,
                state=State.OPEN,
                opened_at=now,
                expires_at=expires_at,
                decided_at=None,
                decided_by=None,
                reason="",
            )
            await want(tx, f"{approval.id}/expire/{int(now.timestamp() * 1e6)}", EXPIRE, approval.id, at=expires_at)
        standing = Standing(approval, counted, dropped, reopened, could)
        for hook in self.on_change:
            await hook(tx, standing, ballot)
        return standing

    async def _expire(self, tx: Tx, approval: Approval) -> None:
        now = self._clock.now()
        if await records.decide(tx, approval.id, State.EXPIRED, at=now, by=None):
            ended = replace(approval, state=State.EXPIRED, decided_at=now)
            for hook in self.on_change:
                await hook(tx, Standing(ended, as_kept(ended)), None)

    async def _voter(self, person: Person, approval: Approval) -> Voter:
        """Return who votes, by a right of their own where that still counts, else by one that was lent to them."""
        own = await self.reader.groups(person)
        missing = as_kept(approval).missing
        asked = {group for rule in approval.rules for group in rule.groups}
        wanted = {group for rule, more in zip(approval.rules, missing, strict=True) if more for group in rule.groups}
        if own & wanted or self.delegations is None or EVERYONE not in own:
            return Voter(person=person, groups=own)
        voted = {cast.person for cast in approval.votes} | {cast.principal for cast in approval.votes}
        for principal, lent in sorted((await self.delegations.lent_to(person)).items()):
            out = excluded_by(approval, principal, await self.reader.known(principal))
            if lent & (asked if not own & asked else wanted) and not out and principal not in voted:
                return Voter(person=person, groups=lent, principal=principal)
        return Voter(person=person, groups=own)

    async def _seen(self, approval_id: str) -> Approval:
        async with self._store.read() as conn:
            approval = await records.get(conn, approval_id)
        if approval is None:
            raise unknown(approval_id)
        return approval
