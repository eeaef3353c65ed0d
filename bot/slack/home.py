"""The App Home: what waits for a person and what is theirs, from sections that the domains register.

Source: https://docs.slack.dev/surfaces/app-home
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.errors import UserError
from bot.identity import Person
from bot.reply import Divider, Headline, Markup, Message, Note, Paragraph, Part, escape
from bot.slack import blocks
from bot.slack.connection import Connection, SlackError
from bot.slack.directory import Directory, PersonInfo
from bot.slack.mrkdwn import Json

_log = structlog.get_logger(__name__)

Section = Callable[[Person], Awaitable[Sequence[Part]]]


class HomeTab:
    """The tab, made anew each time it is opened. `sections` are asked in order; an empty one is left out."""

    def __init__(self, connection: Connection, directory: Directory, sections: Sequence[Section] = ()) -> None:
        self._connection = connection
        self._directory = directory
        self._sections = list(sections)
        self._shown: dict[str, str] = {}

    def add(self, section: Section) -> None:
        """Add a section below the others."""
        self._sections.append(section)

    async def publish(self, user: str, *, anew: bool = True) -> bool:
        """Show the tab to a person, who sees it until the next time; answer whether it was sent.

        Unless `anew` it is sent only where it differs from what was sent before.
        """
        try:
            info = await self._directory.info(user)
            view = await self.view(info)
            told = hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
            if not anew and self._shown.get(user) == told:
                return False
            await self._connection.call("views.publish", {"user_id": user, "view": view})
        except SlackError as error:
            _log.warning("a home tab could not be published", reason=error.failure.reason)
            return False
        self._shown[user] = told
        return True

    def forget(self, user: str) -> None:
        """Forget what was sent to a person: nobody looks after their tab any more."""
        self._shown.pop(user, None)

    async def view(self, info: PersonInfo) -> Json:
        """Return the `home` view of one person; people of other organisations and guests see no work of ours."""
        if not info.ours or info.guest:
            parts: list[Part] = [Paragraph(Markup("Shipmate works for the members of this workspace."))]
        else:
            parts = await self._parts(info.person)
        message = Message(summary="Shipmate", parts=tuple(parts))
        return {"type": "home", "blocks": blocks.render(message, surface="home")}

    async def _parts(self, person: Person) -> list[Part]:
        parts: list[Part] = []
        for section in self._sections:
            try:
                found = await section(person)
            except UserError as error:
                found = [Note(escape(error.text))]
            except Exception:  # noqa: BLE001 - one section that fails must not hide the others
                _log.exception("a section of the home tab failed")
                found = [Note(Markup("A part of this page failed; the log says why."))]
            if found:
                parts += [Divider(), *found] if parts else list(found)
        return parts or [
            Headline(Markup("Nothing waits for you.")),
            Note(Markup("Type `/shipmate help` in a channel.")),
        ]
