"""`Alerts`: all there is about alerts, in one place for commands and the composition root."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.alerts import messages, silence_records, workflow
from bot.alerts.acting import Acting
from bot.alerts.attachments import Attachments
from bot.alerts.helping import Helping
from bot.alerts.intake import Intake
from bot.alerts.notices import Notices
from bot.alerts.overview import Overview
from bot.alerts.parts import Parts
from bot.alerts.poller import Poller
from bot.alerts.records import Group
from bot.alerts.recovery import Recovery
from bot.alerts.rules import Act, refusal
from bot.alerts.showing import Showing
from bot.alerts.silences import Silences, Wish
from bot.alerts.storms import Storms
from bot.alerts.stranded import Stranded
from bot.alerts.studying import Studying
from bot.alerts.waking import Waking
from bot.alerts.watchdogs import Watchdogs
from bot.command import Call, Option, Resource
from bot.crowd import CrowdHandler
from bot.errors import BadInput, Refused, UserError
from bot.reply import Reply, moment, say, text
from bot.webhooks import EventHandler
from integrations.capabilities.alerts import Matcher
from integrations.capabilities.matchers import of_labels, read_all, written

NOTIFIED = "alerts.notified"
READ = "alert.read"
ACT = "alert.act"
SILENCE = "alert.silence"
PAGE = "alert.page"
LONGEST_WAIT = timedelta(hours=24)
"""How long a silence waits for a recovery where no other end is given."""


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody asked to be silent, in their words; with neither length nor end: what it is about."""

    alert: str
    duration: timedelta | None = None
    until: str = ""
    matchers: str = ""
    reason: str = ""
    until_recovery: bool = False


