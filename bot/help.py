"""What help says: what this person may ask here, and how each command is typed.

Answers are made once for each set of rights and kept, so that help costs no query and hardly any time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from bot import arguments
from bot.clock import Clock
from bot.command import Command, Invocation, Resource, Trigger
from bot.identity import Person
from bot.permissions import Decision, Grant, MembershipUnreadable, Permissions, decide
from bot.registry import OPEN, Registry
from bot.reply import Button, Buttons, Headline, Markup, Note, Paragraph, Part, Reply, code, escape, say

MOST_LINES = 12
"""What fits on one screen of a phone; `help all` lists the rest."""

_REMEMBERED = 2000
_REMEMBER_SECONDS = 60.0
_ANYWHERE = Resource()


class Help:
    """Knows every command and who may use it. `slash` maps commands to the slash commands of their own, if any."""

    def __init__(
        self, registry: Registry, permissions: Permissions, clock: Clock, *, slash: Mapping[str, str] | None = None
    ) -> None:
        self._registry = registry
        self._permissions = permissions
        self._clock = clock
        self._slash = dict(slash or {})
        self._groups: dict[tuple[Person, bool], tuple[float, frozenset[str]]] = {}
        self._grants: tuple[Grant, ...] = ()
        self._everywhere: tuple[Grant, ...] = ()
        self._pages: dict[tuple[frozenset[str], Trigger, str], Reply] = {}

    async def overview(self, invocation: Invocation, *, whole: bool = False) -> Reply:
        """Return the list of what this person may do; `whole` also past one screen."""
        groups = await self.groups_of(invocation)
        most = len(self._registry) if whole else MOST_LINES
        return self._page(
            groups, invocation.trigger, f"overview {most}", lambda: self._overview(groups, invocation.trigger, most)
        )

    async def of(self, command: Command, invocation: Invocation) -> Reply:
        """Return all there is to know of one command, also of one that this person may not use."""
        groups = await self.groups_of(invocation)
        return self._page(
            groups, invocation.trigger, command.name, lambda: self._of(command, groups, invocation.trigger)
        )

    async def of_group(self, group: str, invocation: Invocation) -> Reply:
        """Return the commands of a group that this person may use."""
        groups = await self.groups_of(invocation)
        commands = [one for one in self._registry.groups[group] if not one.hidden]
        return self._page(
            groups, invocation.trigger, f"group {group}", lambda: self._listed(commands, groups, invocation.trigger)
        )

    async def access(self, invocation: Invocation) -> Reply:
        """Return which groups this person is in, what they may do, and who could do the rest."""
        groups = await self.groups_of(invocation)
        self._follow_reload()
        names = sorted(group.removeprefix("person:") for group in groups)
        parts: list[Part] = [
            Headline(say("What you may do")),
            Paragraph(say("You count as: {}.", ", ".join(names) or "nobody we know")),
        ]
        granted = [_granted(grant) for grant in self._grants if not groups.isdisjoint(grant.groups)]
        if granted:
            parts.append(Paragraph(_lines(granted)))
        decisions = {command: self.anywhere(command, groups) for command in self._shown()}
        held = [command.name for command, decision in decisions.items() if decision.allowed]
        parts.append(Paragraph(say("Commands: {}.", ", ".join(held))))
        parts += _lacking({command: one for command, one in decisions.items() if not one.allowed})
        return Reply(summary=f"You may use: {', '.join(held)}", parts=tuple(parts))

    async def groups_of(self, invocation: Invocation) -> frozenset[str]:
        """Return the groups of who asks, as of the last minute; those that cannot be read are left out."""
        member = invocation.ours and not invocation.guest
        now = self._clock.monotonic()
        kept = self._groups.get((invocation.person, member))
        if kept is not None and now - kept[0] < _REMEMBER_SECONDS:
            return kept[1]
        try:
            groups = await self._permissions.groups_of(invocation.person, member=member)
        except MembershipUnreadable:
            groups = await self._permissions.groups_of(invocation.person, member=member, among=())
        if len(self._groups) >= _REMEMBERED:
            self._groups.clear()
        self._groups[invocation.person, member] = (now, groups)
        return groups

    def anywhere(self, command: Command, groups: Collection[str]) -> Decision:
        """Decide whether somebody in these groups may use the command on anything at all."""
        self._follow_reload()
        if command.permission == OPEN:
            return Decision(allowed=True, rule="everybody may", who_could=())
        return decide(self._everywhere, groups, command.permission, _ANYWHERE)

    def typed(self, command: Command, trigger: Trigger) -> str:
        """Return how the command is begun where this was asked: `/deploy`, `/shipmate where`, `@shipmate where`."""
        if trigger is Trigger.TERMINAL:
            return command.name
        if trigger is Trigger.MENTION:
            return f"@shipmate {command.name}"
        group, _, member = command.name.partition(" ")
        if member and group in self._slash:
            return f"{self._slash[group]} {member}"
        return self._slash.get(command.name) or f"{self._slash.get('', '/shipmate')} {command.name}"

    def _follow_reload(self) -> None:
        if self._permissions.grants is not self._grants:
            self._grants = self._permissions.grants
            anything = ("*",)
            self._everywhere = tuple(
                replace(grant, services=anything, environments=anything, targets=anything) for grant in self._grants
            )
            self._pages.clear()
            self._groups.clear()

    def _page(self, groups: frozenset[str], trigger: Trigger, name: str, make: Callable[[], Reply]) -> Reply:
        self._follow_reload()
        page = self._pages.get((groups, trigger, name))
        if page is None:
            if len(self._pages) >= _REMEMBERED:
                self._pages.clear()
            page = self._pages[groups, trigger, name] = make()
        return page

    def _of(self, command: Command, groups: Collection[str], trigger: Trigger) -> Reply:
        decision = self.anywhere(command, groups)
        typed = self.typed(command, trigger)
        slots = arguments.grammar_of(command.args).slots.values()
        parts: list[Part] = [
            Headline(say("{} · {}", code(command.name), command.summary)),
            Paragraph(code(f"{typed}{arguments.usage(command).removeprefix(command.name)}")),
        ]
        if slots:
            parts.append(Paragraph(_lines([_about(slot) for slot in slots])))
        if command.examples:
            examples = [code(self._example(command, one, trigger)) for one in command.examples]
            parts.append(Paragraph(say("For example: {}", _lines(examples))))
        parts.append(Note(_other_ways(command, trigger)))
        if not decision.allowed:
            parts.append(Note(escape(_who_could(command, decision))))
        elif trigger is not Trigger.TERMINAL and slots:
            parts.append(Buttons((Button(label=f"{command.name.capitalize()}…", command=command.name, ask=True),)))
        return Reply(summary=f"{command.name}: {command.summary} Usage: {arguments.usage(command)}", parts=tuple(parts))

    def _shown(self) -> list[Command]:
        return [command for command in self._registry.values() if not command.hidden]

    def _overview(self, groups: Collection[str], trigger: Trigger, most: int) -> Reply:
        return self._listed(self._shown(), groups, trigger, most)

    def _listed(
        self, commands: Sequence[Command], groups: Collection[str], trigger: Trigger, most: int = MOST_LINES
    ) -> Reply:
        held = [command for command in commands if self.anywhere(command, groups).allowed]
        listed = held[:most]
        more = [f"{len(held) - len(listed)} more: {self._root('help all', trigger)}"] if len(held) > len(listed) else []
        if len(held) < len(commands):
            lacking = len(commands) - len(held)
            need = "needs" if lacking == 1 else "need"
            more.append(f"{lacking} more {need} rights you do not have: {self._root('access', trigger)}")
        more.append(f"{self._root('help <command>', trigger)} tells all about one")
        return Reply(
            summary=f"What you can ask: {', '.join(command.name for command in listed)}",
            parts=(
                Paragraph(_lines([self._line(command, trigger) for command in listed])),
                Note(escape(" · ".join(more))),
            ),
        )

    def _root(self, words: str, trigger: Trigger) -> str:
        begin = {Trigger.TERMINAL: "", Trigger.MENTION: "@shipmate "}.get(
            trigger, f"{self._slash.get('', '/shipmate')} "
        )
        return f"{begin}{words}"

    def _line(self, command: Command, trigger: Trigger) -> Markup:
        form = f"{self.typed(command, trigger)}{arguments.usage(command, whole=False).removeprefix(command.name)}"
        line = say("{}  {}", code(form), command.summary)
        if not command.examples:
            return line
        return line + say("   e.g. {}", code(self._example(command, command.examples[0], trigger)))

    def _example(self, command: Command, example: str, trigger: Trigger) -> str:
        return f"{self.typed(command, trigger).removesuffix(command.name)}{example}"


def _lines(lines: Collection[Markup]) -> Markup:
    return Markup("\n".join(lines))


def _about(slot: arguments.Slot) -> Markup:
    name = slot.flag or (f"{slot.arg.word} <{slot.label}>" if slot.arg.word else f"{slot.arg.joined}<{slot.label}>")
    usual = "" if slot.required or slot.default in {None, "", False} else f" (usually {slot.default})"
    return say("{}  {}{}", code(name), slot.arg.help, usual)


def _other_ways(command: Command, trigger: Trigger) -> Markup:
    ways = [
        say("in threads, where slash commands do not work: {}", code(f"@shipmate {command.name} …")),
        say("in a terminal: {}", code(f'shipmate do "{command.name} …"')),
        say("a button on a card, where there is one"),
    ]
    if command.decides:
        ways.append(say("a mention or a reaction only brings up the button to press"))
    if trigger is Trigger.TERMINAL:
        ways = [say("in Slack: {}", code(f"/shipmate {command.name} …")), *ways[:1]]
    return say("Also {}", Markup("; ".join(ways)))


def _who_could(command: Command, decision: Decision) -> str:
    who = ", ".join(decision.who_could) or "nobody, until the configuration grants it"
    return f"{command.name} needs the permission {command.permission}, which you do not have. Who has: {who}."


def _lacking(decisions: Mapping[Command, Decision]) -> list[Part]:
    """Return who has the permissions that somebody lacks, each told once with all of its commands."""
    commands: dict[str, list[str]] = {}
    who: dict[str, tuple[str, ...]] = {}
    for command, decision in decisions.items():
        commands.setdefault(command.permission, []).append(command.name)
        who[command.permission] = decision.who_could
    told = [
        say("{} ({}): {}", code(permission), ", ".join(names), ", ".join(who[permission]))
        for permission, names in commands.items()
        if who[permission]
    ]
    parts: list[Part] = [Paragraph(_lines([Markup("*What you may not do, and who may*"), *told]))] if told else []
    if unheard := [permission for permission in commands if not who[permission]]:
        parts.append(Note(say("Granted to nobody by the configuration: {}.", ", ".join(unheard))))
    return parts


def _granted(grant: Grant) -> Markup:
    where = [
        f"{what} {', '.join(names)}"
        for what, names in (("of", grant.services), ("on", grant.environments), ("target", grant.targets))
        if "*" not in names
    ]
    return say("{} {}", code(", ".join(grant.permissions)), " ".join(where) or "everywhere")
