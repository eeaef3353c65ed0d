"""`Beginnings`: begin a deployment or a rollback, or show what it would do."""

from msgspec import Struct

from bot.builds.refs import unreachable
from bot.catalog import Place
from bot.command import Call
from bot.deployments import places, records, replies
from bot.deployments.exceptions import let_through
from bot.deployments.ledger import PLAN, Ledger, Said
from bot.deployments.plan import Release
from bot.deployments.planner import Planner
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.deployments.wishes import Survey, Wish
from bot.errors import BadInput, Refused
from bot.policy.classes import ChangeClass
from bot.reply import Reply
from bot.store import next_id
from bot.store.starts import want
from integrations.errors import IntegrationError


class Asked(Struct, frozen=True, kw_only=True):
    """A wish in the words of whoever asks. `again` deploys what runs there already.

    `patient` waits for a lock or freeze; `exception` is why it should go through a freeze, `force` why rules should be
    passed over; `fix` is the word that it mends a release that was taken back there. `of` is the deployment that a
    rollback undoes, when it was asked on its card.
    """

    service: str
    environment: str = ""
    target: str = ""
    version: str = ""
    reason: str = ""
    of: str = ""
    dry_run: bool = False
    explain: bool = False
    again: bool = False
    patient: bool = False
    exception: str = ""
    change_class: ChangeClass | None = None
    force: str = ""
    fix: bool = False

    def words(self, place: Place) -> dict[str, str]:
        """Return the wish for this place as arguments of the command, those that say something."""
        texts = {
            "environment": place.environment,
            "target": place.target,
            "reason": self.reason,
            "exception": self.exception,
            "change_class": self.change_class.value if self.change_class else "",
            "force": self.force,
        }
        flags = {
            "dry_run": self.dry_run,
            "explain": self.explain,
            "again": self.again,
            "patient": self.patient,
            "fix": self.fix,
        }
        given = {name: text for name, text in texts.items() if text}
        return given | {name: "yes" for name, wanted in flags.items() if wanted}


