"""`Signing`: from the link in Slack through signing in at the identity provider to what that proves.

The authorization code flow with PKCE and a nonce. The state is random, kept as a hash, lasts ten minutes and goes
through each stage once. The browser that opens the link gets a secret as a cookie, of which only a hash is kept; PKCE
verifier and nonce are derived from it, so that no other browser can end what this one began.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from msgspec import Struct, field

from bot.approvals.approvals import Approvals, Ballot, Standing
from bot.approvals.records import Approval, Proof
from bot.approvals.rules import State, Vote
from bot.audit import Audit
from bot.clock import Clock
from bot.command import Resource
from bot.errors import Refused, UserError
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.signin import messages, records
from bot.signin.persons import Persons
from bot.signin.provider import Provider
from bot.signin.records import SignIn
from bot.signin.rules import LINK_LASTS, Identity, Purpose, Stage, Verdict, over, too_weak
from bot.signin.tokens import TokenRefused
from bot.slack.outbox import Outbox
from bot.store import Store, Tx

log = structlog.get_logger()


class SignInEnded(Exception):
    """The link or the sign-in is not good (any more); `why` is for the browser's owner."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class About(Struct, frozen=True, kw_only=True):
    """What an approval is about, for the page: what would be done where, and lines that name it exactly."""

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)


AboutOf = Callable[[Approval], Awaitable[About | None]]
"""Returns what an approval is about; None where nobody waits for it any more."""


class Parts(Struct, frozen=True, kw_only=True):
    """What signing in is made of. `about` finds what an approval is about, `public_url` is where browsers reach us."""

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    approvals: Approvals
    provider: Provider
    persons: Persons
    about: AboutOf
    public_url: str


class Shown(Struct, frozen=True, kw_only=True):
    """What the page shows after a sign-in: who it was, for whom the link was, and what that means.

    `about` and `form` are set where there is something to approve; `groups` are those the token told.
    """

    ident: str
    name: str
    who: Identity
    verdict: Verdict
    about: About | None = None
    approval: Approval | None = None
    form: str = ""


