"""`Intake`: news of a source become groups and alerts, in the transaction that takes them in.

Each change asks for the workflow that shows the group; while one is asked for and has not shown yet, further changes
ride along with it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

import structlog
from msgspec.structs import replace

from bot.alerts import records, rules
from bot.alerts.gathering import Gathering
from bot.alerts.joining import Joining
from bot.alerts.parts import Parts
from bot.alerts.records import Group, Known
from bot.alerts.rules import Episode, Hold, Next, State
from bot.alerts.under import Under
from bot.errors import UserError
from bot.identity import Person
from bot.paging.parts import Trouble
from bot.paging.rules import Standing
from bot.store import Tx
from bot.store.starts import want
from integrations.capabilities.alerts import Alert, AlertGroup
from integrations.capabilities.matchers import all_match, read
from integrations.contract import WebhookEvent

SHOW = "alert.show.v1"
OURS = "shipmate/watchdogs"
"""The source of our own alerts: no name that the configuration could give to another."""
_MOST = 10_000
"""Alerts that one group keeps; a source may name more, which are counted."""
_STANDING = {
    State.FIRING: Standing.NEEDS,
    State.ACKNOWLEDGED: Standing.HELD,
    State.SILENCED: Standing.QUIET,
    State.ATTACHED: Standing.QUIET,
    State.UNKNOWN: Standing.UNKNOWN,
    State.RESOLVED: Standing.OVER,
}

Turned = Callable[[Tx, Group, Group], Awaitable[None]]
"""(the transaction, a group before, the same now): where it stands or who is on it has changed.

