"""The catalog: what the words in "/deploy checkout to prod" mean. Services, their environments and targets."""

from datetime import timedelta
from typing import Literal

from msgspec import Struct

from bot.closest import closest, did_you_mean
from bot.errors import BadInput
from bot.policy.policy import ApprovalRule, PlacePolicy
from bot.settings import EnvironmentSettings, ServiceSettings, Settings
from bot.settings.identity import Risk
from bot.settings.services import (
    BuildRecipe,
    Continuous,
    Issues,
    Job,
    Migrations,
    News,
    Releases,
    Repository,
    SignOff,
    Tickets,
    Verification,
)


class Environment(Struct, frozen=True, kw_only=True):
    """One environment of one service, and what must hold before something is put there: `policy`, for the evaluator."""

    name: str
    aliases: tuple[str, ...]
    production_like: bool
    deploy: Job
    targets: tuple[str, ...]
    checks: tuple[str, ...]
    approvals: tuple[ApprovalRule, ...]
    authors_may_approve: bool
    approval_expires: timedelta
    approval_reminder: timedelta | None
    promote_from: str | None
    verify: Verification | None
    rollback: Literal["automatic", "offer"]
    policy: PlacePolicy
    sign_in_required: bool
    sign_in_for: tuple[Risk, ...]
    sign_off: SignOff | None = None
    continuous: Continuous | None = None


class Service(Struct, frozen=True, kw_only=True):
    """One deployable thing. `environments` stand in the order of promotion; the first is the default."""

    name: str
    title: str
    channel: str
    owners: tuple[str, ...]
    repository: Repository
    issues: Issues
    review_reminders: str
    review_timezone: str
    build: BuildRecipe | None
    tickets: Tickets | None
    migrations: Migrations | None
    news: News
    environments: tuple[Environment, ...]
    releases: Releases = Releases.model_construct()
    oncall: str = ""
    depends_on: tuple[str, ...] = ()

    def lives_at(self, instance: str, path: str) -> bool:
        """Tell whether a repository is this service's, by its full path; the configuration may leave its group out."""
        project, told = self.repository.project.lower(), path.lower()
        return self.repository.instance == instance and (told == project or told.endswith(f"/{project}"))

    def builds_at(self, instance: str, job: str) -> bool:
        """Tell whether a job builds this service: its own, or a branch below it where it has many."""
        build = self.build
        return build is not None and build.instance == instance and _within(job, build.job)

    def deploys_at(self, instance: str, job: str) -> bool:
        """Tell whether a job puts this service somewhere."""
        jobs = (one.deploy for one in self.environments)
        return any(one.instance == instance and _within(job, one.job) for one in jobs)

    def environment(self, word: str) -> Environment:
        """Return the environment of this name or alias; upper and lower case are the same.

        Raises:
            BadInput: `unknown_environment`, with what was probably meant.
        """
        wanted = word.strip().lower()
        for environment in self.environments:
            if wanted in {environment.name, *environment.aliases}:
                return environment
        names = [environment.name for environment in self.environments]
        aliases = {alias: one.name for one in self.environments for alias in one.aliases}
        near = closest(word, [*names, *aliases])
        meant = f"Did you mean {aliases.get(near, near)}?" if near else did_you_mean(word, names)
        raise BadInput("unknown_environment", f'"{word}" is no environment of {self.name}. {meant}')


