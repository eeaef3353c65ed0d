"""The part of the settings that teams own: services, their environments, and what must hold before a deployment."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bot.settings.values import Duration, Model, Name, Schedule, Timezone

Word = Annotated[str, Field(min_length=1)]


class Repository(Model):
    """Where the code of a service is."""

    instance: Word = Field(alias="with", description="Name of the integration that hosts the code.")
    project: Word = Field(description="Name of the repository as its host knows it.")
    default_branch: Word = Field("main", description="The branch that is meant when no version is named.")


class Tickets(Model):
    """How tickets are recognised in commit messages."""

    pattern: Word = Field(description="Regular expression of a ticket's name, such as PAY-\\d+.")
    url: str = Field("", description="Address of a ticket; {} stands for its name.")


class Issues(Model):
    """Where the issues of a service are."""

    instance: Word = Field(alias="with", description="Name of the integration that keeps the issues.")
    project: Word = Field(description="Name of the project as the tracker knows it.")


class Job(Model):
    """Something an integration runs for us: a build or a deploy."""

    instance: Word = Field(alias="with", description="Name of the integration that runs it.")
    job: Word = Field(description="Name of the job, pipeline, playbook or recipe as the tool knows it.")
    parameters: dict[str, str] = Field({}, description="Further parameters, handed over as they are.")


class BuildRecipe(Job):
    """What makes an artifact of a commit."""

    required: tuple[Word, ...] = Field((), description="Parameters that a person must give to start a build.")


class Migrations(Model):
    """Which changed files mean that going back is not possible without loss."""

    paths: tuple[Word, ...] = Field(min_length=1, description="Patterns of files, such as migrations/**.")
    irreversible_marker: Word = Field(
        "irreversible", description="A changed file that holds this text cannot be undone by a rollback."
    )


class ApprovalWhen(Model):
    """Which changes an approval rule is about: any of these is enough."""

    paths: tuple[Word, ...] = Field((), description="Patterns of changed files, such as payments/**.")
    irreversible: bool = Field(default=False, description="Changes that hold a migration marked irreversible.")

    @model_validator(mode="after")
    def _says_something(self) -> "ApprovalWhen":
        if not self.paths and not self.irreversible:
            raise PydanticCustomError("when", "when needs paths, or irreversible: true")
        return self


class People(Model):
    """So many of whom."""

    count: int = Field(1, ge=1, le=20, description="How many people must approve.")
    groups: tuple[Word, ...] = Field(alias="from", min_length=1, description="The groups they must come from.")


class Approval(People):
    """How many of whom must agree."""

    when: ApprovalWhen | None = Field(None, description="Only changes of this kind need it; every change without.")


class SignOff(People):
    """Who must have accepted a release on an earlier environment before it goes on."""

    of: Name = Field(description="The environment on which the release is tried and signed off.")


class Releases(Model):
    """How the releases of a service are numbered and tagged, and what must hold before one is cut."""

    scheme: Literal["semver", "calver"] = Field("semver", description="How versions are numbered.")
    format: str = Field(
        "YYYY.MM.MICRO",
        pattern=r"^(YYYY|YY|0Y)([.-](MM|0M|WW|0W))?([.-](DD|0D))?([.-]MICRO)?$",
        description="The form of a calver version, in the words of calver.org, such as YY.0M.MICRO.",
    )
    first: str = Field(
        "0.1.0",
        pattern=r"^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$",
        description="The semver version of the first release.",
    )
    tag_prefix: str = Field(
        "v",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._/-]{0,99})?$",
        description="What stands before the version in a tag's name; services of one repository need different ones.",
    )
    checks: tuple[Word, ...] = Field((), description="Names of checks of the commit that must have passed.")


class Metric(Model):
    """A value that is measured while a deployment is verified."""

    name: Word = Field(description="What people call the value: errors, p95 latency.")
    instance: Word = Field(alias="with", description="Name of the integration that answers the query.")
    query: Word = Field(description="The query; {service}, {environment}, {target} and {version} are filled in.")
    max: float | None = Field(None, description="The value must not be above this.")
    min: float | None = Field(None, description="The value must not be below this.")
    unit: str = Field("", description="Unit for people: ratio, s, bytes, 1/s.")

    @model_validator(mode="after")
    def _needs_a_limit(self) -> "Metric":
        if self.max is None and self.min is None:
            raise PydanticCustomError("limit", "a metric needs max or min: without a limit it verifies nothing")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise PydanticCustomError("limit", "min is above max: no value can pass")
        return self


class Probe(Model):
    """An address that is asked while a deployment is verified."""

    url: str = Field(pattern=r"^https?://", description="Address; {service}, {environment} and {target} are filled in.")
    status: int = Field(200, ge=100, le=599, description="The HTTP status that means healthy.")
    timeout: Duration = Field(timedelta(seconds=5), description="How long the answer may take.")


class Verification(Model):
    """What is watched after a deploy, and for how long."""

    window: Duration = Field(timedelta(minutes=5), description="How long the new version is watched.")
    interval: Duration = Field(timedelta(seconds=15), description="The pause between two measurements.")
    settle: Duration = Field(
        timedelta(), description="How long is waited before measuring: as long as the queries look back."
    )
    metrics: tuple[Metric, ...] = Field((), description="Values that must stay within limits.")
    probes: tuple[Probe, ...] = Field((), description="Addresses that must answer.")
    failures_allowed: int = Field(1, ge=0, description="How many measurements may fail before the deployment fails.")

    @model_validator(mode="after")
    def _fits(self) -> "Verification":
        if self.interval <= timedelta():
            raise PydanticCustomError("interval", "interval must be longer than nothing")
        if self.interval > self.window:
            raise PydanticCustomError("interval", "interval is longer than window: nothing would be measured")
        return self


class Continuous(Model):
    """What is deployed to an environment by itself."""

    branch: str = Field("", description="The branch whose commits go there; the default branch without it.")
    on: Literal["push", "green"] = Field(
        "push",
        description="When a commit goes: as soon as it is pushed, or when its checks, or else its build, succeeded.",
    )
    poll: Duration = Field(
        timedelta(minutes=5),
        description="How often the branch is looked at where no webhook tells of it; 10s at least.",
    )
    production: bool = Field(
        default=False, description="Says that this is meant, where the environment is production-like."
    )

    @model_validator(mode="after")
    def _bounded(self) -> "Continuous":
        if self.poll < timedelta(seconds=10):
            raise PydanticCustomError("poll", "poll must be 10s or longer: webhooks are what tells at once")
        return self


class EnvironmentSettings(Model):
    """One environment of one service."""

    name: Name = Field(description="Name of the environment, one of those under `environments` at the top.")
    aliases: tuple[Name, ...] = Field((), description="Other names people type for it.")
    deploy: Job = Field(description="What puts a version there.")
    targets: tuple[Name, ...] = Field((), description="Cells, regions or tenants that are deployed one by one.")
    checks: tuple[Word, ...] = Field((), description="Names of checks of the commit that must have passed.")
    promote_from: Name | None = Field(
        None, description="The exact commit must have been deployed to this environment before."
    )
    approvals: tuple[Approval, ...] = Field((), description="Who must agree; all rules must hold.")
    sign_off: SignOff | None = Field(None, description="Who must have accepted the release before it comes here.")
    authors_may_approve: bool = Field(
        default=False, description="Whether authors of the commits may approve. Who asked never may."
    )
    identity: Literal["required", "by_risk"] = Field(
        "by_risk", description="Whether every approval needs a sign-in, or those that identity.required_for names."
    )
    approval_expires: Duration = Field(timedelta(hours=4), description="How long an approval may be waited for.")
    approval_reminder: Duration | None = Field(
        None, description="After what time who may still approve is reminded, once; half of approval_expires without."
    )
    verify: Verification | None = Field(None, description="What is watched after the deploy.")
    rollback: Literal["automatic", "offer"] = Field(
        "offer", description="After a failed verification: go back by itself, or offer a button."
    )
    continuous: Continuous | None = Field(None, description="What is deployed there by itself; nothing without it.")


class News(Model):
    """What of the repository's life the service's channel hears."""

    pipelines: Literal["none", "failures", "all"] = Field(
        "failures",
        description="Pipelines of the default branch and of tags: those that fail, and how they go on; or all of them.",
    )
    merges: bool = Field(default=False, description="Merges into the default branch.")
    pushes: bool = Field(default=False, description="Pushes to the default branch.")
    tags: bool = Field(default=False, description="New tags, with a button that deploys them.")
    reviews: bool = Field(
        default=False,
        description="Merge requests: one message for each, edited in place; approvals and comments in its thread.",
    )
    issues: bool = Field(default=False, description="Issues that are opened and closed.")
    deployments: bool = Field(
        default=False, description="Deployments to its environments that the tool made and Shipmate did not."
    )


class ServiceSettings(Model):
    """One service."""

    title: str = Field("", description="What people read; the name where it is empty.")
    channel: str = Field("", description="Slack channel of its deployments, by name or id; else slack.announce.")
    owners: tuple[Word, ...] = Field((), description="Groups that own it.")
    oncall: str = Field("", description="Schedule of who is on call for it, from oncall.schedules.")
    depends_on: tuple[Word, ...] = Field(
        (), description="Services it calls: what changed there may be why its alerts fire."
    )
    escalate: str = Field("", description='Chain of paging.chains that its urgent alerts go to; "none" for nobody.')
    repository: Repository = Field(description="Where its code is.")
    issues: Issues | None = Field(None, description="Where its issues are, if not beside its code.")
    review_reminders: Schedule = Field(
        "", description="When its channel is reminded of reviews that wait, as a cron expression."
    )
    review_timezone: Timezone = Field("UTC", description="The time zone that review_reminders is read in.")
    tickets: Tickets | None = Field(None, description="How tickets are recognised in commit messages.")
    build: BuildRecipe | None = Field(None, description="What makes an artifact of a commit, where one is made.")
    migrations: Migrations | None = Field(None, description="Which changed files cannot be undone.")
    releases: Releases = Field(
        default_factory=Releases.model_construct, description="How its releases are numbered and tagged."
    )
    news: News = Field(
        default_factory=News.model_construct, description="What its channel hears of the repository, by webhook."
    )
    environments: tuple[EnvironmentSettings, ...] = Field(
        min_length=1, description="Its environments in the order of promotion. The first is the default."
    )