class Beginnings:
    """Begins deployments; everything after that is done by workflows."""

    def __init__(self, ledger: Ledger, planner: Planner) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._planner = planner

    async def deploy(self, call: Call, asked: Asked) -> Reply:
        """Begin a deployment; with no version named, show the one that is meant and ask.

        Raises:
            BadInput: a word is not known.
            Refused: a rule says no (`locked`, `not_promoted`, `checks_failed`, `already_there`, …).
            Degraded: a system that is needed does not answer; nothing was started.
        """
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        place = self._parts.catalog().place(asked.service, asked.environment, asked.target)
        service = self._parts.catalog().service(place.service)
        if not asked.version:
            release = await self._planner.default_ref(service, service.environment(place.environment))
            if not (asked.dry_run or asked.explain):
                return replies.confirm_version(place, release, asked.reason)
        else:
            release = await self._planner.resolve(service, asked.version, asked.words(place))
        wish = Wish(
            kind=Kind.DEPLOY,
            place=place,
            asked=asked.version or release.name,
            release=release,
            requester=call.person,
            again=asked.again,
            exception=asked.exception,
            change_class=asked.change_class.value if asked.change_class else "",
            reason=asked.reason,
            force=asked.force,
            fix=asked.fix,
        )
        return await self._begin(call, asked, wish)

    async def roll_back(self, call: Call, asked: Asked) -> Reply:
        """Undo a deployment on its card, or begin a deployment of what ran there before.

        Raises:
            BadInput, Refused, Degraded: as for `deploy`; `no_previous`, `never_ran_there`, `moved_on`.
        """
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        if asked.of:
            return await self._undo(call, asked)
        place = self._parts.catalog().place(asked.service, asked.environment, asked.target)
        release = await self._before(place, asked.version)
        if not asked.version and not (asked.dry_run or asked.explain):
            async with self._parts.store.read() as conn:
                running = (await places.get(conn, place)).running
            return replies.confirm_rollback(place, running, release, asked.reason)
        wish = Wish(
            kind=Kind.ROLLBACK,
            place=place,
            asked=release.name,
            release=release,
            requester=call.person,
            exception=asked.exception,
            change_class=asked.change_class.value if asked.change_class else "",
            reason=asked.reason,
            force=asked.force,
        )
        return await self._begin(call, asked, wish)

    async def _begun(self, call: Call) -> Deployment | None:
        async with self._parts.store.read() as conn:
            return await records.of_request(conn, call.request_id)

    async def _begin(self, call: Call, asked: Asked, wish: Wish) -> Reply:
        if asked.change_class is ChangeClass.EMERGENCY and not asked.reason:
            raise BadInput("reason_missing", 'An emergency needs its reason, for those who review it: --reason "…".')
        try:
            survey = await self._planner.survey(wish)
        except IntegrationError as error:
            raise unreachable(error) from error
        if asked.explain:
            return replies.explained(wish, survey)
        if asked.dry_run:
            return replies.would_be(wish, survey)
        # The same wish, delivered again, may have begun while this one looked: it is in nobody's way.
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        refusal = survey.plan.refused(patient=asked.patient)
        if refusal is not None:
            raise replies.refusal(wish, survey, refusal, self._parts.name_of)
        async with self._parts.store.read() as conn:
            other = await records.under_way(conn, wish.place, survey.release.sha)
        if other is not None and other.request_id != call.request_id:
            raise replies.under_way(other)
        return replies.begun(await self._write(call, asked, wish, survey))

    async def _write(self, call: Call, asked: Asked, wish: Wish, survey: Survey) -> Deployment:
        parts = self._parts
        channel = await parts.channel_of(parts.catalog().service(wish.place.service), call.channel)
        now = parts.clock.now()
        async with parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            deployment_id = await next_id(tx, "D")
            written = await records.add(
                tx,
                id=deployment_id,
                request_id=call.request_id,
                kind=wish.kind.value,
                service=wish.place.service,
                environment=wish.place.environment,
                target=wish.place.target,
                asked=wish.asked,
                **_release(survey.release),
                **_previous(survey.plan.base),
                requested_by=call.person,
                reason=asked.reason,
                state=State.PLANNING.value,
                state_since=now,
                plan=survey.plan.to_json(),
                plan_digest=survey.plan_digest,
                facts=survey.facts.to_json(),
                policy_digest=survey.policy,
                change_class=wish.change_class,
                forced=wish.force,
                fix=wish.fix,
                irreversible=bool(survey.plan.irreversible),
                again=asked.again,
                patient=asked.patient,
                channel=channel,
                created_at=now,
            )
            deployment = await records.of_request(tx.conn, call.request_id)
            if deployment is None:
                raise LookupError(f"the deployment of {call.request_id} was not kept")
            if written:
                text = f"asked for {wish.asked}" + (f": {asked.reason}" if asked.reason else "")
                said = Said(text=text, person=call.person, request_id=call.request_id)
                await records.note(tx, deployment.id, "asked", text, at=now, person=call.person)
                book.enter(deployment, f"deployment.{wish.kind.value}", "started", said)
                await want(tx, f"{deployment.id}/plan/1/1", PLAN, deployment.id, 1, 1)
                await book.show(deployment, urgent=True)
                await let_through(book, deployment, survey.freeze, said)
            return deployment

    async def _undo(self, call: Call, asked: Asked) -> Reply:
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, asked.of)
            if deployment is None:
                raise BadInput("unknown_deployment", f"There is no deployment {asked.of}.")
            place = self._parts.catalog().place(asked.service, asked.environment, asked.target)
            if deployment.place != place:
                raise BadInput("unknown_deployment", f"{deployment.id} was not on {place}.")
            if deployment.state is State.ROLLING_BACK:
                return replies.going_back(deployment)
            if not deployment.previous_sha:
                raise Refused("no_previous", f"Nothing ran on {place} before {deployment.id}.")
            states = [State.VERIFYING, State.INCONCLUSIVE, State.FAILED]
            newest = await records.newest_ended(tx.conn, place.service, place.environment, place.target)
            moved_on = deployment.state is State.FAILED and (newest is None or newest.id != deployment.id)
            said = Said(
                text=f"@{self._parts.name_of(call.person)} had it rolled back",
                person=call.person,
                request_id=call.request_id,
                code="rolled_back_by_person",
            )
            moved = None
            if deployment.state in states and not moved_on:
                moved = await book.roll_back(deployment, said, at=states)
            if moved is None:
                raise replies.moved_on(deployment, place)
            await records.change(tx, moved.id, [State.ROLLING_BACK], words=said.text)
            return replies.going_back(moved)

    async def _before(self, place: Place, version: str) -> Release:
        async with self._parts.store.read() as conn:
            running = (await places.get(conn, place)).running
            good = await records.good_versions(conn, place)
            put = await records.newest_success(conn, place, running.sha) if running.sha else None
        before = put.previous if put is not None and put.previous_sha else None
        if version:
            # What ran when Shipmate came may be gone back to, too: nobody deployed it here, but it was replaced.
            for release in [one.release for one in good] + ([before] if before else []):
                if _is_named(release, version.lower()):
                    return release
            raise replies.never_ran_there(place, version, [one.version for one in good])
        if before is None:
            raise Refused(
                "no_previous",
                f"Shipmate knows of nothing that ran well on {place} before. Name a version: /deploy {place.service}@…",
            )
        return before


def _is_named(release: Release, wanted: str) -> bool:
    version = release.version.lower()
    as_short_as_git_allows = 4
    return wanted in {version, version.removeprefix("v")} or (
        len(wanted) >= as_short_as_git_allows and release.sha.startswith(wanted)
    )


def _release(release: Release) -> dict[str, str]:
    return {
        "sha": release.sha,
        "version": release.version,
        "artifact": release.artifact,
        "digest": release.digest,
    }


def _previous(base: Release) -> dict[str, str]:
    return {
        "previous_sha": base.sha,
        "previous_version": base.version,
        "previous_artifact": base.artifact,
        "previous_digest": base.digest,
        "previous_deployment": base.deployment,
    }