Of a group that has just opened the one before is of version 0.
"""

_ON = {State.FIRING, State.ACKNOWLEDGED}

log = structlog.get_logger()


class Intake:
    """Takes in what sources tell, by notification or when they are asked."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.on_turned: list[Turned] = []
        """Who is told, in the same transaction, of every group that turns; each is told of it with its row locked."""
        self.on_watchdog: Callable[[Tx, str], Awaitable[None]] | None = None
        """Who is told, by name, of each watchdog that a notification tells of."""
        self.gathering = Gathering(parts)
        self._joining = Joining(parts)
        self._under = Under(parts)

    async def notified(self, tx: Tx, event: WebhookEvent) -> None:
        """Take in a notification; it is safe to be given twice, late, and in any order."""
        group = event.data.get("group")
        if not isinstance(group, AlertGroup):
            log.error("alert.no_group", instance=event.instance, event=event.id)
            return
        await records.heard(tx, event.instance, self._parts.clock.now())
        await self.take_in(tx, event.instance, group, asked_at=None)

    async def _without_watchdogs(
        self, tx: Tx, instance: str, told: AlertGroup, asked_at: datetime | None
    ) -> AlertGroup | None:
        """Return a group without the alerts that are watchdogs, None where a notification tells of nothing else.

        Who waits for them is told of each that fires, unless the source was asked: that proves not that it tells.
        """
        wanted = self._parts.settings().alerts.watchdogs
        if not wanted or instance == OURS:
            return told
        conditions = [(one.name, [read(matcher) for matcher in one.matchers]) for one in wanted]
        rest: list[Alert] = []
        found: dict[str, None] = {}
        for alert in told.alerts:
            names = [name for name, matchers in conditions if all_match(matchers, alert.labels)]
            if not names:
                rest.append(alert)
            elif alert.firing:
                found.update(dict.fromkeys(names))
        if asked_at is not None:
            return replace(told, alerts=tuple(rest))
        if self.on_watchdog is not None:
            for name in found:
                await self.on_watchdog(tx, name)
        return replace(told, alerts=tuple(rest)) if rest or not told.alerts else None

    async def take_in(
        self,
        tx: Tx,
        instance: str,
        told: AlertGroup,
        *,
        asked_at: datetime | None,
        knows_since: datetime | None = None,
    ) -> Group | None:
        """Merge news of one group into what is known; return the group as it is now, None where there is none.

        `asked_at` is None for a notification, else when the source was asked. Alerts heard of since `knows_since` that
        it does not name are over.
        """
        rest = await self._without_watchdogs(tx, instance, told, asked_at)
        return None if rest is None else await self._take_in(tx, instance, rest, asked_at, knows_since)

    async def _take_in(
        self,
        tx: Tx,
        instance: str,
        told: AlertGroup,
        asked_at: datetime | None,
        knows_since: datetime | None,
    ) -> Group | None:
        now = self._parts.clock.now()
        seen = {one.fingerprint: one for one in told.alerts[:_MOST]}
        episodes = [_episode(one, asked_at or now) for one in seen.values()]
        group = await records.newest(tx, instance, records.key_of(told.labels))
        if group is None:
            if asked_at is not None and all(one.muted or not one.firing for one in episodes):
                return None  # it would not notify of this
            group = await self._opened(tx, instance, told, now)
            if group is None:  # another took in the same at this moment, and has committed by now
                group = await records.newest(tx, instance, records.key_of(told.labels))
            if group is None:
                return None
        known = await records.alerts_of(tx.conn, group.id)
        before = {name: one.episode for name, one in known.items()}
        after = rules.taken_in(before, episodes, asked_at=asked_at, knows_since=knows_since)
        if group.over:
            following = self._following(before, after, group, now)
            if following is Next.FOLLOWED:
                fresh = {name: one for name, one in after.items() if one.firing and name in seen}
                opened = await self._opened(tx, instance, told, now)
                return None if opened is None else await self._changed(tx, opened, told, {}, fresh, seen)
            if following is Next.REOPENS:
                group = replace(group, hold=rules.reopened(group.hold))
        return await self._changed(tx, group, told, known, after, seen)

    async def look_again(self, tx: Tx, group: Group) -> None:
        """Have a group shown anew, because something it tells of has changed."""
        await records.keep(tx, await self.bumped(tx, group))

    async def turn(self, tx: Tx, before: Group, after: Group) -> Group:
        """Write a group that people, or the silence of its source, have moved; have it shown and tell who listens.

        Whatever moves a group but news of its source goes through here; return the group as it is now.
        """
        now = await self.bumped(tx, after)
        await records.keep(tx, now)
        if before.state is not now.state or before.hold != now.hold:
            log.info("alert.state", group=now.id, state=now.state.value, was=before.state.value)
            await self._tell(tx, before, now)
        return now

    async def _tell(self, tx: Tx, before: Group, now: Group) -> None:
        for listener in self.on_turned:
            await listener(tx, before, now)

    async def bumped(self, tx: Tx, group: Group) -> Group:
        """Return a group one version on, and have it shown unless that is under way already.

        Every change of a group comes by here, so this is also where its paging begins and stops.
        """
        if self._parts.paging is not None:
            await self._parts.paging.follow(
                tx, trouble(group), _STANDING[group.state], why=ended(group), by=_who(group)
            )
        moved = replace(group, version=max(group.version, 0) + 1, asked="")
        if group.inside:  # another message tells of it, and looks for itself
            return replace(moved, shown=moved.version, shown_state=group.state.value)
        if group.version <= group.shown:
            await want(tx, f"{group.id}/show/{moved.version}", SHOW, group.id)
        return moved

    def _following(self, before: rules.Episodes, after: rules.Episodes, group: Group, now: datetime) -> Next:
        within = self._parts.settings().alerts.reopen_within
        ended_at = group.hold.closed_at or group.state_since
        return rules.after_the_end(before, after, group.hold, ended_at=ended_at, now=now, within=within)

    async def _opened(self, tx: Tx, instance: str, told: AlertGroup, now: datetime) -> Group | None:
        """Write a group that nothing is known of yet; it gets its state, place and first version from its alerts."""
        new = Group(
            id="",
            instance=instance,
            key=records.key_of(told.labels),
            labels=told.labels,
            opened_at=now,
            state=State.FIRING,
            state_since=now,
            version=0,
        )
        return await records.begin(tx, new)

    async def _changed(
        self,
        tx: Tx,
        group: Group,
        told: AlertGroup,
        known: Mapping[str, Known],
        after: rules.Episodes,
        seen: Mapping[str, Alert],
    ) -> Group:
        now = self._parts.clock.now()
        merged = {name: _merged(known.get(name), one, seen.get(name)) for name, one in after.items()}
        changed = [one for name, one in merged.items() if one != known.get(name)]
        await records.keep_alerts(tx, group.id, changed)
        firing = [one.labels for one in merged.values() if one.episode.firing]
        common = shared(firing or [one.labels for one in merged.values()])
        loud = [one for one in merged.values() if one.episode.firing]
        hold = self._under.hold(replace(group.hold, quiet=False), loud, now)
        state = rules.state_of(after, hold)
        service, environment = self._place({**told.labels, **common})
        moved = replace(
            group,
            common=common,
            source_key=told.key or group.source_key,
            url=told.url or group.url,
            truncated=told.truncated or max(len(told.alerts) - _MOST, 0),
            service=service,
            environment=environment,
            hold=hold,
            state=state,
            state_since=group.state_since if state is group.state and group.version else now,
        )
        moved = await self.begun(tx, group, moved, now)
        if moved == group and not any(_visible(known.get(one.episode.fingerprint), one) for one in changed):
            return group
        if not group.version and state is State.RESOLVED:
            # Its end came before its beginning: kept, so that the beginning is known to be late, and never shown.
            moved = replace(moved, version=1, shown=1)
        else:
            moved = await self.bumped(tx, moved)
        await records.keep(tx, moved)
        if state is not group.state or not group.version:
            log.info("alert.state", group=group.id, state=state.value, was=group.state.value, alerts=len(after))
            await self._tell(tx, group, moved)
        return moved

    async def begun(self, tx: Tx, before: Group, group: Group, now: datetime) -> Group:
        """Return a group that begins, or fires again, with the channel meant for it and the message that tells of it.

        One that has a message of its own goes on in it. Any other group is returned as it is.
        """
        new = not before.version and not group.over
        if not new and (group.state is not State.FIRING or before.state in _ON):
            return group
        group = replace(group, address=self.gathering.address(group))
        if group.state is State.FIRING and not group.hold.part_of:
            group = await self._joined(tx, group, now)
        if group.hold.part_of:
            return replace(group, news_at=now, inside=group.inside if group.shown_state else group.hold.part_of)
        storm = await self.gathering.joins(tx, group, now)
        inside = storm if group.inside or not group.shown_state else ""
        left = bool(group.inside and not inside)
        return replace(group, news_at=now, inside=inside, shown_state="" if left else group.shown_state)

    async def _joined(self, tx: Tx, group: Group, now: datetime) -> Group:
        """Return a group as a part of another where a rule says so; of a cause, take its effects along."""
        mine = self._joining.roles(group)
        whole = await self._joining.whole_of(tx, group, mine, now)
        if whole:
            hold = replace(group.hold, part_of=whole)
            return replace(group, hold=hold, state=State.ATTACHED, state_since=now)
        for other in await self._joining.parts_for(tx, group, mine, now):
            known = await records.alerts_of(tx.conn, other.id)
            await self.turn(tx, other, held(other, known, replace(other.hold, part_of=group.id), now))
        await self._joining.note(tx, group, mine)
        return group

    def _place(self, labels: Mapping[str, str]) -> tuple[str, str]:
        """Return the service and environment of the catalog that labels name, "" for what they do not name."""
        settings, catalog = self._parts.settings().alerts, self._parts.catalog()
        try:
            service = catalog.service(labels.get(settings.service_label, ""))
        except UserError:
            return "", ""
        try:
            return service.name, service.environment(labels.get(settings.environment_label, "")).name
        except UserError:
            return service.name, ""


