"""`Reviews`: merge requests of services; decided by people with their own grants, at the head they saw."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.command import Resource
from bot.errors import BadInput, Degraded
from bot.grants.grants import Grants, Purpose
from bot.identity import Person
from bot.permissions import Permissions
from bot.reply import Button, Reply
from bot.reviews import messages
from bot.reviews.messages import Viewer
from bot.toolbox import Toolbox
from integrations.capabilities.merge_requests import MergeRequest, MergeRequests, MergeState
from integrations.capabilities.persons import Grant
from integrations.errors import IntegrationError, NotFound, NotPermitted, OutcomeUnknown, Refused as ToolRefused

MOST = 20
_DETAILED = 10
_NUMBER = re.compile(r"(?:[!#]|.*/merge_requests/|.*/pull/)?(\d{1,9})(?:[/?#].*)?\Z")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

log = structlog.get_logger()


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants decided: `sha` is the head that they were shown, "" where they typed none."""

    person: Person
    service: str
    number: str
    sha: str = ""
    request_id: str = ""


class _Where(Struct, frozen=True):
    service: Service
    host: MergeRequests

    @property
    def project(self) -> str:
        return self.service.repository.project

    @property
    def instance(self) -> str:
        return self.service.repository.instance


class Reviews:
    """Merge requests of the services in the catalog."""

    def __init__(
        self,
        *,
        catalog: Callable[[], Catalog],
        toolbox: Toolbox,
        grants: Grants,
        permissions: Permissions,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._toolbox = toolbox
        self._grants = grants
        self._permissions = permissions
        self._clock = clock

    async def list(self, service: str, limit: int) -> Reply:
        """Return the open merge requests of a service, newest change first.

        Raises:
            BadInput: `unknown_service`, `missing_capability`, or `bad_limit`.
            IntegrationError: the tool does not answer.
        """
        if not 1 <= limit <= MOST:
            raise BadInput("bad_limit", f"--limit is a number from 1 to {MOST}, not {limit}.")
        where = self._where(service)
        return messages.listed(where.service.name, await self._open(where, limit), self._clock.now())

    async def choices(self, service: str) -> Sequence[MergeRequest]:
        """Return the open merge requests of a service as they are listed, without their details."""
        where = self._where(service)
        return await where.host.list_merge_requests(where.project, MergeState.OPEN, MOST)

    async def show(self, person: Person, service: str, number: str) -> Reply:
        """Return one merge request, with what this person can do about it."""
        where = self._where(service)
        one = await self._get(where, read_number(number))
        return messages.shown(where.service.name, one, await self._viewer(person, where), self._clock.now())

    async def remind(self, service: str) -> Reply:
        """Return the message that reminds reviewers of what waits longest."""
        where = self._where(service)
        waiting = [one for one in await self._open(where, MOST) if not one.draft and one.approvals_left != 0]
        waiting.sort(key=lambda one: one.updated_at or one.created_at or _LONG_AGO)
        known = {
            account.casefold(): person
            for person in self._permissions.people().values()
            if (account := self._permissions.account_of(person, where.instance))
        }
        return messages.reminder(
            where.service.name, waiting, self._clock.now(), lambda name: known.get(name.casefold())
        )

    # ------------------------------------------------------------------------------------------------------ deciding

    async def approve(self, wish: Wish) -> Reply:
        """Approve as the person, at the head they saw; approved by them already is no error.

        Raises:
            Refused: `not_connected`, `changed`, `not_open`, or what the tool says.
            Degraded: `outcome_unknown`: the tool did not say whether it took effect.
        """
        where = self._where(wish.service)
        one = await self._get(where, read_number(wish.number))
        viewer = await self._viewer(wish.person, where)
        if not wish.sha:
            return messages.look_first(where.service.name, one, viewer, "approve", self._clock.now())
        self._stands(where, one, wish)
        if one.state is not MergeState.OPEN:
            raise messages.not_open(where.service.name, one)

        async def act(grant: Grant) -> MergeRequest:
            return await where.host.approve_merge_request(where.project, one.number, one.sha, grant)

        try:
            after = await self._as(wish, where, one, "approve", act)
        except OutcomeUnknown as error:
            after = await self._get(where, one.number)
            if viewer.account not in after.approved_by:
                raise self._in_doubt(where, after, "approve") from error
        return messages.approved(where.service.name, after, viewer.account)

    async def merge(self, wish: Wish) -> Reply:
        """Merge as the person, at the head they saw; merged already at this head is told, whoever did it.

        Raises:
            Refused: `not_connected`, `changed`, `not_open`, or what the tool says.
            Degraded: `outcome_unknown`: the tool did not say whether it took effect; it is not asked twice.
        """
        where = self._where(wish.service)
        one = await self._get(where, read_number(wish.number))
        viewer = await self._viewer(wish.person, where)
        if not wish.sha:
            return messages.look_first(where.service.name, one, viewer, "merge", self._clock.now())
        self._stands(where, one, wish)
        if one.state is MergeState.MERGED:
            ours = bool(viewer.account) and one.merged_by == viewer.account  # run again after a crash, perhaps
            return messages.merged(where.service.name, one, viewer.account, ours=ours)
        if one.state is not MergeState.OPEN:
            raise messages.not_open(where.service.name, one)

        async def act(grant: Grant) -> MergeRequest:
            return await where.host.merge(where.project, one.number, one.sha, grant)

        try:
            after = await self._as(wish, where, one, "merge", act)
        except OutcomeUnknown as error:
            log.warning("merge.outcome_unknown", project=where.project, number=one.number)
            after = await self._get(where, one.number)
            if after.state is not MergeState.MERGED:
                raise self._in_doubt(where, after, "merge") from error
        ours = after.merged_by in {"", viewer.account}
        return messages.merged(where.service.name, after, viewer.account, ours=ours)

    async def _as(
        self,
        wish: Wish,
        where: _Where,
        one: MergeRequest,
        verb: str,
        act: Callable[[Grant], Awaitable[MergeRequest]],
    ) -> MergeRequest:
        purpose = Purpose(
            action=f"mr {verb}",
            what=f"{verb} !{one.number}",
            subject=f"{where.project}!{one.number}",
            resource=Resource(where.service.name),
            request_id=wish.request_id,
            moves=(Button(label=f"{verb.capitalize()} in {where.instance}", url=one.url),),
        )
        try:
            return await self._grants.act(wish.person, where.instance, purpose, act)
        except NotPermitted as error:
            why = f"you may not {verb} it there ({error.message})"
            raise messages.in_the_way(where.service.name, one, where.instance, why) from error
        except ToolRefused as error:
            now = await self._get(where, one.number)
            self._stands(where, now, wish)
            if now.state is MergeState.MERGED and verb == "merge":
                return now
            if now.state is not MergeState.OPEN:
                raise messages.not_open(where.service.name, now) from error
            raise messages.in_the_way(where.service.name, now, where.instance, error.reason) from error

    def _in_doubt(self, where: _Where, one: MergeRequest, verb: str) -> Degraded:
        again = messages.show_button(where.service.name, one.number, "Show again")
        return Degraded(
            "outcome_unknown",
            f"{where.instance} was asked to {verb} !{one.number} of {where.service.name} and did not answer. It is "
            f"{one.state.value} now; nothing was sent twice. Look again in a moment.",
            moves=(again,),
        )

    def _stands(self, where: _Where, one: MergeRequest, wish: Wish) -> None:
        """Refuse what has moved since the person looked. A head may be named by its first seven characters."""
        seen = wish.sha.strip().lower()
        if len(seen) < 7 or not one.sha.startswith(seen):  # noqa: PLR2004 - as Git shortens
            raise messages.moved(where.service.name, one, seen)

    # ------------------------------------------------------------------------------------------------------- looking

    def _where(self, service: str) -> _Where:
        found = self._catalog().service(service)
        return _Where(found, self._toolbox.get(MergeRequests, found.repository.instance))

    async def _get(self, where: _Where, number: int) -> MergeRequest:
        try:
            return await where.host.get_merge_request(where.project, number)
        except NotFound as error:
            found = await where.host.list_merge_requests(where.project, MergeState.OPEN, MOST)
            numbers = sorted((one.number for one in found), key=lambda known: abs(known - number))
            raise messages.unknown(where.service.name, number, numbers) from error

    async def _open(self, where: _Where, limit: int) -> Sequence[MergeRequest]:
        """Return what is open, the first ones with approvals and pipeline, which a list of the tool may not tell."""
        found = await where.host.list_merge_requests(where.project, MergeState.OPEN, limit)
        detailed = await asyncio.gather(*(self._detailed(where, one) for one in found[:_DETAILED]))
        return [*detailed, *found[_DETAILED:]]

    async def _detailed(self, where: _Where, one: MergeRequest) -> MergeRequest:
        try:
            return await where.host.get_merge_request(where.project, one.number)
        except IntegrationError as error:
            log.info("merge_request.no_details", project=where.project, number=one.number, error=repr(error))
            return one

    async def _viewer(self, person: Person, where: _Where) -> Viewer:
        linkable = self._grants.can_be_lent(where.instance)
        account = await self._grants.username(person, where.instance) if linkable else ""
        known = await self._grants.proposals.of(person, where.instance) if linkable and not account else None
        return Viewer(instance=where.instance, account=account, linkable=linkable, proposal=known)


def read_number(text: str) -> int:
    """Return the number in "12", "!12" or the address of a merge request.

    Raises:
        BadInput: `bad_number`.
    """
    found = _NUMBER.fullmatch(text.strip().strip("<>"))
    if found is None:
        raise BadInput("bad_number", f'"{text[:60]}" is no merge request: write its number, such as 12 or !12.')
    return int(found[1])
