"""`Linking`: from the link in Slack through signing in at the tool to the grant that is kept.

The authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636). The state is random, kept as a hash, lasts ten
minutes and goes through each stage once. The browser that opens the link gets a nonce as a cookie, of which only a
hash is kept; the PKCE verifier is derived from it, so that no other browser can end what this one began.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

import structlog
from msgspec import Struct
from sqlalchemy.exc import IntegrityError

from bot.command import Resource
from bot.errors import Degraded, Refused
from bot.grants import messages, records
from bot.grants.grants import REPLACED, Grants, Lending
from bot.grants.records import Kept, SignIn
from bot.grants.rules import SIGN_IN_LASTS, Stage, Verdict, may_link, over
from bot.identity import Person
from bot.store import Tx
from bot.vault import Unreadable
from integrations.capabilities.persons import Account, Grant, PersonalAccess
from integrations.errors import IntegrationError, NotAuthenticated, Refused as ToolRefused

log = structlog.get_logger()


class LinkEnded(Exception):
    """The link or the sign-in is not good (any more); `why` is for the browser's owner."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sides(Struct, frozen=True, kw_only=True):
    """Both ends of a link, as the page names them. `form` is its form's token, "" where nothing can be confirmed."""

    instance: str
    account: Account
    name: str
    addresses: tuple[str, ...]
    verdict: Verdict
    form: str = ""


