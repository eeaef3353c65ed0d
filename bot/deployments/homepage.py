"""What a person's home page says of deployments: what waits for them, what is theirs, what runs where."""

from collections.abc import Sequence

from bot.approvals import records as approval_records
from bot.approvals.records import Approval
from bot.approvals.rules import Vote
from bot.deployments import buttons, plan_messages, records
from bot.deployments.overview import Overview
from bot.deployments.parts import Parts
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.identity import Person
from bot.permissions import MembershipUnreadable
from bot.reply import Button, Buttons, Headline, Markup, Note, Paragraph, Part, joined, say

LOOKED_AT = 500
"""Deployments under way that are looked through."""

_WAITING = 8
_MINE = 8
_PLACES = 25


class Homepage:
    """The sections, each from our own store; the buttons run the same commands as those of the cards."""

    def __init__(self, parts: Parts, overview: Overview) -> None:
        self._parts = parts
        self._overview = overview

    async def waiting(self, person: Person) -> Sequence[Part]:
        """Return what waits for this person, each with its buttons."""
        unread = ""
        try:
            groups = await self._parts.permissions.groups_of(person)
        except MembershipUnreadable as error:
            groups, unread = frozenset[str](), f"Who belongs to {error.group} cannot be read now: more may wait."
        found = await self._waits_for(person, groups)
        parts: list[Part] = [Headline(say("Waits for you"))]
        for one in found[:_WAITING]:
            parts += self._asked(one)
        if len(found) > _WAITING:
            ids = ", ".join(one.id for one in found[_WAITING : _WAITING + 10])
            parts.append(Note(say("…{} more: {}", len(found) - _WAITING, ids)))
        if not found:
            parts.append(Paragraph(Markup("Nothing.")))
        return [*parts, Note(say("{}", unread))] if unread else parts

    async def mine(self, person: Person) -> Sequence[Part]:
        """Return what this person asked for and is under way."""
        async with self._parts.store.read() as conn:
            found = await records.unfinished(conn, limit=LOOKED_AT)
        mine = [one for one in found if one.requested_by == person]
        lines = [self._overview.line(one) for one in mine[:_MINE]]
        if len(mine) > _MINE:
            lines.append(say("…{} more: {}", len(mine) - _MINE, Markup("`/deploys`")))
        return (Headline(say("Yours, under way")), Paragraph(joined("\n", lines) if lines else Markup("Nothing.")))

    async def running(self, person: Person) -> Sequence[Part]:
        """Return what runs where, with the locks and freezes in the way."""
        del person
        lines = await self._overview.lines(most=_PLACES)
        return (Headline(say("What runs where")), Paragraph(joined("\n", lines))) if lines else ()

    async def _waits_for(self, person: Person, groups: frozenset[str]) -> list[Deployment]:
        async with self._parts.store.read() as conn:
            found = []
            for one in await records.unfinished(conn, limit=LOOKED_AT):
                if not _concerns(one, person, groups):
                    continue
                approval = await approval_records.get(conn, one.approval_id)
                if one.state is not State.AWAITING_APPROVAL or approval is None or self._may(person, approval):
                    found.append(one)
        return found

    def _may(self, person: Person, approval: Approval) -> bool:
        """Tell whether a person has not approved yet and is not known to be kept from it, as far as we know by now."""
        given = any(cast.person == person and cast.vote is Vote.APPROVE and not cast.dropped for cast in approval.votes)
        wrote = self._parts.permissions.emails_of(person) & approval.excluded_emails.keys()
        return not (given or wrote or person in approval.excluded)

    def _asked(self, deployment: Deployment) -> list[Part]:
        """Return one deployment that waits, with the buttons of its card that are about deciding."""
        if deployment.state is not State.AWAITING_APPROVAL:
            return [Paragraph(self._overview.line(deployment)), Buttons(buttons.of(deployment))]
        show = Button(label="Show plan", command="plan", args={"deployment": deployment.id})
        told = say("{}\n{}", self._overview.line(deployment), plan_messages.what_changes(deployment.the_plan))
        return [Paragraph(told), Buttons((*buttons.to_vote(deployment), show))]


def _concerns(deployment: Deployment, person: Person, groups: frozenset[str]) -> bool:
    if deployment.state is State.INCONCLUSIVE or deployment.parked_at is not None:
        return deployment.requested_by == person
    if deployment.state is not State.AWAITING_APPROVAL or deployment.requested_by == person:
        return False
    return any(groups & set(ask.groups) for ask in deployment.the_plan.asks)
