"""`Beginnings`: start a build, watch one that was started elsewhere, run one once more."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.arguments.values import write
from bot.builds import parameters, records, replies
from bot.builds.deeds import retrying
from bot.builds.ledger import Ledger, Said
from bot.builds.records import Build
from bot.builds.refs import Source, resolve, unreachable
from bot.builds.rules import ENDED, State
from bot.catalog import Service
from bot.closest import did_you_mean
from bot.command import Call, Pairs
from bot.errors import BadInput, Missing, Refused
from bot.reply import Button, Reply
from bot.settings.services import BuildRecipe, Job
from bot.store import next_id
from integrations.capabilities.builds import BuildJob, BuildServer
from integrations.capabilities.runs import Parameter, Run, RunState
from integrations.errors import IntegrationError, NotFound, Refused as ToolRefused


class _Wish(Struct, frozen=True, kw_only=True):
    """What is to be written: a build of a service, by what its configuration says of builds."""

    service: Service
    job: Job
    source: Source
    asked: str = ""
    values: parameters.Values
    retry_of: str = ""
    run: Run | None = None


_NO_VALUES = parameters.Values({}, {})


class Beginnings:
    """Begins builds; everything after that is done by the workflow."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def run(self, call: Call, service_name: str, ref: str, given: Mapping[str, str]) -> Reply:
        """Start a build of a service at a ref, its default branch without one.

        Raises:
            BadInput: a word is not known (`unknown_ref`, `unknown_parameter`, `bad_value`), or one is missing
                (`missing_parameter`, with a button that asks for it).
            Refused: the service is not built, or the job takes no builds (`job_disabled`).
            Degraded: a tool that is needed does not answer; nothing was started.
        """
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        service = self._parts.catalog().service(service_name)
        job = job_of(service)
        found = await self._job(service, job)
        if found.disabled:
            raise Refused("job_disabled", f"{job.job} takes no builds now: {found.disabled}")
        try:
            values = parameters.check(found.parameters, given, of=found.name)
        except BadInput as error:
            known = parameters.without_secrets(found.parameters, given)
            raise _with_form(error, _fill_in(service, ref, known)) from None
        if values.secret and not self._parts.vault.lasting and self._parts.store.dialect == "postgresql":
            raise replies.no_key(values.secret)
        asked = ref or service.repository.default_branch
        source = await resolve(self._parts.toolbox, service, asked)
        wish = _Wish(service=service, job=job, source=source, asked=asked, values=values)
        return replies.begun(await self._write(call, wish))

    async def watch(self, call: Call, wanted: str) -> Reply:
        """Show the newest build of a service's job live, also one that was started elsewhere.

        Raises:
            BadInput: no such service or build. Refused: the service is not built, or its job has no build yet.
        """
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        if is_id(wanted):
            build = await self.get(wanted)
            return replies.shown(build)
        service = self._parts.catalog().service(wanted)
        job = job_of(service)
        server = self._parts.toolbox.get(BuildServer, job.instance)
        try:
            newest = await server.list_builds(job.job, limit=1)
            run = await server.get_run(newest[0].ref) if newest else None
        except NotFound:
            raise await self._unknown_job(service, job, server) from None
        except IntegrationError as error:
            raise unreachable(error) from error
        if run is None:
            raise Refused("no_build_yet", f"{job.job} has no build yet. Start one: /build run {service.name}")
        async with self._parts.store.read() as conn:
            known = await records.of_run(conn, str(run.ref))
        if known is not None:
            return replies.shown(known)
        source = Source(sha=run.sha, branch=run.branch)
        wish = _Wish(service=service, job=job, source=source, values=_NO_VALUES, run=run)
        return replies.begun(await self._write(call, wish))

    async def retry(self, call: Call, build_id: str) -> Reply:
        """Run a build that is over once more; one that stands still goes on.

        Raises:
            Refused: it still goes on (`under_way`), or was retried already (`retried`); names the other one. Or the
                tool decides by person who may.
        """
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        build = await self.get(build_id)
        if build.parked_at is not None:
            return await self._go_on(call, build)
        if build.retried_as:
            raise replies.retried(build)
        if not build.ended:
            raise Refused("under_way", f"{build.id} still goes on. Abort it first, or wait for its end.")
        service = self._parts.catalog().service(build.service)
        source = Source(sha=build.sha, title=build.title, branch=build.branch, version=build.version)
        values = parameters.Values(build.parameters, {})
        job = Job.model_validate({"with": build.instance, "job": build.job})
        wish = _Wish(service=service, job=job, source=source, asked=build.asked, values=values, retry_of=build.id)
        if not build.run:  # nothing ever ran: what was asked is asked again
            if parameters.HIDDEN in build.parameters.values():
                raise Refused(
                    "secret_gone",
                    f"{build.id} never ran and its secret parameters were forgotten: start it again.",
                    moves=(_fill_in(service, build.asked, {}),),
                )
            wish = _Wish(service=service, job=job, source=source, asked=build.asked, values=values)
        else:
            await self._parts.acting.allowed(retrying(build, call.person, build.id, call.request_id))
        return replies.begun(await self._write(call, wish, instead_of=build.id))

    async def get(self, build_id: str) -> Build:
        """Return a build. Raises: BadInput (`unknown_build`)."""
        async with self._parts.store.read() as conn:
            build = await records.get(conn, build_id)
        if build is None:
            raise BadInput("unknown_build", f"There is no build {build_id}. /build show lists the newest.")
        return build

    async def inputs(self, service_name: str) -> tuple[Parameter, ...]:
        """Return the parameters of the job that builds a service. Raises: UserError."""
        service = self._parts.catalog().service(service_name)
        return tuple((await self._job(service, job_of(service))).parameters)

    async def _job(self, service: Service, job: BuildRecipe) -> BuildJob:
        """Return the job with the parameters that people may give, as the configuration presets them."""
        server = self._parts.toolbox.get(BuildServer, job.instance)
        try:
            found = await server.get_job(job.job)
            return replace(found, parameters=[preset(one, job) for one in found.parameters if not is_ours(one)])
        except NotFound:
            raise await self._unknown_job(service, job, server) from None
        except ToolRefused as error:
            raise BadInput("ambiguous_job", f"{job.instance}: {error.reason}") from None
        except IntegrationError as error:
            raise unreachable(error) from error

    async def _unknown_job(self, service: Service, job: Job, server: BuildServer) -> BadInput:
        try:
            names = await server.list_jobs()
        except IntegrationError:
            names = ()
        near = did_you_mean(job.job, names)
        text = (
            f"{job.instance} has no job {job.job}, by which {service.name} is built, or does not show it to Shipmate."
        )
        return BadInput("unknown_job", f"{text} {near}".rstrip())

    async def _begun(self, call: Call) -> Build | None:
        async with self._parts.store.read() as conn:
            return await records.of_request(conn, call.request_id)

    async def _write(self, call: Call, wish: _Wish, *, instead_of: str = "") -> Build:
        parts = self._parts
        channel = await parts.channel_of(wish.service, call.channel)
        async with parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            if instead_of:
                before = await records.change(
                    tx, instead_of, ENDED, records.builds.c.retried_as == "", retried_as=call.request_id[:32]
                )
                if before is None:
                    raise replies.retried(await self._in(tx.conn, instead_of))
            build_id = await next_id(tx, "B")
            held = {"sealed": parts.vault.seal(call.request_id, wish.values.secret)} if wish.values.secret else {}
            row = {**_row(call, wish), "held": held, "channel": channel, **self._moments()}
            written = await records.add(tx, id=build_id, **row)
            build = await records.of_request(tx.conn, call.request_id)
            if build is None:
                raise LookupError(f"the build of {call.request_id} was not kept")
            if instead_of:
                again = await records.change(tx, instead_of, ENDED, retried_as=build.id)
                if again is not None:
                    await book.show(again, urgent=True)
            if written:
                said = Said(text=_asked(wish), person=call.person, request_id=call.request_id)
                action = "build.watch" if wish.run else "build.start"
                book.enter(build, action, "started", said, parameters=dict(build.parameters))
                await book.want(build)
                await book.show(build, urgent=True)
            return build

    def _moments(self) -> dict[str, object]:
        now = self._parts.clock.now()
        return {"created_at": now, "state_since": now}

    async def _in(self, conn: AsyncConnection, build_id: str) -> Build:
        build = await records.get(conn, build_id)
        if build is None:
            raise LookupError(f"there is no build {build_id}")
        return build

    async def _go_on(self, call: Call, build: Build) -> Reply:
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            same = records.builds.c.attempt == build.attempt
            again = await records.change(
                tx, build.id, [build.state], same, attempt=build.attempt + 1, parked_why="", parked_at=None
            )
            if again is None:
                raise Refused("raced", f"{build.id} has moved on meanwhile: its card shows where it stands.")
            said = Said(text="tried again", person=call.person, request_id=call.request_id)
            book.enter(again, "build.retry", "started", said)
            await book.want(again)
            await book.show(again, urgent=True)
            return replies.shown(again)