class Linking:
    """Sign-ins of all people. `open`, `come_back` and `decide` are what the page calls, in this order."""

    def __init__(self, lending: Lending, grants: Grants) -> None:
        self._of = lending
        self._grants = grants

    def callback_url(self, instance: str) -> str:
        """Return where the tool sends the browser back to; it has to be registered there."""
        return f"{self._of.public_url.rstrip('/')}/connect/{instance}/callback"

    # --------------------------------------------------------------------------------------------------------- begin

    async def begin(self, person: Person, instance: str) -> str:
        """Return a link for this person: whoever opens it is led to sign in at the tool.

        Raises:
            Refused: `grants_off`, `not_in_team`, or no OAuth application is configured.
            BadInput: `unknown_integration` or `missing_capability`.
            Degraded: Slack does not say who they are.
        """
        if self._grants.off:
            raise Refused("grants_off", f"Accounts cannot be linked: {self._grants.off}. Buttons stay links.")
        access = self._access(instance)
        if not await self._of.people.in_good_standing(person):
            raise Refused("not_in_team", "Only people of our own team link an account: guests and others cannot.")
        state = secrets.token_urlsafe(32)
        try:
            access.sign_in_url(self.callback_url(instance), state, _challenge(state))
        except ToolRefused as error:
            raise Refused("grants_off", f"Accounts of {instance} cannot be linked: {error.reason}") from error
        sign_in = SignIn(
            state_hash=_hash(state),
            person=person,
            instance=instance,
            stage=Stage.ASKED,
            browser_hash="",
            form_hash="",
            sealed="",
            expires_at=self._of.clock.now() + SIGN_IN_LASTS,
        )
        async with self._of.store.write() as tx:
            await records.begin(tx, sign_in)
        return f"{self._of.public_url.rstrip('/')}/connect/{instance}?state={state}"

    async def open(self, instance: str, state: str) -> tuple[str, str]:
        """Return where to send the browser that opened the link, and the nonce that it is to keep.

        Raises:
            LinkEnded: the link is unknown, used, or ten minutes old.
        """
        sign_in = await self._found(instance, state)
        nonce = secrets.token_urlsafe(32)
        async with self._of.store.write() as tx:
            stages = (Stage.ASKED, Stage.OPENED)
            values = {"stage": Stage.OPENED.value, "browser_hash": _hash(nonce)}
            if not await records.move(tx, sign_in, stages, **values):
                raise LinkEnded("This link has been used already.")
        return self._access(instance).sign_in_url(self.callback_url(instance), state, _challenge(nonce)), nonce

    # ----------------------------------------------------------------------------------------------------- come back

    async def come_back(self, instance: str, query: Mapping[str, str], nonce: str) -> Sides:
        """Redeem the code that the browser brought, and return both ends for its owner to look at.

        Raises:
            LinkEnded: the state is not good, another browser began, the person said no, or the code is no good.
            IntegrationError: the tool does not answer.
        """
        state = query.get("state", "")
        sign_in = await self._found(instance, state)
        if not nonce or not hmac.compare_digest(sign_in.browser_hash, _hash(nonce)):
            raise LinkEnded("This sign-in was begun in another browser, so nothing was linked.")
        async with self._of.store.write() as tx:
            if not await records.move(tx, sign_in, (Stage.OPENED,), stage=Stage.REDEEMING.value):
                raise LinkEnded("This sign-in has been used already.")
        try:
            return await self._redeem(sign_in, query, nonce)
        except (LinkEnded, IntegrationError, Degraded):
            async with self._of.store.write() as tx:
                await records.finish(tx, sign_in)
            raise

    async def _redeem(self, sign_in: SignIn, query: Mapping[str, str], nonce: str) -> Sides:
        instance, access = sign_in.instance, self._access(sign_in.instance)
        if not query.get("code"):
            said = "you said no there" if query.get("error") == "access_denied" else "it sent no code"
            raise LinkEnded(f"{instance} let nobody in: {said}. Nothing was linked.")
        try:
            grant = await access.redeem(query["code"], self.callback_url(instance), _verifier(nonce))
        except (ToolRefused, NotAuthenticated) as error:
            raise LinkEnded(f"{instance} did not take the sign-in: {error.message}") from error
        try:
            return await self._look(sign_in, grant)
        except (LinkEnded, IntegrationError, Degraded):
            await self._grants.drop(instance, grant)
            raise

    async def _look(self, sign_in: SignIn, grant: Grant) -> Sides:
        """See who signed in, and keep what they lent, sealed, until they have confirmed it."""
        instance = sign_in.instance
        account = await self._access(instance).whose(grant)
        verdict = await self._verdict(sign_in, account)
        form = secrets.token_urlsafe(32)
        if verdict.allowed:
            sealed = records.seal(self._of.vault, sign_in.person, instance, grant, account)
            values = {"stage": Stage.SIGNED_IN.value, "sealed": sealed, "form_hash": _hash(form)}
            async with self._of.store.write() as tx:
                if not await records.move(tx, sign_in, (Stage.REDEEMING,), **values):
                    raise LinkEnded("A newer link was asked for meanwhile: use that one.")
        else:
            await self._turn_away(sign_in, grant, account, verdict)
        return await self._sides(sign_in, account, verdict, form if verdict.allowed else "")

    async def _verdict(self, sign_in: SignIn, account: Account) -> Verdict:
        people, person = self._of.people, sign_in.person
        return may_link(
            username=account.username,
            email=account.email,
            named=people.account(person, sign_in.instance),
            addresses=await people.addresses(person),
        )

    async def _turn_away(self, sign_in: SignIn, grant: Grant, account: Account, verdict: Verdict) -> None:
        await self._grants.drop(sign_in.instance, grant)
        async with self._of.store.write() as tx:
            await records.finish(tx, sign_in)
            await self._record(tx, sign_in, account, "refused", verdict)

    async def _sides(self, sign_in: SignIn, account: Account, verdict: Verdict, form: str) -> Sides:
        return Sides(
            instance=sign_in.instance,
            account=account,
            name=await self._of.people.name(sign_in.person),
            addresses=tuple(sorted(await self._of.people.addresses(sign_in.person))),
            verdict=verdict,
            form=form,
        )

    # -------------------------------------------------------------------------------------------------------- decide

    async def decide(self, instance: str, nonce: str, form: str, *, agreed: bool) -> Sides:
        """Keep the grant, or revoke it, as the browser's owner said on the page.

        Raises:
            LinkEnded: there is nothing to decide (any more), or somebody else has linked this account.
            Degraded: Slack does not say who asked for the link.
        """
        async with self._of.store.read() as conn:
            sign_in = await records.sign_in_by(conn, browser_hash=_hash(nonce)) if nonce else None
        if sign_in is None or sign_in.instance != instance or over(sign_in.expires_at, self._of.clock.now()):
            raise LinkEnded("This sign-in has ended.")
        if not hmac.compare_digest(sign_in.form_hash, _hash(form)):
            raise LinkEnded("This form is not the one that was shown to you.")
        try:
            grant, account = records.unseal(self._of.vault, sign_in.person, instance, sign_in.sealed)
        except Unreadable as error:
            raise LinkEnded("The encryption key has changed meanwhile.") from error
        verdict = await self._verdict(sign_in, account)
        if agreed and verdict.allowed and await self._of.people.in_good_standing(sign_in.person):
            await self._keep(sign_in, grant, account, verdict)
        else:
            await self._turn_away(sign_in, grant, account, verdict)
            if agreed:
                raise LinkEnded("This account may not be linked with that person any more.")
        return await self._sides(sign_in, account, verdict, "")

    async def _keep(self, sign_in: SignIn, grant: Grant, account: Account, verdict: Verdict) -> None:
        kept = Kept(
            person=sign_in.person,
            instance=sign_in.instance,
            account_id=account.id,
            sealed=sign_in.sealed,
            version=1,
            ending="",
            linked_at=self._of.clock.now(),
            used_at=None,
        )
        try:
            async with self._of.store.write() as tx:
                if not await records.finish(tx, sign_in):
                    raise LinkEnded("This form was sent already.")
                older = await records.get(tx.conn, sign_in.person, sign_in.instance)
                linked = await records.keep(tx, kept)
                if linked:
                    await self._record(tx, sign_in, account, "succeeded", verdict)
                    key = f"grant/{sign_in.instance}/{sign_in.state_hash}"
                    await self._of.outbox.direct(tx, key, sign_in.person, messages.linked(sign_in.instance, account))
        except IntegrityError:  # somebody else linked it in the same moment, in another process
            older, linked = None, False
        if not linked:
            taken = Verdict(False, "linked_already", "somebody else has linked this account")  # noqa: FBT003 - a verdict
            await self._turn_away(sign_in, grant, account, taken)
            raise LinkEnded("Somebody else has linked this account already; nothing was changed.")
        if older is not None:
            await self._drop_older(older)

    async def _drop_older(self, older: Kept) -> None:
        try:
            grant, _ = records.unseal(self._of.vault, older.person, older.instance, older.sealed)
        except Unreadable:
            return
        log.info("grant.replaced", person=older.person.key, instance=older.instance, why=REPLACED)
        await self._grants.drop(older.instance, grant)

    async def _record(self, tx: Tx, sign_in: SignIn, account: Account, outcome: str, verdict: Verdict) -> None:
        await self._of.audit.record(
            tx,
            actor=sign_in.person,
            action="grant.linked",
            outcome=outcome,
            resource=Resource(),
            rule=verdict.rule,
            subject=sign_in.instance,
            data={"code": verdict.code, "account": account.username, "account_id": account.id},
        )

    async def _found(self, instance: str, state: str) -> SignIn:
        async with self._of.store.read() as conn:
            sign_in = await records.sign_in_by(conn, state_hash=_hash(state)) if state else None
        if sign_in is None or sign_in.instance != instance:
            raise LinkEnded("This link is not known, or has been used already.")
        if over(sign_in.expires_at, self._of.clock.now()):
            raise LinkEnded("This link is older than ten minutes.")
        return sign_in

    def _access(self, instance: str) -> PersonalAccess:
        return self._of.toolbox.get(PersonalAccess, instance)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _verifier(nonce: str) -> str:
    """Return the PKCE code verifier that belongs to a browser: 43 characters (RFC 7636 section 4.1)."""
    return _base64url(hmac.digest(nonce.encode(), b"shipmate pkce verifier", "sha256"))


def _challenge(nonce: str) -> str:
    """Return the S256 challenge of a browser's verifier (RFC 7636 section 4.2)."""
    return _base64url(hashlib.sha256(_verifier(nonce).encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
