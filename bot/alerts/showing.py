"""`Showing`: the one message of a group, where it stands and what it says; posted once, then edited in place."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts import cause_records, causes, company, listing, messages, records, silence_records, storm_records
from bot.alerts.causes import Suspect
from bot.alerts.messages import View
from bot.alerts.movement import Movement
from bot.alerts.parts import Parts
from bot.alerts.records import Group, Known
from bot.amounts import duration
from bot.changes import records as changes
from bot.changes.records import Change
from bot.errors import UserError
from bot.identity import Channel
from bot.store import Tx
from bot.store.starts import want
from integrations.capabilities.matchers import all_match, read
from integrations.errors import Unavailable

STUDY = "alert.study.v1"
ONCE_MORE = 0
"""In place of a version: look again, because there is more to be seen."""
RARELY = timedelta(minutes=1)
"""How long a picture of what still fires stays as it is."""
_CRITICAL = {"critical", "page", "emergency"}

log = structlog.get_logger()


class Outlook(Struct, frozen=True):
    """What is looked up before a group is shown: where, and what changed before it. No channel: it cannot be shown."""

    channel: Channel | None
    changed: Sequence[Change] = ()


class Showing:
    """Shows groups."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def look(self, group_id: str) -> Outlook:
        """Find where a group is shown, and what changed before it began."""
        async with self._parts.store.read() as conn:
            group = await records.find(conn, group_id)
            if group is None or group.version <= group.shown:
                return Outlook(None)
            known = await records.alerts_of(conn, group_id)
        channel = group.channel or await self.channel_for(group, list(known.values()))
        return Outlook(channel, await self._changed(group, known))

    async def look_at(self, group_id: str) -> Sequence[Change]:
        """Return what changed before a group began."""
        async with self._parts.store.read() as conn:
            group = await records.find(conn, group_id)
            known = await records.alerts_of(conn, group_id)
        return () if group is None else await self._changed(group, known)

    async def show(self, tx: Tx, group_id: str, outlook: Outlook) -> None:
        """Have the message say what is known now; nothing where another has shown that already."""
        group = await records.locked(tx, group_id)
        if group is None or group.version <= group.shown or outlook.channel is None:
            return
        group = replace(group, channel=group.channel or outlook.channel)
        if group.over:
            await self.remedied(tx, group, outlook.changed)
        view = await self.view(tx.conn, group, outlook.changed)
        channel = group.channel
        if channel is None:
            return
        urgent = group.severity.lower() in _CRITICAL
        await self._parts.outbox.show(tx, group.id, channel, messages.card(view), urgent=urgent, final=group.over)
        storm = await storm_records.raging(tx.conn, group.address)
        heard = None if storm else messages.happened(view)
        stamp = f"{group.id}/{group.version}"
        if heard is not None:
            await self._parts.outbox.post(tx, f"{stamp}/alerts", channel, heard, in_thread_of=group.id)
        again = messages.turned(view)
        if again is not None and (urgent or not storm):
            await self._parts.outbox.post(
                tx, f"{stamp}/again", channel, again, in_thread_of=group.id, also_to_channel=True, urgent=True
            )
        await self._name_and_study(tx, view, study=urgent or not storm)
        await self._say_of_paging(tx, group, channel)
        told = [replace(one, told=_now(one)) for one in view.told] if heard is not None else []
        await records.keep_alerts(tx, group.id, told)
        await records.keep(tx, replace(group, shown=group.version, shown_state=group.state.value))

    async def _say_of_paging(self, tx: Tx, group: Group, channel: Channel) -> None:
        """Tell the thread and the channel what paging has to say to everybody: that nobody came, above all."""
        if self._parts.paging is None:
            return
        for key, words in await self._parts.paging.news(tx, group.id):
            said = messages.paged(words, group)
            await self._parts.outbox.post(
                tx, f"paging/{key}", channel, said, in_thread_of=group.id, also_to_channel=True, urgent=True
            )

    async def _name_and_study(self, tx: Tx, view: View, *, study: bool) -> None:
        """Note which change is named first, and have the signal looked at: in another state, or of a new suspect."""
        group = view.group
        drawing = self._parts.charts is not None
        looked = not drawing or (view.looked is not None and view.looked.version > 0)
        if view.suspects and not group.over and looked:
            subject = view.suspects[0].change.subject
            await cause_records.name(tx, group.id, subject, view.now)
            if drawing and study and subject not in view.named:
                ident, at = f"{group.id}/study/{subject}", view.now + RARELY
                await want(tx, ident, STUDY, group.id, ONCE_MORE, group.state.value, at=at)
        if drawing and study and group.state.value != group.shown_state:
            await want(tx, f"{group.id}/study/{group.version}", STUDY, group.id, group.version, group.state.value)

    async def remedied(self, tx: Tx, group: Group, changed: Sequence[Change]) -> bool:
        """Note of a group that is over which named change was its cause, where rolling that back ended it."""
        named = await cause_records.named(tx.conn, group.id)
        known = await records.alerts_of(tx.conn, group.id)
        if not known or group.hold.closed_at is not None:
            return False
        began = min(one.episode.starts_at for one in known.values())
        found = False
        for cause in (one for one in changed if one.subject in named):
            if causes.remedied(cause, changed, began=began, ended=group.state_since):
                now = self._parts.clock.now()
                found = await cause_records.confirm(tx, group.id, cause.subject, None, now) or found
        return found

    async def view(self, conn: AsyncConnection, group: Group, changed: Sequence[Change]) -> View:
        """Return all that the message of a group is made of."""
        known = await records.alerts_of(conn, group.id)
        muted = sorted({name for one in known.values() for name in one.episode.silenced_by})
        first = group.shown_state == ""
        view = View(
            group=group,
            known=known,
            now=self._parts.clock.now(),
            name_of=self._parts.permissions.name_of,
            silences=await silence_records.about(conn, group.id, group.instance, muted),
            look_back=duration(self._parts.settings().alerts.look_back),
            parts=await listing.parts_of(conn, group.id),
            company=await company.of(conn, group.id),
            heard_at=await records.last_heard(conn, group.instance),
            told=[one for one in known.values() if one.told != _now(one) and (one.episode.firing or one.told or first)],
            looked=await cause_records.looked(conn, group.id),
            named=await cause_records.named(conn, group.id),
            confirmed=await cause_records.confirmed(conn, group.id),
        )
        dismissed = await records.dismissed(conn, group.id)
        moved = await cause_records.movements(conn, group.id)
        suspects = self.suspects(view, changed, dismissed, moved)
        approvals = self._approvals(suspects[0].change) if suspects else ""
        paging = await self._parts.paging.lines(conn, group.id) if self._parts.paging is not None else ()
        return replace(view, suspects=suspects, approvals=approvals, paging=paging)

    def suspects(
        self, view: View, changed: Sequence[Change], dismissed: frozenset[str], moved: Mapping[str, Movement]
    ) -> Sequence[Suspect]:
        """Return what may be the cause of a group, likeliest first; nothing for one of no known service."""
        group = view.group
        if not group.service:
            return ()
        return causes.ranked(
            changed,
            service=group.service,
            environment=group.environment,
            began=view.began,
            within=self._parts.settings().alerts.look_back,
            dismissed=dismissed,
            upstream=self._parts.catalog().upstream(group.service),
            moved=moved,
        )

    async def channel_for(self, group: Group, known: Sequence[Known]) -> Channel | None:
        """Return where a group is shown: its route, its service's channel, else the one of all others; None is nowhere.

        A route holds when its matchers meet the labels that the group and all its alerts share.
        """
        settings = self._parts.settings().alerts
        labels = {**group.common, **group.labels}
        wanted = [
            route.channel for route in settings.routes if all_match([read(one) for one in route.matchers], labels)
        ]
        try:
            for name in wanted[:1]:
                found = await self._parts.channel_named(name)
                if found is not None:
                    return found
                log.warning("alert.no_such_channel", group=group.id, channel=name)
            if group.service:
                service = self._parts.catalog().service(group.service)
                found = await self._parts.channel_of(service, None) if service.channel else None
                if found is not None:
                    return found
            for name in (settings.channel, self._parts.settings().slack.announce):
                found = await self._parts.channel_named(name) if name else None
                if found is not None:
                    return found
        except Unavailable as error:
            log.warning("alert.channel_unknown", group=group.id, reason=error.message)
            return None
        log.error("alert.no_channel", group=group.id, alerts=len(known))
        return None

    def _approvals(self, change: Change) -> str:
        """Return which approvals a roll back of a change needs, in words; "" where its place is not known."""
        try:
            policy = self._parts.catalog().service(change.service).environment(change.environment).policy
        except UserError:
            return ""
        marked = bool(change.data.get("irreversible"))
        standard = next((one for one in policy.standard if "rollback" in one.kinds and not marked), None)
        if standard is not None and not standard.paths:
            return f"It needs no approval: it is the standard change {standard.name}."
        rules = [one for one in policy.approvals if one.always or (one.irreversible and marked)]
        needed = ", ".join(f"{one.count} from {' or '.join(one.groups)}" for one in rules)
        but = f", none if it is the standard change {standard.name}" if needed and standard is not None else ""
        return f"Approvals: {needed}{but}." if needed else "It needs no approval."

    async def _changed(self, group: Group, known: dict[str, Known]) -> Sequence[Change]:
        if not group.service or not known:
            return ()
        began = min(one.episode.starts_at for one in known.values())
        since = began - self._parts.settings().alerts.look_back
        services = [group.service, *self._parts.catalog().upstream(group.service)]
        return await changes.since(self._parts.store, since, services=services)


def _now(one: Known) -> str:
    return "firing" if one.episode.firing else "resolved"
