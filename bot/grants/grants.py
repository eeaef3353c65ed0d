"""`Grants`: act in a tool as a person, renew what ends, and take it back."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.audit import SHIPMATE, Audit
from bot.clock import Clock
from bot.command import Resource
from bot.errors import Degraded, Refused, UserError
from bot.grants import messages, records
from bot.grants.messages import Connection
from bot.grants.people import People
from bot.grants.proposals import Proposals
from bot.grants.records import Kept
from bot.grants.rules import ends_soon
from bot.identity import Person
from bot.reply import Button
from bot.slack.outbox import Outbox
from bot.store import Store, Tx
from bot.toolbox import Toolbox
from bot.vault import Unreadable, Vault
from integrations.capabilities.persons import Account, Grant, PersonalAccess
from integrations.errors import IntegrationError, NotAuthenticated, Refused as ToolRefused

T = TypeVar("T")

RENEWING_LASTS: Final = timedelta(seconds=60)
"""How long one writer may take to renew; then another one tries."""
_PATIENCE: Final = timedelta(seconds=30)
_LOOK_AGAIN: Final = 0.2
ASKED: Final = "disconnected by them"
LEFT: Final = "they left the team or became a guest"
ENDED: Final = "it was revoked or has run out there"
REPLACED: Final = "replaced by a newer one"
UNREADABLE: Final = "no key opens it any more"

log = structlog.get_logger()


class Purpose(Struct, frozen=True, kw_only=True):
    """What a grant is used for, for the audit log; `moves` are offered where there is no grant."""

    action: str
    what: str
    subject: str
    resource: Resource
    request_id: str = ""
    moves: tuple[Button, ...] = ()


class Lending(Struct, frozen=True, kw_only=True):
    """What lending works with: the parts of the bot, and the address under which its pages are reached."""

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    toolbox: Toolbox
    vault: Vault
    people: People
    public_url: str = ""


class Grants:
    """The grants of all people. A tool's calls are made by `act`, never with tokens handed out."""

    def __init__(self, lending: Lending) -> None:
        self._of = lending
        self.proposals = Proposals(lending)
        self._turns: defaultdict[tuple[Person, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def off(self) -> str:
        """Why nobody can link an account, "" where they can."""
        if not self._of.vault.has_keys:
            return "encryption_keys is not set, so nothing that people lend could be kept safely"
        if not self._of.public_url:
            return "server.public_url is not set, so a browser could not come back from signing in"
        return ""

    def instances(self) -> Sequence[str]:
        """Return the connected tools in which people can act as themselves."""
        return sorted(
            name for name, adapter in self._of.toolbox.adapters().items() if isinstance(adapter, PersonalAccess)
        )

    def can_be_lent(self, instance: str) -> bool:
        """Tell whether people can link accounts of a tool: here, and by an application that is set up there."""
        if self.off:
            return False
        try:
            self._access(instance).sign_in_url(self._of.public_url, "state", "challenge")
        except (ToolRefused, UserError):
            return False
        return True

    async def has(self, person: Person, instance: str) -> bool:
        """Tell whether a person has lent a grant that holds, as far as we know."""
        if self.off:
            return False
        async with self._of.store.read() as conn:
            kept = await records.get(conn, person, instance)
        return kept is not None and not kept.ending

    async def username(self, person: Person, instance: str) -> str:
        """Return the user name of the account that a person has linked, "" without a grant that holds."""
        if self.off:
            return ""
        async with self._of.store.read() as conn:
            kept = await records.get(conn, person, instance)
        account = self._account(kept) if kept is not None and not kept.ending else None
        return account.username if account else ""

    async def of_person(self, person: Person) -> Sequence[Connection]:
        """Return what a person has linked."""
        async with self._of.store.read() as conn:
            found = await records.of_person(conn, person)
        return [
            Connection(
                instance=kept.instance,
                account=self._account(kept),
                linked_at=kept.linked_at,
                used_at=kept.used_at,
                ending=kept.ending,
            )
            for kept in found
        ]

    # --------------------------------------------------------------------------------------------------------- using

    async def act(self, person: Person, instance: str, purpose: Purpose, call: Callable[[Grant], Awaitable[T]]) -> T:
        """Call a tool as a person, by their grant, and record what for; a grant that ends is renewed first.

        `call` may run twice, the second time after the tool said that the grant had ended and did nothing.

        Raises:
            Refused: `not_connected`: there is no grant, or it has ended; `not_in_team`: the person left.
            Degraded: Slack does not say who they are, or a renewal is stuck.
            IntegrationError: what `call` raised.
        """
        kept = await self._lent(person, instance, purpose)
        grant, account = await self._opened(kept, purpose)
        if ends_soon(grant.expires_at, self._of.clock.now()):
            kept, grant, account = await self._renewed(kept, purpose)
        await self._note_use(kept, account, purpose)
        try:
            return await call(grant)
        except NotAuthenticated:
            kept, grant, account = await self._renewed(kept, purpose)
        try:
            return await call(grant)
        except NotAuthenticated as error:
            await self._end(kept, account, ENDED)
            raise self._gone(kept, purpose) from error

    async def _lent(self, person: Person, instance: str, purpose: Purpose) -> Kept:
        if self.off:
            raise Refused("not_connected", f"Shipmate cannot {purpose.what} as you: {self.off}.", moves=purpose.moves)
        async with self._of.store.read() as conn:
            kept = await records.get(conn, person, instance)
        if kept is None or kept.ending:
            raise messages.not_connected(instance, purpose.what, purpose.moves)
        if not await self._of.people.in_good_standing(person):
            await self.revoke(kept, LEFT, by=SHIPMATE)
            raise Refused("not_in_team", "Only people of our own team act in a tool as themselves.")
        return kept

    async def _opened(self, kept: Kept, purpose: Purpose) -> tuple[Grant, Account]:
        try:
            return self._unsealed(kept)
        except Unreadable as error:
            log.warning("grant.unreadable", person=kept.person.key, instance=kept.instance, reason=str(error))
            raise messages.not_connected(kept.instance, purpose.what, purpose.moves) from error

    async def _note_use(self, kept: Kept, account: Account, purpose: Purpose) -> None:
        async with self._of.store.write() as tx:
            await records.note_use(tx, kept, self._of.clock.now())
            await self._of.audit.record(
                tx,
                actor=kept.person,
                action="grant.used",
                outcome="allowed",
                resource=purpose.resource,
                rule=f"{kept.instance} account @{account.username} is theirs",
                request_id=purpose.request_id,
                subject=purpose.subject,
                data={"for": purpose.action, "instance": kept.instance, "account": account.username},
            )

    # ------------------------------------------------------------------------------------------------------ renewing

    async def _renewed(self, kept: Kept, purpose: Purpose) -> tuple[Kept, Grant, Account]:
        """Renew this version of a grant, or take what another writer renewed meanwhile.

        The fresh grant is kept before it is used: a tool that takes a refresh token once still takes it again until
        the fresh one is used, so that a crash in between loses nothing.
        """
        clock, token = self._of.clock, secrets.token_hex(16)
        give_up = clock.now() + _PATIENCE
        async with self._turns[kept.person, kept.instance]:
            while True:
                now = clock.now()
                async with self._of.store.write() as tx:
                    ours = await records.lease(tx, kept, token, now, now + RENEWING_LASTS)
                if ours:
                    return await self._renew(kept, token, purpose)
                async with self._of.store.read() as conn:
                    current = await records.get(conn, kept.person, kept.instance)
                if current is None or current.ending:
                    raise self._gone(kept, purpose)
                if current.version != kept.version:
                    return (current, *await self._opened(current, purpose))
                if clock.now() >= give_up:
                    raise Degraded("grant_busy", f"Your grant for {kept.instance} is being renewed. Try again.")
                await clock.sleep(_LOOK_AGAIN)

    async def _renew(self, kept: Kept, token: str, purpose: Purpose) -> tuple[Kept, Grant, Account]:
        grant, account = await self._opened(kept, purpose)
        try:
            access = self._access(kept.instance)
            fresh = await access.renew(grant)
        except (NotAuthenticated, ToolRefused) as error:
            await self._end(kept, account, ENDED)
            raise self._gone(kept, purpose) from error
        except (IntegrationError, UserError):
            async with self._of.store.write() as tx:
                await records.give_back(tx, kept, token)
            raise
        sealed = records.seal(self._of.vault, kept.person, kept.instance, fresh, account)
        async with self._of.store.write() as tx:
            stored = await records.replace_sealed(tx, kept, sealed, token=token)
        if not stored:  # taken back or linked anew while the tool was asked
            await self.drop(kept.instance, fresh)
            raise self._gone(kept, purpose)
        log.info("grant.renewed", person=kept.person.key, instance=kept.instance)
        return replace(kept, sealed=sealed, version=kept.version + 1), fresh, account

    # --------------------------------------------------------------------------------------------------- taking back

    async def disconnect(self, person: Person, instance: str) -> bool:
        """Revoke a person's grant at the tool and forget it; false when the tool could not be told yet.

        Raises:
            Refused: `not_connected`: there is none.
        """
        async with self._of.store.read() as conn:
            kept = await records.get(conn, person, instance)
        if kept is None:
            raise Refused("not_connected", f"You have not linked an account of {instance}: there is nothing to revoke.")
        return await self.revoke(kept, ASKED, by=person)

    async def revoke(self, kept: Kept, why: str, *, by: Person) -> bool:
        """Have nobody use a grant from now on, revoke it at its tool and forget it.

        Returns false while the tool cannot be told; housekeeping tries again.
        """
        account = self._account(kept)
        name = account.username if account else ""
        async with self._of.store.write() as tx:
            if await records.mark_ending(tx, kept, why):
                await self._record(tx, kept, "grant.revoked", by, {"why": why, "account": name})
        async with self._of.store.read() as conn:  # a renewal may have come before
            kept = await records.get(conn, kept.person, kept.instance) or kept
        try:
            grant, _ = self._unsealed(kept)
        except Unreadable:
            log.warning("grant.unreadable", person=kept.person.key, instance=kept.instance)
        else:
            if not await self.drop(kept.instance, grant):
                return False
        async with self._of.store.write() as tx:
            await records.forget(tx, kept)
        return True

    async def drop(self, instance: str, grant: Grant) -> bool:
        """Revoke a grant at its tool; false when the tool could not be told."""
        try:
            await self._access(instance).revoke(grant)
        except (IntegrationError, UserError) as error:
            log.warning("grant.not_revoked_yet", instance=instance, error=repr(error))
            return False
        return True

    async def _end(self, kept: Kept, account: Account, why: str) -> None:
        """Forget a grant that is worth nothing any more, and tell its person."""
        async with self._of.store.write() as tx:
            if not await records.forget(tx, kept):
                return
            await self._record(tx, kept, "grant.ended", SHIPMATE, {"why": why, "account": account.username})
            key = f"grant/{kept.instance}/{kept.linked_at.isoformat()}/ended"
            message = messages.ended(kept.instance, account.username, why)
            await self._of.outbox.direct(tx, f"{key}/{kept.person.key}", kept.person, message)

    def _gone(self, kept: Kept, purpose: Purpose) -> Refused:
        return messages.not_connected(kept.instance, purpose.what, purpose.moves)

    async def _record(self, tx: Tx, kept: Kept, action: str, by: Person, data: dict[str, str]) -> None:
        await self._of.audit.record(
            tx,
            actor=by,
            action=action,
            outcome="succeeded",
            resource=Resource(),
            subject=kept.instance,
            data={"person": kept.person.key, **data},
        )

    def _access(self, instance: str) -> PersonalAccess:
        return self._of.toolbox.get(PersonalAccess, instance)

    def _unsealed(self, kept: Kept) -> tuple[Grant, Account]:
        return records.unseal(self._of.vault, kept.person, kept.instance, kept.sealed)

    def _account(self, kept: Kept) -> Account | None:
        try:
            return self._unsealed(kept)[1]
        except Unreadable:
            return None
