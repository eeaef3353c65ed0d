"""What no single value can show: names that must exist elsewhere in the configuration.

The checks read raw values and skip what is not of the form they expect (the models tell that), so that one
mistake never hides another.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bot.closest import did_you_mean
from bot.settings import alerts, freezes, identity, oncall, paging, policy
from bot.settings.mistakes import Where
from bot.settings.source import Source
from integrations.contract import Integration

EVERYONE = "everyone"

# Names of slash commands that Slack has itself. https://slack.com/help/articles/201259356-Slash-commands-in-Slack
RESERVED_COMMANDS = frozenset(
    (
        "apps",
        "archive",
        "call",
        "collapse",
        "dm",
        "expand",
        "feed",
        "feedback",
        "help",
        "invite",
        "join",
        "keys",
        "leave",
        "me",
        "msg",
        "mute",
        "open",
        "prefs",
        "remind",
        "remove",
        "rename",
        "search",
        "shortcuts",
        "shrug",
        "status",
        "sub",
        "topic",
        "unsub",
        "unarchive",
        "who",
    )
)
_SLACK_ID = re.compile(r"^(([EO][A-Z0-9]+/)?T[A-Z0-9]+/)?[UW][A-Z0-9]{2,}$")


class Checks:
    """All checks of one configuration. `provides` maps the name of an instance to the capabilities it has."""

    def __init__(
        self,
        source: Source,
        declared: Mapping[str, Integration],
        known_permissions: Collection[str] = (),
        known_commands: Collection[str] = (),
    ) -> None:
        self._source = source
        self._declared = declared
        self._known_permissions = known_permissions
        self._known_commands = known_commands
        self._data = source.data

    def run(self) -> None:
        """Note every mistake in the source."""
        self._slack()
        self._people()
        self._groups()
        self._permissions()
        self._tokens()
        self._second_person()
        for name, service in _items(self._data.get("services")):
            self._service(("services", name), service)
        names = {key: _keys(self._data.get(key)) for key in ("groups", "environments", "services")}
        freezes.check(self._source, **names)
        for number, freeze in enumerate(_dicts(self._data.get("freezes"))):
            self._instance(freeze.get("burn"), "MetricsSource", ("freezes", number, "burn"))
        alerts.check(self._source, environments=names["environments"], services=names["services"])
        policy.check(self._source, **names)
        identity.check(self._source)
        oncall.check(self._source, people=_keys(self._data.get("people")))
        paging.check(self._source, self._declared)

    def _second_person(self) -> None:
        if _mapping(self._data.get("policy")).get("second_person") is not True:
            return
        granted = {one for grant in _dicts(self._data.get("permissions")) for one in _list(grant.get("allow"))}
        if granted.isdisjoint({"*", "policy.*", "*.approve", "policy.approve"}):
            where: Where = ("policy", "second_person")
            self._source.note(where, "nobody may confirm a change", "Grant policy.approve to at least two people.")

    def _slack(self) -> None:
        slack = _mapping(self._data.get("slack"))
        prefix = slack.get("prefix") or ""
        seen: set[str] = {"shipmate", "deploy"}
        for index, alias in enumerate(_list(slack.get("aliases"))):
            where: Where = ("slack", "aliases", index)
            if f"{prefix}{alias}" in RESERVED_COMMANDS:
                self._source.note(
                    where, f"/{prefix}{alias} belongs to Slack itself", "Choose another, or set slack.prefix."
                )
            elif alias in seen:
                self._source.note(where, f"/{prefix}{alias} is there already", "Remove it.")
            else:
                self._command(alias, where, slash=True)
            seen.add(alias)
        needed = {"socket": ("bot_token", "app_token"), "http": ("bot_token", "signing_secret")}
        mode = slack.get("mode", "socket")
        if slack:
            for key in needed.get(mode, ()) if isinstance(mode, str) else ():
                if not slack.get(key):
                    self._source.note(
                        ("slack",), f"mode {mode} needs slack.{key}", f"Add {key}: ${{SLACK_{key.upper()}}}."
                    )
        by_meaning: dict[str, str] = {}
        for emoji, command in _items(slack.get("reactions"), values=str):
            self._command(command, ("slack", "reactions", emoji))
            bare = emoji.split("::")[0]
            if bare in by_meaning and by_meaning[bare] != command:
                where = ("slack", "reactions", emoji)
                self._source.note(where, f":{bare}: means {by_meaning[bare]} and {command}", "Map it once.")
            by_meaning.setdefault(bare, command)

    def _people(self) -> None:
        by_slack: dict[str, str] = {}
        by_email: dict[str, str] = {}
        by_account: dict[str, str] = {}
        for name, person in _items(self._data.get("people")):
            slack = person.get("slack")
            if isinstance(slack, str) and slack:
                self._once(by_slack, slack, name, ("people", name, "slack"))
            for index, email in enumerate(_list(person.get("emails"))):
                self._once(by_email, email.lower(), name, ("people", name, "emails", index))
            for instance, account in _items(person.get("accounts"), values=str):
                where: Where = ("people", name, "accounts", instance)
                self._instance({"with": instance}, "PersonalAccess", where[:-1], key=instance)
                self._once(by_account, f"{instance}: {account.lower()}", name, where)

    def _once(self, seen: dict[str, str], value: str, name: str, where: Where) -> None:
        other = seen.setdefault(value, name)
        if other != name:
            self._source.note(where, f"{value} is {other} already", "One name for one person.")

    def _groups(self) -> None:
        people = _keys(self._data.get("people"))
        for name, group in _items(self._data.get("groups"), values=object):
            where: Where = ("groups", name)
            if name == EVERYONE:
                self._source.note(where, f"{EVERYONE} is built in: all people of our own team", "Choose another name.")
            if name in people:
                self._source.note(where, f"{name} is a person already", "Give the group another name.")
            named = group if isinstance(group, list) else _mapping(group).get("people")
            base = where if isinstance(group, list) else (*where, "people")
            self._on_call(where, _mapping(group))
            for index, person in enumerate(_list(named)):
                if person not in people and not _SLACK_ID.match(person) and not person.startswith("account:"):
                    self._source.note((*base, index), f"{person} is no person", did_you_mean(person, people))

    def _on_call(self, where: Where, group: Mapping[str, Any]) -> None:
        """Note a schedule that is none, and a group of people on call that says nobody who may be of it."""
        schedule = group.get("on_call")
        if not isinstance(schedule, str) or not schedule:
            return
        known = _keys(_mapping(self._data.get("oncall")).get("schedules"))
        if schedule not in known:
            hint = did_you_mean(schedule, known)
            self._source.note((*where, "on_call"), f"{schedule} is no schedule of oncall.schedules", hint)
        if not any(group.get(key) for key in ("people", "usergroup", "claim")):
            rule = "on_call says which of its people count, and it has none"
            self._source.note((*where, "on_call"), rule, "Name those who may be on call: people, usergroup or claim.")

    def _permissions(self) -> None:
        people, groups = _keys(self._data.get("people")), {*_keys(self._data.get("groups")), EVERYONE}
        for number, grant in enumerate(_dicts(self._data.get("permissions"))):
            where: Where = ("permissions", number)
            for index, holder in enumerate(_list(grant.get("to"))):
                if holder not in people | groups and not holder.startswith("account:"):
                    suggestion = did_you_mean(holder, [*groups, *people])
                    self._source.note((*where, "to", index), f"{holder} is no group or person", suggestion)
            self._scope(grant, where)

    def _scope(self, scope: Mapping[str, Any], where: Where) -> None:
        """Note what a grant, or a token, names that is not there."""
        services, environments = self._data.get("services"), _keys(self._data.get("environments"))
        targets = {
            target
            for _name, service in _items(services)
            for environment in _dicts(service.get("environments"))
            for target in _list(environment.get("targets"))
        }
        for key, known in (("services", _keys(services)), ("environments", environments), ("targets", targets)):
            self._known(scope.get(key), {"*", *known}, key.removesuffix("s"), (*where, key))
        if self._known_permissions:
            self._allowed(scope.get("allow"), (*where, "allow"))

    def _command(self, name: Any, where: Where, *, slash: bool = False) -> None:  # noqa: ANN401 - raw values
        known = set(self._known_commands)
        if slash:  # a slash command is one word: of "build run" and "build logs" it is "build"
            known = {one.partition(" ")[0] for one in known}
        if known and isinstance(name, str) and name not in known:
            self._source.note(where, f"{name} is no command", did_you_mean(name, sorted(known)))

    def _allowed(self, allow: Any, where: Where) -> None:  # noqa: ANN401 - raw values
        known = set(self._known_permissions)
        families = {f"{name.split('.', maxsplit=1)[0]}.*" for name in known} | {"*"}
        families |= {f"*.{name.rsplit('.', maxsplit=1)[-1]}" for name in known}
        for index, permission in enumerate(_list(allow)):
            if permission not in known | families:
                self._source.note(
                    (*where, index), f"{permission} is no permission", did_you_mean(permission, sorted(known))
                )

    def _known(self, values: Any, known: Collection[str], kind: str, where: Where) -> None:  # noqa: ANN401 - raw values
        for index, value in enumerate(_list(values)):
            if value not in known:
                names = sorted(set(known) - {"*"})
                self._source.note((*where, index), f"{value} is no {kind}", did_you_mean(value, names))

    def _tokens(self) -> None:
        people, names = _keys(self._data.get("people")), set[str]()
        for number, token in enumerate(_dicts(_mapping(self._data.get("terminal")).get("tokens"))):
            where: Where = ("terminal", "tokens", number)
            name, person = token.get("name"), token.get("person")
            if isinstance(person, str) and person and person not in people:
                self._source.note((*where, "person"), f"{person} is no person", did_you_mean(person, people))
            if token.get("account") in {"shipmate", "continuous"}:
                message = f"{token['account']} is the name of what the bot does by itself"
                self._source.note((*where, "account"), message, "Rename it.")
            if isinstance(name, str) and name in names:
                self._source.note((*where, "name"), f"there are two tokens named {name}", "Rename one.")
            names.add(str(name))
            self._scope(token, where)

    def _service(self, where: Where, service: Mapping[str, Any]) -> None:
        groups = _keys(self._data.get("groups"))
        self._known(service.get("owners"), groups, "group", (*where, "owners"))
        self._known(service.get("depends_on"), _keys(self._data.get("services")), "service", (*where, "depends_on"))
        self._instance(service.get("repository"), "GitHost", (*where, "repository"))
        self._instance(service.get("issues"), "IssueTracker", (*where, "issues"))
        self._instance(service.get("build"), "BuildServer", (*where, "build"))
        pattern = _mapping(service.get("tickets")).get("pattern")
        if isinstance(pattern, str):
            try:
                re.compile(pattern)
            except re.error as error:
                self._source.note((*where, "tickets", "pattern"), f"this is no regular expression: {error}")
        earlier: list[str] = []
        words: dict[str, str] = {}
        for number, environment in enumerate(_list(service.get("environments"), of=dict)):
            place: Where = (*where, "environments", number)
            name = environment.get("name")
            if isinstance(name, str):
                self._environment(place, environment, name, earlier)
                earlier.append(name)
            for word in [name, *_list(environment.get("aliases"))]:
                if isinstance(word, str):
                    self._word(words, word, str(name), place)
            for index, approval in enumerate(_list(environment.get("approvals"), of=dict)):
                self._known(approval.get("from"), groups, "group", (*place, "approvals", index, "from"))
            self._instance(environment.get("deploy"), "Deployer", (*place, "deploy"))
            for index, metric in enumerate(_list(_mapping(environment.get("verify")).get("metrics"), of=dict)):
                self._instance(metric, "MetricsSource", (*place, "verify", "metrics", index))

    def _word(self, words: dict[str, str], word: str, name: str, place: Where) -> None:
        if word in words:
            self._source.note(place, f"{word} names {words[word]} already", "Every name and alias once in a service.")
        words.setdefault(word, name)

    def _environment(self, place: Where, environment: Mapping[str, Any], name: str, earlier: list[str]) -> None:
        known = _keys(self._data.get("environments"))
        if name not in known:
            suggestion = did_you_mean(name, sorted(known)) or f"Add it at the top: environments: {{{name}: {{}}}}."
            self._source.note((*place, "name"), f"{name} is not among the environments", suggestion)
        continuous = environment.get("continuous")
        production_like = _mapping(_mapping(self._data.get("environments")).get(name)).get("production_like") is True
        if isinstance(continuous, dict) and production_like and continuous.get("production") is not True:
            self._source.note(
                (*place, "continuous"),
                f"{name} is production-like: nothing is deployed there by itself unless that is said",
                "Add production: true, or take continuous out.",
            )
        source = environment.get("promote_from")
        if isinstance(source, str) and source not in earlier:
            where: Where = (*place, "promote_from")
            if earlier:
                suggestion = f"{did_you_mean(source, earlier)} Environments stand in the order of promotion."
            else:
                suggestion = "It is the first one: nothing comes before it."
            self._source.note(where, f"{source} does not come before {name} in this service", suggestion)
        sign_off = _mapping(environment.get("sign_off"))
        self._known(sign_off.get("from"), _keys(self._data.get("groups")), "group", (*place, "sign_off", "from"))
        if isinstance(tried := sign_off.get("of"), str) and tried not in earlier:
            words = f"{tried} does not come before {name} in this service: nothing could be tried there first"
            self._source.note((*place, "sign_off", "of"), words, did_you_mean(tried, earlier))

    def _instance(self, holder: Any, capability: str, where: Where, *, key: str = "with") -> None:  # noqa: ANN401
        name = _mapping(holder).get("with")
        if not isinstance(name, str):
            return
        instances = {one: _mapping(value).get("type") for one, value in _items(self._data.get("integrations"))}
        where = (*where, key)
        if name not in instances:
            able = [key for key, kind in instances.items() if self._able(kind, capability)]
            self._source.note(where, f"{name} is no integration", did_you_mean(name, able or instances))
        elif (
            isinstance(instances[name], str)
            and instances[name] in self._declared
            and not self._able(instances[name], capability)
        ):
            able = [key for key, kind in instances.items() if self._able(kind, capability)]
            message = f"{name} (type {instances[name]}) is no {capability}"
            self._source.note(where, message, f"One that is: {', '.join(able)}." if able else "")

    def _able(self, kind: Any, capability: str) -> bool:  # noqa: ANN401 - raw values
        declared = self._declared.get(kind) if isinstance(kind, str) else None
        return declared is not None and any(one.__name__ == capability for one in declared.provides)


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401 - raw values
    return value if isinstance(value, dict) else {}


def _keys(value: Any) -> set[str]:  # noqa: ANN401 - raw values
    return set(_mapping(value))


def _items(value: Any, values: type = dict) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - raw values
    return ((key, one) for key, one in _mapping(value).items() if isinstance(one, values))


def _list(value: Any, of: type = str) -> list[Any]:  # noqa: ANN401 - raw values
    return [one for one in value if isinstance(one, of)] if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - raw values
    return _list(value, of=dict)