def job_of(service: Service) -> BuildRecipe:
    """Return by what a service is built. Raises: Refused (`no_build`)."""
    if service.build is None:
        raise Refused(
            "no_build", f"{service.name} is not built: its configuration names no job (services.{service.name}.build)."
        )
    return service.build


def is_ours(parameter: Parameter) -> bool:
    """Tell whether Shipmate itself fills a parameter in, such as SHIPMATE_SHA."""
    return parameter.name.upper().startswith("SHIPMATE_")


def preset(parameter: Parameter, job: BuildRecipe) -> Parameter:
    """Return a parameter as the configuration has it: with a value as its default, or as one that must be given."""
    value = job.parameters.get(parameter.name)
    if value is not None:
        return replace(parameter, default=value, required=False)
    return replace(parameter, required=True) if parameter.name in job.required else parameter


def is_id(word: str) -> bool:
    """Tell whether a word has the form of a build's id."""
    letter, dash, number = word.strip().upper().partition("-")
    return letter == "B" and bool(dash) and number.isdigit()


def _fill_in(service: Service, ref: str, given: Mapping[str, str]) -> Button:
    args = {"service": service.name, "ref": ref, "param": write(Pairs(given))}
    return Button(
        label="Fill in…", command="build run", args={name: text for name, text in args.items() if text}, ask=True
    )