class Place(Struct, frozen=True, order=True):
    """Where something is deployed: a service's environment, or one target of it."""

    service: str
    environment: str
    target: str = ""

    def __str__(self) -> str:
        """Return "checkout/production" or "checkout/production/eu"."""
        return "/".join(part for part in (self.service, self.environment, self.target) if part)

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that `str()` wrote.

        Raises:
            ValueError: there are not two or three parts.
        """
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            raise ValueError(f"{text!r} is no place: service/environment or service/environment/target was expected")
        return cls(*parts)


def fill(text: str, place: Place, **more: str) -> str:
    """Return `text` with {service}, {environment}, {target} and the names in `more` filled in.

    Only these very words are replaced: the braces of a PromQL query stay as they are.
    """
    values = {"service": place.service, "environment": place.environment, "target": place.target, **more}
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


class Catalog:
    """All services, by name. Made from settings; a reload makes a new one."""

    def __init__(self, settings: Settings) -> None:
        self._services = {name: _service(name, one, settings) for name, one in sorted(settings.services.items())}

    def __contains__(self, name: str) -> bool:
        """Whether there is a service of exactly this name."""
        return name in self._services

    def services(self) -> tuple[Service, ...]:
        """Return all services by name."""
        return tuple(self._services.values())

    def service(self, name: str) -> Service:
        """Return the service of this name; upper and lower case are the same.

        Raises:
            BadInput: `unknown_service`, with what was probably meant.
        """
        found = self._services.get(name) or self._services.get(name.strip().lower())
        if found is None:
            near = did_you_mean(name, self._services)
            raise BadInput("unknown_service", f'"{name}" is no service in the catalog. {near}'.rstrip())
        return found

    def upstream(self, name: str, *, most: int = 3) -> dict[str, int]:
        """Return what a service depends on, at most so many steps away, each with its number of steps.

        Services may depend on each other in a circle: the shortest way counts, and none depends on itself.
        """
        steps = {name: 0}
        edge = [name]
        for distance in range(1, most + 1):
            known = [self._services[one].depends_on for one in edge if one in self._services]
            edge = sorted({found for of in known for found in of} - steps.keys())
            steps.update(dict.fromkeys(edge, distance))
        del steps[name]
        return steps

    def environment(self, place: Place) -> Environment:
        """Return the environment of a place."""
        return self.service(place.service).environment(place.environment)

    def place(self, service: str, environment: str = "", target: str = "") -> Place:
        """Return the place that these words mean.

        No environment means the service's first one; no target means the whole environment. A place in one word, as
        it is written everywhere ("checkout/production"), is understood too.

        Raises:
            BadInput: `unknown_service`, `unknown_environment` or `unknown_target`.
        """
        if "/" in service and not environment:
            service, environment, *targets = service.split("/", 2)
            target = target or "".join(targets)
        found = self.service(service)
        where = found.environment(environment) if environment else found.environments[0]
        word = target.strip().lower()
        if word and word not in where.targets:
            help_text = did_you_mean(target, where.targets) or "It has none: leave the target out."
            raise BadInput("unknown_target", f'"{target}" is no target of {found.name}/{where.name}. {help_text}')
        return Place(found.name, where.name, word)

    def places(self, service: str = "") -> tuple[Place, ...]:
        """Return every place, or those of one service, target by target, in the order of promotion.

        Raises:
            BadInput: `unknown_service`.
        """
        return tuple(
            Place(one.name, environment.name, target)
            for one in ((self.service(service),) if service else self.services())
            for environment in one.environments
            for target in environment.targets or ("",)
        )


def _within(job: str, of: str) -> bool:
    return job == of or job.startswith(f"{of}/")


def _service(name: str, one: ServiceSettings, settings: Settings) -> Service:
    return Service(
        name=name,
        title=one.title or name,
        channel=one.channel or settings.slack.announce,
        owners=one.owners,
        repository=one.repository,
        issues=one.issues or Issues.model_construct(instance=one.repository.instance, project=one.repository.project),
        build=one.build,
        review_reminders=one.review_reminders,
        review_timezone=one.review_timezone,
        tickets=one.tickets,
        news=one.news,
        migrations=one.migrations,
        releases=one.releases,
        oncall=one.oncall,
        depends_on=one.depends_on,
        environments=tuple(_environment(name, one, environment, settings) for environment in one.environments),
    )


def _environment(name: str, of: ServiceSettings, one: EnvironmentSettings, settings: Settings) -> Environment:
    policy = PlacePolicy.read(settings, name, one, of.environments)
    return Environment(
        name=one.name,
        aliases=one.aliases,
        production_like=settings.environments[one.name].production_like,
        deploy=one.deploy,
        targets=one.targets,
        checks=one.checks,
        approvals=policy.approvals,
        authors_may_approve=one.authors_may_approve,
        sign_in_required=one.identity == "required",
        sign_in_for=settings.identity.required_for,
        approval_expires=one.approval_expires,
        approval_reminder=one.approval_reminder,
        promote_from=one.promote_from,
        verify=one.verify,
        rollback=one.rollback,
        sign_off=one.sign_off,
        policy=policy,
        continuous=one.continuous,
    )
