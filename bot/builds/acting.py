"""How runs are answered, retried and ended for people: with Shipmate's own token, or as themselves.

Builds know only this; who has lent what is known above them, and handed in (`Parts.by_person`).
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from bot.command import Resource
from bot.identity import Person
from bot.toolbox import Toolbox
from integrations.capabilities.builds import BuildServer
from integrations.capabilities.personal_runs import RunRight
from integrations.capabilities.runs import RunRef, RunTracker


class Deed(Struct, frozen=True, kw_only=True):
    """What somebody does with a run. `label` says it in words ("abort B-12"), `url` is where they could themselves."""

    person: Person
    right: RunRight
    ref: RunRef
    label: str
    subject: str
    resource: Resource
    request_id: str = ""
    url: str = ""


class Acting(Protocol):
    """Does it for people. Beside what is named, each raises the tool's errors and what `allowed` raises."""

    async def allowed(self, deed: Deed) -> None:
        """Make sure that it can be tried for this person.

        Raises:
            Refused: `not_connected` or `act_there`, with a link: the tool decides by person, and they lent nothing.
        """
        ...

    def by_link_alone(self, instance: str, right: RunRight) -> bool:
        """Tell whether nobody can do this from here: buttons for it are links from the start."""
        ...

    async def answer(self, deed: Deed, action: str, parameters: Mapping[str, str]) -> None:
        """Let a waiting action go on."""
        ...

    async def retry(self, deed: Deed, request_id: str) -> RunRef:
        """Run a build that is over once more; the same `request_id` again returns the same run."""
        ...

    async def cancel(self, deed: Deed) -> None:
        """Ask for the run's end."""
        ...


class OwnToken:
    """Does everything with Shipmate's own token."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def allowed(self, deed: Deed) -> None:
        """Allow it: what a person may ask for is decided by the permissions."""
        del deed

    def by_link_alone(self, instance: str, right: RunRight) -> bool:
        """Return False."""
        del instance, right
        return False

    async def answer(self, deed: Deed, action: str, parameters: Mapping[str, str]) -> None:
        """Let a waiting action go on. Raises: NotPermitted when the tool decides by person."""
        await self._toolbox.get(RunTracker, deed.ref.instance).answer(deed.ref, action, parameters)

    async def retry(self, deed: Deed, request_id: str) -> RunRef:
        """Run a build that is over once more."""
        return await self._toolbox.get(BuildServer, deed.ref.instance).retry_build(deed.ref, request_id)

    async def cancel(self, deed: Deed) -> None:
        """Ask for the run's end."""
        await self._toolbox.get(RunTracker, deed.ref.instance).cancel_run(deed.ref)