class Signing:
    """Sign-ins of all people. `open`, `come_back` and `decide` are what the page calls, in this order."""

    def __init__(self, parts: Parts) -> None:
        self._of = parts
        self.provider, self.persons = parts.provider, parts.persons

    @property
    def off(self) -> str:
        """Why nobody can sign in, "" when people can."""
        if not self._of.provider.settings.issuer:
            return "no identity provider is configured (identity.issuer)"
        return "" if self._of.public_url else "server.public_url is not set"

    def callback_url(self) -> str:
        """Return where the provider sends the browser back to; it has to be registered there."""
        return callback_url(self._of.public_url)

    # --------------------------------------------------------------------------------------------------------- begin

    async def lead(self, approval: Approval, ballot: Ballot) -> Refused:
        """Return the refusal of a bare click, with the link that leads to a sign-in for exactly this vote."""
        if self.off:
            return messages.unable(approval, self.off)
        url = await self._begin(
            ballot.person,
            Purpose.APPROVE,
            approval_id=approval.id,
            digest=approval.digest,
            request_id=ballot.request_id,
        )
        return messages.sign_in_needed(approval, url)

    async def begin(self, person: Person) -> str:
        """Return a link by which a person signs in to have their groups known.

        Raises:
            Refused: `sign_in_off`.
        """
        if self.off:
            raise Refused("sign_in_off", f"Nobody can sign in: {self.off}.")
        if person.team == ACCOUNT_TEAM:
            raise Refused("sign_in_off", "A service account has no password at the identity provider.")
        return await self._begin(person, Purpose.GROUPS)

    async def known(self, person: Person) -> tuple[tuple[str, ...], datetime] | None:
        """Return the groups that the provider told of a person, and when; None where they never signed in."""
        async with self._of.store.read() as conn:
            found = await records.of_person(conn, self._of.provider.settings.issuer, person)
        return None if found is None else (found.groups or (), found.seen_at)

    async def _begin(
        self, person: Person, purpose: Purpose, *, approval_id: str = "", digest: str = "", request_id: str = ""
    ) -> str:
        state, now = secrets.token_urlsafe(32), self._of.clock.now()
        sign_in = SignIn(
            state_hash=_hash(state),
            purpose=purpose,
            person=person,
            approval_id=approval_id,
            digest=digest,
            request_id=request_id,
            began_at=now,
            expires_at=now + LINK_LASTS,
        )
        async with self._of.store.write() as tx:
            await records.begin(tx, sign_in)
        return f"{self._of.public_url.rstrip('/')}/sign-in?state={state}"

    async def open(self, state: str) -> tuple[str, str, str]:
        """Return where to send the browser that opened the link, the sign-in's name, and the secret it is to keep.

        Raises:
            SignInEnded: the link is unknown, used, or ten minutes old.
            Degraded: the provider does not answer.
        """
        sign_in = await self._found(state)
        secret = secrets.token_urlsafe(32)
        url = await self._of.provider.sign_in_url(
            state=state,
            nonce=_derived(secret, "nonce"),
            challenge=_challenge(secret),
            redirect_uri=self.callback_url(),
            fresh=sign_in.purpose is Purpose.APPROVE,
        )
        async with self._of.store.write() as tx:
            values = {"stage": Stage.OPENED.value, "browser_hash": _hash(secret)}
            if not await records.move(tx, sign_in, (Stage.ASKED, Stage.OPENED), **values):
                raise SignInEnded("This link has been used already.")
        return url, sign_in.ident, secret

    # ----------------------------------------------------------------------------------------------------- come back

    async def come_back(self, query: Mapping[str, str], cookie_of: Callable[[str], str]) -> Shown:
        """Redeem the code that the browser brought, and return who signed in and what that means.

        `cookie_of` finds the secret of a sign-in among the browser's cookies.

        Raises:
            SignInEnded: the state is not good, another browser began, or the sign-in proves too little.
            Degraded: the provider, or Slack where it is needed, does not answer.
        """
        sign_in = await self._found(query.get("state", ""))
        secret = cookie_of(sign_in.ident)
        if not secret or not hmac.compare_digest(sign_in.browser_hash, _hash(secret)):
            raise SignInEnded("Another browser opened this link. Begin in this one.")
        async with self._of.store.write() as tx:
            if not await records.move(tx, sign_in, (Stage.OPENED,), stage=Stage.REDEEMING.value):
                raise SignInEnded("This sign-in has been used already.")
        try:
            who = await self._redeem(query, secret)
            return await self._look(sign_in, who)
        except (SignInEnded, UserError):
            async with self._of.store.write() as tx:
                await records.finish(tx, sign_in)
            raise

    async def _redeem(self, query: Mapping[str, str], secret: str) -> Identity:
        issuer = self._of.provider.settings.issuer
        if query.get("iss", issuer) != issuer:  # RFC 9207: another provider's answer is none of this one
            raise SignInEnded("The answer came from another provider.")
        if not query.get("code"):
            said = "you said no there" if query.get("error") == "access_denied" else query.get("error", "no code came")
            raise SignInEnded(f"The provider let nobody in: {said[:200]}.")
        try:
            return await self._of.provider.redeem(
                query["code"],
                verifier=_derived(secret, "pkce"),
                nonce=_derived(secret, "nonce"),
                redirect_uri=self.callback_url(),
            )
        except TokenRefused as error:
            raise SignInEnded(f"The sign-in proves nothing: {error.why}.") from error

    async def _look(self, sign_in: SignIn, who: Identity) -> Shown:
        """Decide what the sign-in proves, and keep that until its owner has confirmed it."""
        verdict = await self._of.persons.verdict(who, sign_in.person)
        if not verdict.allowed:
            return await self._turn_away(sign_in, who, verdict)
        if sign_in.purpose is Purpose.APPROVE:
            settings, now = self._of.provider.settings, self._of.clock.now()
            weak = too_weak(who, settings.acr_values, now=now, max_age=settings.max_age, since=sign_in.began_at)
            if weak:
                async with self._of.store.write() as tx:
                    await self._record(
                        tx, sign_in, who, "refused", Verdict(allowed=False, code="sign_in_weak", rule=weak)
                    )
                raise SignInEnded(f"This sign-in is not enough to approve by: {weak}.")
        about, approval = await self._about(sign_in)
        form = secrets.token_urlsafe(32) if about else ""
        proof = Proof(issuer=who.issuer, subject=who.subject, acr=who.acr, auth_time=who.auth_time)
        async with self._of.store.write() as tx:
            if not await self._of.persons.keep(tx, who, sign_in.person, verdict, request_id=sign_in.request_id):
                raise SignInEnded("This account, or this person, has just signed in otherwise.")
            if about is None:
                moved = await records.finish(tx, sign_in)
            else:
                values = {"stage": Stage.PROVEN.value, "proof": proof.plain(), "form_hash": _hash(form)}
                moved = await records.move(tx, sign_in, (Stage.REDEEMING,), **values)
            if not moved:
                raise SignInEnded("A newer link was asked for meanwhile: use that one.")
        return await self._shown(sign_in, who, verdict, about=about, approval=approval, form=form)

    async def _about(self, sign_in: SignIn) -> tuple[About | None, Approval | None]:
        """Return what would be approved: exactly what was on the card, or nothing."""
        if sign_in.purpose is not Purpose.APPROVE:
            return None, None
        async with self._of.store.read() as conn:
            standing = await self._of.approvals.get(conn, sign_in.approval_id)
        about = await self._of.about(standing.approval) if standing else None
        if standing is None or about is None or standing.approval.state is not State.OPEN:
            raise SignInEnded("What you wanted to approve has been decided, or has changed, meanwhile. See its card.")
        if standing.approval.digest != sign_in.digest:
            raise SignInEnded("What you wanted to approve has changed meanwhile. Read its card anew.")
        return about, standing.approval

    async def _turn_away(self, sign_in: SignIn, who: Identity, verdict: Verdict) -> Shown:
        async with self._of.store.write() as tx:
            await records.finish(tx, sign_in)
            await self._record(tx, sign_in, who, "refused", verdict)
            key = f"sign-in/{sign_in.ident}/refused"
            await self._of.outbox.direct(tx, key, sign_in.person, messages.somebody_else(sign_in.approval_id))
        return await self._shown(sign_in, who, verdict)

    async def _shown(
        self,
        sign_in: SignIn,
        who: Identity,
        verdict: Verdict,
        *,
        about: About | None = None,
        approval: Approval | None = None,
        form: str = "",
    ) -> Shown:
        name = await self._of.persons.name(sign_in.person)
        return Shown(
            ident=sign_in.ident, name=name, who=who, verdict=verdict, about=about, approval=approval, form=form
        )

    # -------------------------------------------------------------------------------------------------------- decide

    async def decide(self, ident: str, secret: str, form: str, *, agreed: bool) -> Standing | None:
        """Count the vote that was proven, once; None where the browser's owner said no.

        Raises:
            SignInEnded: there is nothing to decide (any more).
            Refused: the vote does not count: it was decided, it changed, or this person may not (any more).
            Degraded: something that is needed does not answer; the form can be sent again.
        """
        async with self._of.store.read() as conn:
            sign_in = await records.by_ident(conn, ident)
        if sign_in is None or sign_in.stage is not Stage.PROVEN or over(sign_in.expires_at, self._of.clock.now()):
            raise SignInEnded("This sign-in has ended, or its vote was counted already.")
        same_browser = secret and hmac.compare_digest(sign_in.browser_hash, _hash(secret))
        if not same_browser or not hmac.compare_digest(sign_in.form_hash, _hash(form)):
            raise SignInEnded("This form is not the one that was shown to you.")
        if not agreed:
            async with self._of.store.write() as tx:
                await records.finish(tx, sign_in)
            return None
        await self._about(sign_in)

        async def once(tx: Tx) -> None:
            if not await records.finish(tx, sign_in):
                raise SignInEnded("This vote was counted already.")

        ballot = Ballot(
            approval_id=sign_in.approval_id,
            person=sign_in.person,
            vote=Vote.APPROVE,
            digest=sign_in.digest,
            request_id=sign_in.request_id,
            proof=sign_in.proof,
        )
        return await self._of.approvals.vote(ballot, also=once)

    async def _record(self, tx: Tx, sign_in: SignIn, who: Identity, outcome: str, verdict: Verdict) -> None:
        await self._of.audit.record(
            tx,
            actor=sign_in.person,
            action=f"sign_in.{sign_in.purpose.value}",
            outcome=outcome,
            resource=Resource(),
            rule=verdict.rule,
            request_id=sign_in.request_id,
            subject=sign_in.approval_id.partition("/")[0],
            data={"code": verdict.code, "issuer": who.issuer, "subject": who.subject, "acr": who.acr},
        )

    async def _found(self, state: str) -> SignIn:
        async with self._of.store.read() as conn:
            sign_in = await records.by_state(conn, _hash(state)) if state else None
        if sign_in is None:
            raise SignInEnded("This link is not known, or has been used already.")
        if over(sign_in.expires_at, self._of.clock.now()):
            raise SignInEnded("This link is older than ten minutes.")
        return sign_in


def callback_url(public_url: str) -> str:
    """Return where the provider sends browsers back to."""
    return f"{public_url.rstrip('/')}/sign-in/callback"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _derived(secret: str, what: str) -> str:
    """Return a value that belongs to a browser's secret: 43 characters, as RFC 7636 section 4.1 wants a verifier."""
    return _base64url(hmac.digest(secret.encode(), f"shipmate sign-in {what}".encode(), "sha256"))


def _challenge(secret: str) -> str:
    """Return the S256 challenge of a browser's verifier (RFC 7636 section 4.2)."""
    return _base64url(hashlib.sha256(_derived(secret, "pkce").encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
