"""`RunsByPerson`: runs answered, retried and ended as the person who asks, in tools that decide by person who may."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from bot.builds.acting import Deed, OwnToken
from bot.errors import Refused, UserError
from bot.grants import messages
from bot.grants.grants import Grants, Purpose
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Button
from bot.toolbox import Toolbox
from integrations.capabilities.personal_runs import PersonalRuns, RunRight
from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunRef

T = TypeVar("T")

_VERBS = {RunRight.ANSWER: "Start it", RunRight.RETRY: "Retry it", RunRight.ABORT: "Cancel it"}


class RunsByPerson:
    """Acts by a person's grant where they have lent one; else with our own token where the configuration allows it.

    A tool that is no `PersonalRuns` does not decide by person: there it is our own token.
    """

    def __init__(self, grants: Grants, toolbox: Toolbox) -> None:
        self._grants = grants
        self._toolbox = toolbox
        self._own = OwnToken(toolbox)

    async def allowed(self, deed: Deed) -> None:
        """Make sure that it can be tried for this person.

        Raises:
            Refused: `not_connected` or `act_there`, with a link: the tool decides by person, and they lent nothing.
        """
        await self._tool(deed)

    def by_link_alone(self, instance: str, right: RunRight) -> bool:
        """Tell whether our own token may not, and nobody can lend a grant."""
        tool = self._deciding(instance)
        return tool is not None and right not in tool.own_token_may and not self._grants.can_be_lent(instance)

    async def answer(self, deed: Deed, action: str, parameters: Mapping[str, str]) -> None:
        """Let a waiting action go on."""
        tool = await self._tool(deed)
        if tool is None:
            await self._own.answer(deed, action, parameters)
        else:
            await self._as(deed, lambda grant: tool.answer_as(deed.ref, action, parameters, grant))

    async def retry(self, deed: Deed, request_id: str) -> RunRef:
        """Run a build that is over once more; the same `request_id` again returns the same run."""
        tool = await self._tool(deed)
        if tool is None:
            return await self._own.retry(deed, request_id)
        return await self._as(deed, lambda grant: tool.retry_build_as(deed.ref, request_id, grant))

    async def cancel(self, deed: Deed) -> None:
        """Ask for the run's end."""
        tool = await self._tool(deed)
        if tool is None:
            await self._own.cancel(deed)
        else:
            await self._as(deed, lambda grant: tool.cancel_run_as(deed.ref, grant))

    async def _tool(self, deed: Deed) -> PersonalRuns | None:
        """Return the tool in which this person acts as themselves, None where our own token does it."""
        tool = self._deciding(deed.ref.instance)
        if tool is None or await self._grants.has(deed.person, deed.ref.instance):
            return tool
        if deed.right in tool.own_token_may:
            return None
        raise self._there(deed)

    def _deciding(self, instance: str) -> PersonalRuns | None:
        """Return the tool if it decides by person."""
        try:
            return self._toolbox.get(PersonalRuns, instance)
        except UserError:
            return None

    def _there(self, deed: Deed) -> Refused:
        instance = deed.ref.instance
        if deed.person.team != ACCOUNT_TEAM and self._grants.can_be_lent(instance):
            return messages.not_connected(instance, deed.label, _links(deed))
        words = f"{instance} decides by person who may {deed.label}: do it there. Nothing was done."
        return Refused("act_there", words, moves=_links(deed))

    async def _as(self, deed: Deed, call: Callable[[Grant], Awaitable[T]]) -> T:
        purpose = Purpose(
            action=f"run {deed.right.value}",
            what=deed.label,
            subject=deed.subject,
            resource=deed.resource,
            request_id=deed.request_id,
            moves=_links(deed),
        )
        return await self._grants.act(deed.person, deed.ref.instance, purpose, call)


def _links(deed: Deed) -> tuple[Button, ...]:
    label = f"{_VERBS[deed.right]} in {deed.ref.instance}"[:75]
    return (Button(label=label, url=deed.url),) if deed.url else ()