def _with_form(error: BadInput, form: Button) -> BadInput:
    """Return an error with the form: opened at once where a value is missing, a button where one is wrong."""
    if error.code == parameters.MISSING:
        return Missing(error.code, error.text, form=form)
    return BadInput(error.code, error.text, moves=(form,))


def _asked(wish: _Wish) -> str:
    if wish.run is not None:
        return f"watches {wish.run.ref}"
    return f"asked for {wish.asked}" + (f", {wish.retry_of} once more" if wish.retry_of else "")


def _row(call: Call, wish: _Wish) -> dict[str, object]:
    state, run = State.STARTING, wish.run
    if run is not None:
        state = State.QUEUED if run.state is RunState.QUEUED else State.RUNNING
    hidden = dict.fromkeys(wish.values.secret, parameters.HIDDEN)
    return {
        "request_id": call.request_id,
        "service": wish.service.name,
        "instance": wish.job.instance,
        "job": wish.job.job,
        "project": wish.service.repository.project,
        "asked": wish.asked,
        "sha": wish.source.sha,
        "branch": wish.source.branch,
        "version": wish.source.version,
        "title": wish.source.title,
        "parameters": {**wish.values.shown, **hidden},
        "requested_by": call.person,
        "watched": run is not None,
        "retry_of": wish.retry_of,
        "state": state.value,
        "run": str(run.ref) if run is not None else "",
    }
