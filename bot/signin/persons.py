"""`Persons`: which person in Slack a subject of the identity provider is, and since when that is known."""

from collections.abc import Callable

from sqlalchemy.exc import IntegrityError

from bot.audit import Audit
from bot.clock import Clock
from bot.command import Resource
from bot.grants.people import People
from bot.identity import Person
from bot.permissions import Permissions
from bot.settings.identity import IdentitySettings
from bot.signin import records
from bot.signin.rules import Identity, Verdict, is_person
from bot.store import Store, Tx


class Persons:
    """Ties subjects to people. `settings` is asked each time, so that a reload is seen at once."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        audit: Audit,
        permissions: Permissions,
        people: People,
        settings: Callable[[], IdentitySettings],
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._permissions = permissions
        self._people = people
        self._settings = settings

    async def name(self, person: Person) -> str:
        """Return the name people read."""
        return await self._people.name(person)

    async def verdict(self, who: Identity, person: Person) -> Verdict:
        """Decide whether a sign-in is this person's.

        Raises:
            Degraded: their address is needed, and Slack does not tell it.
        """
        async with self._store.read() as conn:
            subject = await records.of_subject(conn, who.issuer, who.subject)
            mine = await records.of_person(conn, who.issuer, person)
        configured = self._permissions.subject_of(person)
        named = self._permissions.person_by_subject(who.subject)
        by_address = not configured and mine is None and self._settings().match == "email"
        return is_person(
            who,
            person,
            configured=configured,
            linked=mine.subject if mine else "",
            linked_with=named or (subject.person if subject else None),
            addresses=await self._people.addresses(person) if by_address else (),
        )

    async def keep(self, tx: Tx, who: Identity, person: Person, verdict: Verdict, *, request_id: str = "") -> bool:
        """Note in `tx` that this subject is this person, and its groups; false when somebody was faster otherwise."""
        if verdict.code == "subject_named":
            await records.replace(tx, who, person)
        try:
            kept = await records.keep(tx, who, person, now=self._clock.now())
        except IntegrityError:  # on PostgreSQL, in the same moment
            return False
        if kept and verdict.code == "email_matches":
            await self._audit.record(
                tx,
                actor=person,
                action="identity.linked",
                outcome="succeeded",
                resource=Resource(),
                rule=verdict.rule,
                request_id=request_id,
                data={"issuer": who.issuer, "subject": who.subject},
            )
        return kept

    async def of_subject(self, who: Identity) -> Person | None:
        """Return whose sign-in this is where no link told it: named, linked, or by an address in the configuration.

        What is found is kept.

        Raises:
            Degraded: Slack is needed to tell, and does not answer.
        """
        async with self._store.read() as conn:
            known = await records.of_subject(conn, who.issuer, who.subject)
        person = self._permissions.person_by_subject(who.subject) or (known.person if known else None)
        if person is None and who.email:
            person = self._permissions.person_by_email(who.email)
        if person is None:
            return None
        verdict = await self.verdict(who, person)
        if not verdict.allowed:
            return None
        if known is not None and known.person == person and known.seen_at >= who.issued_at:
            return person
        async with self._store.write() as tx:
            return person if await self.keep(tx, who, person, verdict) else None
