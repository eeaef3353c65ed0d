"""`Promotions`: take what stands on one environment one step on, by the same road as every deployment."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place, Service
from bot.command import Call
from bot.deployments import records as deployment_records, replies as deployment_replies
from bot.deployments.beginnings import Asked
from bot.deployments.standing import stands_with_success
from bot.errors import Refused
from bot.releases import records, replies
from bot.releases.overview import Overview, is_id
from bot.releases.parts import Parts
from bot.releases.records import Release
from bot.releases.rules import State
from bot.reply import Button, Buttons, Paragraph, Reply, Style, say


class Step(Struct, frozen=True, kw_only=True):
    """One step on: `version` names what goes from where to where; `exact` is the word that deploys exactly that."""

    service: str
    version: str
    exact: str
    start: str
    place: Place

    @property
    def to(self) -> str:
        """Where it goes, as people say it."""
        return "/".join(part for part in (self.place.environment, self.place.target) if part)


class Promotions:
    """Finds the next step and begins it."""

    def __init__(self, parts: Parts, overview: Overview) -> None:
        self._parts = parts
        self._overview = overview

    async def promote(self, call: Call, what: str, to: str, asked: Asked, *, yes: bool) -> Reply:
        """Begin the deployment that takes it on; without `yes`, show from where to where and ask.

        `asked` carries what else was said: the target, a reason, a dry run.

        Raises:
            BadInput: a word is not known.
            Refused: it runs nowhere (`nowhere`), or nothing follows (`at_the_end`), or it would leave an environment
                out (`not_next`), and all that a deployment is refused for.
        """
        async with self._parts.store.read() as conn:
            begun = await deployment_records.of_request(conn, call.request_id)
        if begun is not None:
            return deployment_replies.begun(begun)
        step = await self.step(what, to, asked.target)
        if not (yes or asked.dry_run or asked.explain):
            return _confirm(what, step)
        wish = Asked(
            service=step.service,
            environment=step.place.environment,
            target=step.place.target,
            version=step.exact,
            reason=asked.reason,
            dry_run=asked.dry_run,
            explain=asked.explain,
            patient=asked.patient,
        )
        return await self._parts.deployments.beginnings.deploy(call, wish)

    async def step(self, what: str, to: str = "", target: str = "") -> Step:
        """Return the next step of a release ("R-88", "checkout@1.4.2") or of a service. Raises: as `promote`."""
        release = await self._overview.find(what) if is_id(what) or "@" in what else None
        if release is not None and release.state is not State.CUT:
            raise replies.not_cut(release)
        service = self._parts.catalog().service(release.service if release is not None else what)
        wanted = service.environment(to).name if to else ""
        async with self._parts.store.read() as conn:
            stands = await _standing(conn, service)
            found = _step_of(service, stands, release.sha) if release is not None else _step_any(service, stands)
            if isinstance(found, str):
                raise self._none(service, release, found)
            at, following, sha = found
            cut = release or await records.of_commit(conn, service.name, sha)
            newest = await _version(conn, service, at, sha)
        if wanted and wanted != following.environment:
            words = f"the next environment after {at} is {following.environment}, not {wanted}"
            raise Refused("not_next", f"{service.name} {newest} is promoted one step at a time: {words}.")
        place = Place(service.name, following.environment, target.strip().lower() or following.target)
        return Step(
            service=service.name,
            version=cut.version if cut is not None else newest,
            exact=cut.id if cut is not None else sha,
            start=at,
            place=self._parts.catalog().place(place.service, place.environment, place.target),
        )

    def _none(self, service: Service, release: Release | None, why: str) -> Refused:
        first, last = service.environments[0].name, service.environments[-1].name
        name = f"{release.id} {release.name}" if release is not None else service.name
        if why == "nowhere":
            args = {"service": service.name, "environment": first}
            if release is not None:
                args["version"] = release.id
            move = Button(label=f"Deploy to {first}"[:75], command="deploy", args=args)
            words = f"{name} runs nowhere whose deployment succeeded, so there is nothing to promote. Deploy it first."
            return Refused("nowhere", words, moves=(move,))
        if release is not None:
            return Refused("at_the_end", f"{name} runs on {last}: nothing comes after it.")
        return Refused(
            "at_the_end", f"Nothing of {name} waits before {last}: every environment runs what is before it."
        )


_Found = tuple[str, Place, str]
"""Where it stands, the place that follows, and the commit."""


async def _standing(conn: AsyncConnection, service: Service) -> dict[Place, str]:
    """Return what stands on each place with success, "" for nothing."""
    return {
        place: await stands_with_success(conn, place)
        for one in service.environments
        for place in (Place(service.name, one.name, target) for target in one.targets or ("",))
    }


def _step_of(service: Service, stands: dict[Place, str], sha: str) -> _Found | str:
    """Return the step after the furthest environment where a commit stands; a target that lacks it comes first."""
    names = [one.name for one in service.environments]
    there = [place for place, found in stands.items() if found == sha]
    if not there:
        return "nowhere"
    furthest = max(there, key=lambda place: names.index(place.environment)).environment
    for name in names[names.index(furthest) :]:
        lacking = [place for place, found in stands.items() if place.environment == name and found != sha]
        if lacking:
            return furthest, lacking[0], sha
    return "at_the_end"


def _step_any(service: Service, stands: dict[Place, str]) -> _Found | str:
    """Return the step that is nearest to the last environment: what stands before it and not on it."""
    if not any(stands.values()):
        return "nowhere"
    pairs = list(zip(service.environments, service.environments[1:], strict=False))
    for before, after in reversed(pairs):
        shas = {sha for place, sha in stands.items() if place.environment == before.name}
        if len(shas) != 1 or not (sha := shas.pop()):
            continue  # its targets differ: who promotes says which release
        lacking = [place for place, found in stands.items() if place.environment == after.name and found != sha]
        if lacking:
            return before.name, lacking[0], sha
    return "at_the_end"


async def _version(conn: AsyncConnection, service: Service, environment: str, sha: str) -> str:
    for target in service.environment(environment).targets or ("",):
        found = await deployment_records.newest_success(conn, Place(service.name, environment, target), sha)
        if found is not None:
            return found.version
    return sha[:7]


def _confirm(what: str, step: Step) -> Reply:
    args = {"what": what, "environment": step.place.environment, "yes": "yes"}
    if step.place.target:
        args["target"] = step.place.target
    label = f"{step.start} → {step.to}: promote {step.version}"[:75]
    line = say("Promote *{} {}* from {} to {}?", step.service, step.version, step.start, step.to)
    button = Button(label=label, command="promote", args=args, style=Style.PRIMARY)
    summary = f"Promote {step.service} {step.version} from {step.start} to {step.to}?"
    return Reply(summary=summary, parts=(Paragraph(line), Buttons((button,))), code="confirm")
