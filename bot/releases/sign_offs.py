"""`SignOffs`: named people accept a release on the environment where they tried it, and what that lets happen."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals.rules import No
from bot.builds.ledger import Said
from bot.catalog import Environment, Service
from bot.command import Call
from bot.deployments import places
from bot.deployments.plan import Release as Shipped
from bot.deployments.records import Deployment
from bot.deployments.rules import State as DeploymentState
from bot.errors import BadInput, Refused, UserError
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM, MembershipUnreadable
from bot.policy.verdicts import Verdict
from bot.releases import records, replies
from bot.releases.ledger import Ledger, gates_of, places_of
from bot.releases.messages import Gate
from bot.releases.records import Release, SignOff
from bot.releases.rules import Opinion, State, Word, judge_artifact, judge_sign_off, may_sign_off
from bot.releases.story import deployments_of
from bot.reply import Paragraph, Reply, say
from bot.store import Tx
from integrations.capabilities.releases import ReleaseHost
from integrations.capabilities.runs import RunRef, RunTracker
from integrations.errors import IntegrationError


class Opinionated(Struct, frozen=True, kw_only=True):
    """What a person says: of which release, on which environment ("" for the one that asks), and why."""

    release: Release
    on: str = ""
    word: Word = Word.ACCEPTED
    reason: str = ""


class SignOffs:
    """Takes sign-offs, and judges for deployments whether there are enough of them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def say(self, call: Call, said: Opinionated) -> Reply:
        """Write what somebody says of a release; the same said again changes nothing.

        Raises:
            BadInput: a rejection without a reason (`reason_missing`); no such environment.
            Refused: nobody asks for it (`no_sign_off`), it does not run there (`not_there`), it is not this person's to
                say (`not_by_you`, `not_an_approver`, `membership_unreadable`, `author_unknown`), or it has gone on
                already (`promoted`).
        """
        release = said.release
        if release.state is not State.CUT:
            raise replies.not_cut(release)
        if said.word is Word.REJECTED and not said.reason.strip():
            raise BadInput("reason_missing", "Say why you reject it: the reason is kept and shown.")
        service = self._parts.catalog().service(release.service)
        gate = await self._gate(service, release, said.on)
        if said.word is not Word.REVOKED:
            await self._may(call.person, release, gate, accepts=said.word is Word.ACCEPTED)
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            before = {
                one.person: one for one in records.last_words(await records.said_of(tx.conn, release.id, gate.of))
            }.get(call.person)
            same = before is not None and (before.word, before.digest) == (said.word, release.digest)
            if same or (before is None and said.word is Word.REVOKED):
                return _answer(release, gate, said.word)
            if said.word is Word.REVOKED:
                await self._must_stand_still(tx.conn, release, gate)
            elif not await self._ledger.stands(tx.conn, service, gate.of, release):
                words = f"{release.id} {release.name} does not run on {gate.of} with success and with its own artifact"
                raise Refused("not_there", f"{words}: nothing can be said of it there.")
            written = await records.say(
                tx,
                release=release.id,
                environment=gate.of,
                digest=release.digest,
                person=call.person,
                word=said.word.value,
                reason=said.reason.strip(),
                request_id=call.request_id,
                at=self._parts.clock.now(),
            )
            if written:
                told = Said(text=said.reason.strip(), person=call.person, request_id=call.request_id)
                book.enter(release, "release.sign_off", said.word.value, told, environment=gate.of)
                await book.show(release, urgent=True)
            return _answer(release, gate, said.word)

    async def judge(self, service: Service, environment: Environment, shipped: Shipped) -> Verdict | None:
        """Say for a deployment whether what shall go there is signed off; None where nobody asks for that."""
        asked = environment.sign_off
        if asked is None:
            return None
        async with self._parts.store.read() as conn:
            release = await _release_of(conn, service, shipped)
            said = await records.said_of(conn, release.id, asked.of) if release is not None else ()
        opinions = [
            Opinion(
                person=one.person,
                word=one.word,
                digest=one.digest,
                name=self._parts.name_of(one.person),
                reason=one.reason,
            )
            for one in records.last_words(said)
            if await self._counts(one, asked.groups)
        ]
        return judge_sign_off(
            count=asked.count,
            groups=asked.groups,
            of=asked.of,
            release=f"{release.id} {release.name}" if release is not None else "",
            digest=shipped.digest,
            opinions=opinions,
        )

    async def judge_artifact(self, service: Service, environment: Environment, shipped: Shipped) -> Verdict | None:
        """Say for a deployment whether a release is still what was cut: its tag, its artifact; None for no release.

        Raises:
            IntegrationError: the Git host does not answer.
        """
        async with self._parts.store.read() as conn:
            release = await _release_of(conn, service, shipped)
            if release is None:
                return None
            verdicts = [self._same(release, shipped.digest, "what is to be deployed")]
            for place in places_of(service, environment.promote_from) if environment.promote_from else ():
                running = (await places.get(conn, place)).running
                if running.sha == release.sha:
                    verdicts.append(self._same(release, running.digest, str(place)))
        verdicts.append(self._same(release, await self._digest_now(release), "its build"))
        tag = await self._moved_tag(release)
        return tag or next((one for one in verdicts if not one.ok), verdicts[0])

    async def ended(self, tx: Tx, deployment: Deployment) -> None:
        """Have the cards of releases tell where they run, and ask for the sign-off where one has come to."""
        async with self._ledger.open(tx) as book:
            for sha in dict.fromkeys((deployment.sha, deployment.previous_sha)):
                release = await records.of_commit(tx.conn, deployment.service, sha) if sha else None
                if release is None:
                    continue
                await book.show(release)
                if sha == deployment.sha and deployment.state is DeploymentState.SUCCEEDED:
                    await book.ask_for_sign_offs(release, deployment.environment)

    async def _gate(self, service: Service, release: Release, on: str) -> Gate:
        """Return the sign-off that is meant: that of the environment, or the furthest one where the release runs."""
        gates = gates_of(service)
        if on:
            name = service.environment(on).name
            found = next((gate for gate in gates if gate.of == name), None)
            if found is None:
                raise Refused("no_sign_off", f"Nothing of {service.name} asks for a sign-off on {name}.")
            return found
        if not gates:
            raise Refused("no_sign_off", f"Nothing of {service.name} asks for a sign-off (sign_off of an environment).")
        async with self._parts.store.read() as conn:
            for gate in reversed(gates):
                if await self._ledger.stands(conn, service, gate.of, release):
                    return gate
        return gates[0]

    async def _may(self, person: Person, release: Release, gate: Gate, *, accepts: bool) -> None:
        try:
            groups = await self._parts.permissions.groups_of(person, fresh=True)
        except MembershipUnreadable as error:
            raise Refused(
                "membership_unreadable",
                f"Who is in which group cannot be read now ({error}), so no sign-off is taken. Try again later.",
            ) from error
        wrote = accepts and await self._wrote(person, release)
        cutter = release.requested_by if accepts else Person(team="", user="")
        no: No | None = may_sign_off(person=person, groups=groups, asked=gate.groups, cutter=cutter, wrote=wrote)
        if no is not None:
            raise Refused(no.code, f"{release.id} {release.name} is not signed off by you: {no.words}.")

    async def _wrote(self, person: Person, release: Release) -> bool:
        known = self._parts.permissions.emails_of(person)
        wrote = set(release.changelog.emails)
        if self._parts.emails_of is None or not wrote or person.team == ACCOUNT_TEAM or known & wrote:
            return bool(known & wrote)
        try:
            return bool(wrote & {one.strip().lower() for one in await self._parts.emails_of(person)})
        except Exception as error:
            if known:
                return False
            raise Refused(
                "author_unknown",
                f"It cannot be told whether you wrote any of {release.id}: your addresses are not in the configuration "
                "(people.….emails) and Slack does not answer.",
            ) from error

    async def _must_stand_still(self, conn: AsyncConnection, release: Release, gate: Gate) -> None:
        for one in await deployments_of(conn, release):
            if one.environment == gate.to and one.started_at is not None:
                words = f"{release.id} {release.name} has gone on to {gate.to} already, as {one.id}"
                raise Refused("promoted", f"{words}: a sign-off is taken back before that.")

    async def _counts(self, one: SignOff, groups: tuple[str, ...]) -> bool:
        """Tell whether who said it may still say it: who left the group, or cannot be read, does not count."""
        try:
            return bool(await self._parts.permissions.groups_of(one.person) & set(groups))
        except MembershipUnreadable:
            return False

    def _same(self, release: Release, found: str, where: str) -> Verdict:
        return judge_artifact(release=f"{release.id} {release.name}", recorded=release.digest, found=found, where=where)

    async def _digest_now(self, release: Release) -> str:
        """Return what the build of a release says of its artifact now, "" where it says nothing."""
        if not release.build_run:
            return ""
        ref = RunRef.parse(release.build_run)
        try:
            run = await self._parts.toolbox.get(RunTracker, ref.instance).get_run(ref)
        except (IntegrationError, UserError):  # builds are forgotten; who deploys checks the digest it is given
            return ""
        return str(run.result.get("digest", ""))

    async def _moved_tag(self, release: Release) -> Verdict | None:
        """Return the refusal where the tag of a release names another commit; IntegrationError when nobody knows."""
        host = self._parts.toolbox.get(ReleaseHost, release.instance)
        tag = await host.get_tag(release.project, release.tag)
        if tag is not None and tag.sha == release.sha:
            return None
        now = f"names {tag.sha[:7]} now" if tag is not None else "is gone"
        words = f"{release.id} {release.name} was cut of {release.sha[:7]}, and its tag {release.tag} {now}"
        return Verdict(rule="artifact of the release", ok=False, code="ref_moved", words=words)


async def _release_of(conn: AsyncConnection, service: Service, shipped: Shipped) -> Release | None:
    """Return the release that is meant: the one of this name, else the newest of the commit."""
    named = await records.named(conn, service.name, shipped.version)
    if named is not None and named.state is State.CUT and named.sha == shipped.sha:
        return named
    return await records.of_commit(conn, service.name, shipped.sha)


def _answer(release: Release, gate: Gate, word: Word) -> Reply:
    verb = {
        Word.ACCEPTED: f"is signed off by you on {gate.of}, for {gate.to}",
        Word.REJECTED: f"is rejected by you on {gate.of}: it does not go to {gate.to}",
        Word.REVOKED: f"is not signed off by you on {gate.of} any more",
    }[word]
    line = say("*{}* {} {}.", release.id, release.name, verb)
    return Reply(
        summary=f"{release.id} {release.name} {verb}",
        parts=(Paragraph(line),),
        subject=release.id,
        shown_in=release.channel,
    )
