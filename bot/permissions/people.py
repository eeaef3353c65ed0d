"""The people of the configuration: their names, accounts and addresses, and who is of our own workspace."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from bot.identity import Person
from bot.permissions.rosters import ACCOUNT, by_user
from bot.settings import PersonEntry, Settings

ACCOUNT_TEAM = "account"
_MOST_KEPT = 4096

_K = TypeVar("_K")
_V = TypeVar("_V")


class People:
    """Who is who. Our own team is known once Slack told who we are: `set_home`."""

    def __init__(self, settings: Settings) -> None:
        self._home_team = ""
        self._home_enterprise = ""
        self._people: Mapping[str, PersonEntry] = settings.people
        self._by_user = by_user(settings.people)
        self._named: dict[Person, tuple[str, ...]] = {}

    def replace(self, settings: Settings) -> None:
        """Put other settings in force, after a reload."""
        self._people = settings.people
        self._by_user = by_user(settings.people)
        self._named.clear()

    def set_home(self, team: str, enterprise: str = "") -> None:
        """Tell which workspace is ours: people named by user id alone are of it."""
        self._home_team = team
        self._home_enterprise = enterprise
        self._named.clear()

    def people(self) -> Mapping[str, Person]:
        """Return the people of the configuration by name, without those whose Slack id is not known."""
        found = ((name, self.resolve(name)) for name in self._people)
        return {name: person for name, person in found if person is not None}

    def person(self, name: str) -> Person | None:
        """Return the person of this name in the configuration."""
        return self.resolve(name) if name in self._people else None

    def person_by_email(self, email: str) -> Person | None:
        """Return who writes commits under this address, as far as the configuration tells."""
        wanted = email.strip().lower()
        known = (name for name, entry in self._people.items() if wanted in {one.lower() for one in entry.emails})
        return next((self.resolve(name) for name in known), None)

    def emails_of(self, person: Person) -> frozenset[str]:
        """Return the addresses of a person that the configuration tells, in lower case."""
        return frozenset(email.lower() for name in self.names(person) for email in self._people[name].emails)

    def account_of(self, person: Person, instance: str) -> str:
        """Return the user name that the configuration gives this person in a tool, "" where it says nothing."""
        return next((found for one in self.names(person) if (found := self._people[one].accounts.get(instance))), "")

    def subject_of(self, person: Person) -> str:
        """Return the subject that the configuration gives this person at the identity provider, "" for none."""
        return next((found for one in self.names(person) if (found := self._people[one].subject)), "")

    def person_by_subject(self, subject: str) -> Person | None:
        """Return whom the configuration gives this subject at the identity provider."""
        known = (name for name, entry in self._people.items() if subject and entry.subject == subject)
        return next((self.resolve(name) for name in known), None)

    def name_of(self, person: Person) -> str:
        """Return the name people read: from the configuration, else the id."""
        for name in self.names(person):
            return self._people[name].title or name
        return person.user

    def names(self, person: Person) -> tuple[str, ...]:
        """Return what the configuration calls a person; kept, because it is asked often."""
        if person not in self._named:
            people = ((name, self._people[name].slack) for name in self._by_user.get(person.user, ()))
            keep(self._named, person, tuple(name for name, slack in people if self.matches(person, slack)))
        return self._named[person]

    def matches(self, person: Person, reference: str) -> bool:
        """Tell whether "user", "team/user" or "enterprise/team/user" names this person."""
        *above, user = reference.split("/")
        if person.user != user or person.team == ACCOUNT_TEAM:
            return False
        return person.team == above[-1] if above else self.is_ours(person)

    def among(self, person: Person, people: Collection[Person]) -> bool:
        """Tell whether `people` holds the person; in an enterprise one id is one person in all its workspaces."""
        if person in people:
            return True
        return self.is_ours(person) and any(one.user == person.user and self.is_ours(one) for one in people)

    def is_ours(self, person: Person) -> bool:
        """Tell whether the person's account is of our own workspace or organisation; a guest's is, too."""
        if self._home_enterprise and person.enterprise == self._home_enterprise:
            return True
        return bool(self._home_team) and person.team == self._home_team

    def resolve(self, entry: str) -> Person | None:
        """Return whom a name of the configuration, a Slack id or "account:<name>" means."""
        if entry.startswith(ACCOUNT):
            return Person(team=ACCOUNT_TEAM, user=entry.removeprefix(ACCOUNT))
        reference = self._people[entry].slack if entry in self._people else entry
        *above, user = reference.split("/")
        if not user:
            return None
        if above:
            return Person(team=above[-1], user=user, enterprise=above[0] if len(above) > 1 else "")
        return Person(team=self._home_team, user=user, enterprise=self._home_enterprise) if self._home_team else None


def keep(kept: dict[_K, _V], key: _K, value: _V) -> None:
    """Remember a value; what was remembered is forgotten before it is too much."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
