"""How a request stands by what is kept of it, and what is said where it cannot be voted on."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot.approvals.records import Approval
from bot.approvals.rules import Facts, State, Tally, Voter, tally
from bot.errors import BadInput, Refused
from bot.identity import Person

if TYPE_CHECKING:
    from bot.approvals.approvals import Ballot


def as_kept(approval: Approval) -> Tally:
    """Count as it was when somebody last voted, with the groups that were read then."""
    voters = {cast.person: frozenset(cast.groups) for cast in approval.approvers if not cast.dropped}
    return tally(approval.rules, voters, approval.excluded.keys())


def with_new(facts: Facts, approval: Approval, voter: Person) -> Facts:
    """Return the facts with those who approved since they were read: as they were in that moment."""
    known = {one.person for one in facts.voters}
    new = [
        Voter(person=cast.person, groups=frozenset(cast.groups), principal=cast.principal)
        for cast in approval.approvers
        if cast.person not in known and cast.person != voter
    ]
    gone = known - {cast.person for cast in approval.approvers}
    return replace(facts, voters=(*(one for one in facts.voters if one.person not in gone), *new))


def excluded_by(approval: Approval, person: Person, emails: Collection[str]) -> dict[Person, str]:
    """Return why somebody with these addresses may not approve, by person; empty where they may."""
    if person in approval.excluded:
        return {person: approval.excluded[person]}
    wrote = next((why for address, why in approval.excluded_emails.items() if address in emails), "")
    return {person: wrote} if wrote else {}


def said_before(approval: Approval, ballot: "Ballot") -> bool:
    """Tell whether the same vote of the same person is kept, and counts."""
    same_card = not ballot.digest or ballot.digest == approval.digest
    said = (cast for cast in approval.votes if cast.person == ballot.person and cast.vote is ballot.vote)
    return same_card and any(not cast.dropped for cast in said)


def unknown(approval_id: str) -> BadInput:
    """Return the mistake of naming a request that is none."""
    return BadInput("unknown_approval", f"Nothing is known of the approval {approval_id}.")


def not_open(approval: Approval) -> Refused:
    """Return the refusal of a vote on what is decided."""
    words = {
        State.APPROVED: "is approved already",
        State.REJECTED: "was rejected already",
        State.EXPIRED: "was not approved in time",
        State.VOID: f"changed since it was asked: {approval.reason}",
    }
    code = "expired" if approval.state is State.EXPIRED else "decided"
    return Refused(code, f"{approval.subject} {words.get(approval.state, 'is decided')}.")