def trouble(group: Group) -> Trouble:
    """Return a group as something that somebody is woken for."""
    place = " ".join(part for part in (group.service, group.environment) if part)
    return Trouble(
        subject=group.id,
        title=" · ".join(part for part in (group.name, place, group.severity) if part),
        service=group.service,
        environment=group.environment,
        severity=group.severity,
        labels={**group.common, **group.labels},
    )


def ended(group: Group) -> str:
    """Return why nobody is needed for a group any more."""
    if group.state is State.RESOLVED:
        return "called over" if group.hold.closed_by is not None else "it is over"
    return f"attached to {group.hold.part_of}" if group.state is State.ATTACHED else group.state.value


def _who(group: Group) -> Person | None:
    """Return who did what ended the need for a group, None where nobody did."""
    return {State.RESOLVED: group.hold.closed_by, State.ACKNOWLEDGED: group.hold.acknowledged_by}.get(group.state)


def shared(labels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the labels that all of these have in common."""
    found: dict[str, str] | None = None
    for one in labels:
        found = dict(one) if found is None else {name: value for name, value in found.items() if one.get(name) == value}
    return found or {}


def held(group: Group, known: Mapping[str, Known], hold: Hold, now: datetime) -> Group:
    """Return a group whose hold has changed, with the state that makes.

    What somebody is on, and what is let go by the group that told of it, gets a message of its own.
    """
    state = rules.state_of({name: one.episode for name, one in known.items()}, hold)
    moved = replace(group, hold=hold, state=state, state_since=group.state_since if state is group.state else now)
    let_go = bool(group.hold.part_of) and group.inside == group.hold.part_of != hold.part_of
    if group.inside and (let_go or (hold.acknowledged_by is not None and group.hold.acknowledged_by is None)):
        return replace(moved, inside="", shown_state="")
    return moved


def _episode(alert: Alert, seen_at: datetime) -> Episode:
    return Episode(
        fingerprint=alert.fingerprint,
        starts_at=alert.starts_at,
        seen_at=seen_at,
        firing=alert.firing,
        ends_at=alert.ends_at if alert.ends_at is not None or alert.firing else seen_at,
        silenced_by=tuple(sorted(alert.silenced_by)),
        inhibited=alert.inhibited,
    )


def _visible(known: Known | None, now: Known) -> bool:
    """Tell whether people can see a difference; when an alert was heard of is none."""
    return known is None or replace(known, episode=replace(known.episode, seen_at=now.episode.seen_at)) != now


def _merged(known: Known | None, episode: Episode, told: Alert | None) -> Known:
    """Return an alert with its newest episode; what it says about itself is of that episode."""
    if known is not None and (told is None or told.starts_at != episode.starts_at or told.firing != episode.firing):
        return replace(known, episode=episode)
    if told is None:
        raise LookupError(episode.fingerprint)
    same = known is not None and known.episode.starts_at == episode.starts_at
    return Known(
        episode=episode,
        labels=told.labels,
        annotations=told.annotations,
        generator_url=told.generator_url,
        told=known.told if known is not None and same else "",
    )