class Alerts:
    """Takes in, shows, and lets people act."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.intake = Intake(parts)
        self.showing = Showing(parts)
        self.silences = Silences(parts, self.intake)
        self.notices = Notices(parts, self.intake)
        self.storms = Storms(parts, self.intake.gathering, self.intake, self.showing)
        self.poller = Poller(parts, self.intake, self.silences)
        self.watchdogs = Watchdogs(parts, self.intake)
        self.acting = Acting(parts, self.intake)
        self.attachments = Attachments(parts, self.intake)
        self.helping = Helping(parts, self.intake)
        self.poller.afterwards += [self.attachments.let_go, Recovery(parts).end_silences, Stranded(parts).tell]
        self.overview = Overview(parts, self.showing)
        self.studying = Studying(parts, self.intake, self.showing)
        if parts.paging is not None:
            parts.paging.serve(Waking(parts, self.intake))

    def start(self) -> None:
        """Begin to ask the sources, to keep the messages of storms, and to wait for watchdogs."""
        self.notices.start()
        self.poller.start()
        self.watchdogs.start()
        self.storms.start()

    async def stop(self) -> None:
        """Do that no more."""
        await self.notices.stop()
        await self.poller.stop()
        await self.watchdogs.stop()
        await self.storms.stop()

    @property
    def handlers(self) -> Mapping[str, EventHandler]:
        """Return what takes in which kind of event."""
        return {NOTIFIED: self.intake.notified}

    @property
    def crowded(self) -> Mapping[str, CrowdHandler]:
        """Return what takes in many events of a kind at once."""
        return {NOTIFIED: self.notices.keep}

    def bind(self) -> None:
        """Give the workflows what they work on; before the engine is launched."""
        workflow.bind(
            self.showing,
            self.silences,
            self.poller,
            keeping=self.acting.keeping,
            attachments=self.attachments,
            studying=self.studying,
        )

    async def parked(self, _workflow_id: str, name: str, args: tuple[object, ...], why: str) -> None:
        """Show that a silence could not be made or changed, because its workflow stands still."""
        if name in workflow.OF_SILENCES:
            await self.silences.parked(str(args[0]), why)

    async def silence(self, call: Call, asked: Asked) -> Reply:
        """Have a group silenced until a moment, or, where none is named, show what that would be about.

        Raises:
            Refused: it is over (`alert_resolved`).
            BadInput: the end or a matcher is wrong.
        """
        group = await self.acting.find(asked.alert)
        matchers = self.matchers_of(group, asked.matchers)
        no = refusal(Act.SILENCE, group.state, group.hold, call.person)
        if no is not None:
            raise Refused(no.code, f"{group.id} {no.words}.")
        if asked.duration is None and not asked.until and not asked.until_recovery:
            return messages.preview(group, matchers, await self.silences.matching(group.instance, matchers))
        length = asked.duration if asked.duration is not None or asked.until else LONGEST_WAIT
        ends_at = await self.silences.end_of(call.person, duration=length, until=asked.until)
        wish = Wish(
            group=group,
            matchers=matchers,
            person=call.person,
            ends_at=ends_at,
            reason=asked.reason,
            request_id=call.request_id,
            until_recovery=asked.until_recovery,
        )
        async with self._parts.store.write() as tx:
            quiet = await self.silences.wish(tx, wish)
        line = messages.silence_line(quiet, self._parts.permissions.name_of)
        return replace(text(f"{group.id} is being silenced.", line), subject=group.id, shown_in=group.channel)

    async def resource(self, asked: Asked) -> Resource:
        """Return what the permission to silence is asked on: the place that the matchers hold to, else everything."""
        return self._held_to(self.matchers_of(await self.acting.find(asked.alert), asked.matchers))

    async def resource_of_silence(self, name: str) -> Resource:
        """Return what the permission to change a silence is asked on."""
        return self._held_to((await self.silences.find(name)).matchers)

    async def end_silence(self, call: Call, name: str) -> Reply:
        """Have a silence ended. Raises: Refused when it is over, BadInput when there is none."""
        quiet = await self.silences.find(name)
        async with self._parts.store.write() as tx:
            await self.silences.wish_end(tx, quiet, call.person, call.request_id)
        return text(f"{quiet.id} is being ended.")

    async def extend_silence(self, call: Call, name: str, length: timedelta | None, until: str) -> Reply:
        """Have a silence end so much later, or at a later moment.

        Raises:
            Refused: it is over.
            BadInput: there is none, or the end is no later one (`bad_end`).
        """
        quiet = await self.silences.find(name)
        left = None if length is None else quiet.ends_at - call.now + length
        ends_at = await self.silences.end_of(call.person, duration=left, until=until)
        if ends_at <= quiet.ends_at:
            raise BadInput("bad_end", f"{quiet.id} ends later than that already: unsilence {quiet.id} ends it now.")
        async with self._parts.store.write() as tx:
            await self.silences.wish_longer(tx, quiet, call.person, ends_at, call.request_id)
        return text(
            f"{quiet.id} is being extended.", say("{} is being extended until {}.", quiet.id, moment(ends_at, day=True))
        )

    async def all_silences(self) -> Reply:
        """Return every silence in force, those made elsewhere too."""
        return self.overview.silences(list(await self.silences.standing()))

    async def silence_options(self, typed: str) -> list[Option]:
        """Return the silences in force as our rows have them, to choose from."""
        async with self._parts.store.read() as conn:
            found = await silence_records.standing(conn)
        told = ((one, f"{one.id} {written(one.matchers)}"[:75]) for one in found)
        return [
            Option(one.id, label, about=self._held_to(one.matchers))
            for one, label in told
            if typed.lower() in label.lower()
        ]

    def _held_to(self, matchers: Iterable[Matcher]) -> Resource:
        return self._place({one.name: one.value for one in matchers if one.is_equal and not one.is_regex})

    def matchers_of(self, group: Group, words: str) -> tuple[Matcher, ...]:
        """Return the matchers that somebody typed; without any, those about this group and no other service.

        Raises:
            BadInput: they are not of the form of matchers.
        """
        if words.strip():
            try:
                return read_all(words)
            except ValueError as error:
                raise BadInput("bad_matchers", f"{error}.") from None
        settings = self._parts.settings().alerts
        names = (settings.service_label, settings.environment_label)
        return of_labels({**{name: group.common[name] for name in names if name in group.common}, **group.labels})

    def _place(self, exact: Mapping[str, str]) -> Resource:
        settings, catalog = self._parts.settings().alerts, self._parts.catalog()
        try:
            service = catalog.service(exact.get(settings.service_label, ""))
            named = exact.get(settings.environment_label, "")
            return Resource(service.name, service.environment(named).name if named else "")
        except UserError:
            return Resource()
