"""A build from its wish to its end: card, queue, stages, failure, abort, retry, log."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bot.builds.rules import State
from bot.deployments.rules import State as DeploymentState
from bot.reply import Document
from integrations.capabilities.builds import BuildJob
from integrations.capabilities.runs import Artifact, Downstream, RunStage, RunState
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from tests.builds.rig import PARAMETERS, Rig, read
from tests.deployments.rig import ANA, MIA, buttons
from tests.fakes.runs import Outcome

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_one_card_from_the_wish_to_the_end(rig: Rig):
    build, ref = await rig.begins()
    assert (build.branch, build.id) == ("main", "B-1")
    rig.put(ref, state=RunState.QUEUED, reason="waits for an executor", url="https://ci.example/7", number="#7")
    await rig.card_with("B-1", "queued", "Waits: waits for an executor", "[Abort]", "[Open in builds]", "Say")
    stages = (
        RunStage(name="compile", state=RunState.SUCCEEDED, started_at=AT, ended_at=AT + timedelta(seconds=63)),
        RunStage(name="test", state=RunState.RUNNING, started_at=AT),
    )
    rig.put(ref, state=RunState.RUNNING, reason="", stages=stages)
    await rig.card_with("B-1", "running", "compile done 1 min 3 s", "test active", "builds #7")
    made = Artifact(name="checkout.jar", url="https://ci.example/7/checkout.jar")
    other = Downstream(title="smoke #3", state=RunState.RUNNING, url="https://ci.example/smoke/3")
    rig.put(ref, state=RunState.SUCCEEDED, ended_at=AT, artifacts=(made,), downstream=(other,))
    card = await rig.card_with("B-1", "succeeded", "checkout.jar", "smoke #3", "[Logs]")
    assert "[Retry]" not in read(card)
    assert "[Abort]" not in read(card)
    assert await rig.keys("direct") == []
    assert len([key for key in await rig.keys("show") if key == "show/B-1"]) == 1
    shown = await rig.run(MIA, "build show checkout")
    assert "succeeded" in shown.summary
    assert (await rig.audit.verify()).ok


async def test_the_tool_is_told_what_was_asked_once(rig: Rig):
    _build, ref = await rig.begins("build run checkout v1.4.1 --param stage=Preview --param DRY_RUN=yes")
    (request,) = rig.built
    assert request.parameters == {"STAGE": "preview", "DRY_RUN": "true"}
    assert (request.version, request.branch, request.project) == ("v1.4.1", "", "checkout")
    rig.builds.finish(ref)


async def test_a_failure_is_told_to_who_asked_and_to_the_channel_only_where_it_was_green(rig: Rig):
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.SUCCEEDED)
    await rig.comes_to((await rig.run(MIA, "build run checkout main")).subject, State.SUCCEEDED)
    rig.clock.ahead += timedelta(minutes=1)
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.FAILED, reason="ended with 2", log="one\nboom\n")
    red = await rig.comes_to((await rig.run(MIA, "build run checkout main")).subject, State.FAILED)
    assert red.words == "ended with 2"
    keys = [*await rig.keys("post"), *await rig.keys("direct")]
    assert keys == [f"post/{red.id}/excerpt/0", f"post/{red.id}/failed", f"direct/{red.id}/end/1"]
    excerpt = next(message for key, message in await rig.said("post") if "excerpt" in key)
    assert "boom" in str(getattr(excerpt.parts[1], "text", ""))
    rig.clock.ahead += timedelta(minutes=1)
    still = await rig.comes_to((await rig.run(MIA, "build run checkout main")).subject, State.FAILED)
    assert f"post/{still.id}/failed" not in await rig.keys("post")


GCC = """compiling
src/main.c:7:3: error: 'x' undeclared (first use in this function)
    7 |   x = 1;
make: *** [Makefile:3: main.o] Error 1
"""


async def test_why_it_failed_is_said_first(rig: Rig):
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.FAILED, reason="ended with 2", log=GCC)
    build = await rig.comes_to((await rig.run(MIA, "build run checkout main")).subject, State.FAILED)
    assert build.words == "Compilation failed: 'x' undeclared (first use in this function), main.c:7 (main.o)"
    first, second = [read(message) for key, message in await rig.said("post") if "excerpt" in key]
    assert first.startswith("Why it failed")
    assert "src/main.c:7:3: error" in first
    assert second.startswith("The end of the log")
    assert "Compilation failed" in read(await rig.run(MIA, "build logs checkout"))
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to staging")).subject
    failed = await rig.reaches(at, DeploymentState.FAILED)
    assert "the build failed: Compilation failed: 'x' undeclared" in failed.words
    excerpt = next(message for key, message in await rig.said("post") if f"{at}/log/build" in key)
    assert read(excerpt).index("src/main.c:7:3: error") < read(excerpt).index("compiling")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("build run chekout", "unknown_service", "Did you mean checkout?"),
        ("build run checkout mian", "unknown_ref", "Did you mean main?"),
        ("build run checkout zzzzzz", "unknown_ref", "The newest are"),
        ("build run checkout --param STGE=qa", "unknown_parameter", "Did you mean STAGE?"),
        ("build run checkout --param STAGE=prevew", "bad_value", "Did you mean preview? It is one of qa, preview."),
        ("build run checkout --param DRY_RUN=perhaps", "bad_value", "true or false"),
        ("build show B-99", "unknown_build", "There is no build B-99"),
        ("build show checkout", "no_build_yet", "/build run checkout"),
        ("build abort B-99", "unknown_build", "B-99"),
        ("build watch checkout", "no_build_yet", "has no build yet"),
        ("answer X-1 Proceed", "unknown_subject", "no build or deployment"),
    ],
)
async def test_what_is_wrong_is_refused_before_anything_is_sent(rig: Rig, text: str, code: str, says: str):
    error = await rig.refused(MIA, text)
    assert (error.code, rig.built) == (code, [])
    assert says in str(error.text)
    assert await rig.said("show") == []


async def test_a_missing_parameter_is_asked_for(rig: Rig):
    needed = tuple(replace(one, required=True) if one.name == "TOKEN" else one for one in PARAMETERS)
    rig.builds.jobs["checkout"] = BuildJob(name="checkout", parameters=needed)
    error = await rig.refused(MIA, "build run checkout main --param NOTE=hello")
    assert error.code == "missing_parameter"
    (fill,) = error.moves
    assert error.reply().form == fill
    assert (fill.command, fill.ask) == ("build run", True)
    assert fill.args == {"service": "checkout", "ref": "main", "param": '{"NOTE": "hello"}'}


async def test_a_secret_goes_to_the_tool_and_nowhere_else(rig: Rig):
    build, ref = await rig.begins("build run checkout main --param TOKEN=hunter2 --param NOTE=hello")
    assert rig.built[0].parameters["TOKEN"] == "hunter2"
    assert "hunter2" not in str(await rig.build(build.id))
    card = read(await rig.card(build.id))
    assert "hello" in card
    assert "hunter2" not in card
    rig.builds.finish(ref, RunState.FAILED, "no")
    await rig.comes_to(build.id, State.FAILED)
    async with rig.store.read() as conn:
        entries = (
            await conn.exec_driver_sql("SELECT data FROM audit_entries UNION ALL SELECT text FROM audit_personal")
        ).all()
    assert "hunter2" not in str(entries)


async def test_a_disabled_job_and_one_that_is_not_there(rig: Rig):
    rig.builds.jobs["checkout"] = BuildJob(name="checkout", disabled="being moved")
    assert "being moved" in str((await rig.refused(MIA, "build run checkout")).text)
    del rig.builds.jobs["checkout"], rig.builds.outcomes["checkout"]
    rig.builds.jobs["checkuot"] = BuildJob(name="checkuot")
    error = await rig.refused(MIA, "build run checkout")
    assert error.code == "unknown_job"
    assert "Did you mean checkuot?" in str(error.text)


@pytest.mark.parametrize(
    ("failure", "code", "says"),
    [
        (
            Unavailable("builds", "connection refused"),
            "tool_unavailable",
            "builds does not answer: connection refused.",
        ),
        (RateLimited("builds", "429", retry_after=7.2), "rate_limited", "Try again in 7 s."),
        (NotAuthenticated("builds", "the token has expired"), "not_authenticated", "the token has expired."),
        (NotPermitted("builds", "bot may not do this: Job/Read is lacking"), "not_permitted", "Job/Read is lacking."),
        (BadReply("builds", "HTML where JSON was expected"), "bad_reply", "HTML where JSON was expected."),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_a_tool_that_gives_no_answer_that_could_be_used(
    rig: Rig, failure: IntegrationError, code: str, says: str
):
    rig.builds.failure = failure
    error = await rig.refused(MIA, "build run checkout main")
    assert (error.code, rig.built) == (code, [])
    assert says in str(error.text)
    assert "Nothing was started" in str(error.text)


async def test_aborted_while_queued(rig: Rig):
    build, ref = await rig.begins()
    rig.put(ref, state=RunState.QUEUED, reason="waits")
    await rig.card_with(build.id, "queued")
    await rig.run(ANA, f"build abort {build.id}")
    ended = await rig.comes_to(build.id, State.CANCELLED)
    assert (ended.words, ended.code) == ("aborted by @ana", "aborted")
    assert (await rig.builds.get_run(ref)).state is RunState.CANCELLED
    assert (await rig.refused(MIA, f"build abort {build.id}")).code == "ended"
    card = await rig.card_with(build.id, "Aborted by @ana", "[Retry]")
    assert await rig.keys("direct") == []
    assert "Abort" not in buttons(card)


async def test_an_abort_that_the_tool_does_not_permit_is_said_and_the_build_goes_on(rig: Rig):
    async def forbidden(_ref):
        raise NotPermitted("builds", "needs Job/Cancel")

    rig.builds.cancel_run = forbidden  # type: ignore[method-assign]
    build, ref = await rig.begins()
    await rig.run(ANA, f"build abort {build.id}")
    await rig.card_with(build.id, "cannot be ended by Shipmate: needs Job/Cancel")
    rig.builds.finish(ref)
    rig.watch.wake(ref)
    await rig.comes_to(build.id, State.SUCCEEDED)


async def test_two_presses_of_retry_are_one_build(rig: Rig):
    build, ref = await rig.begins("build run checkout main --param NOTE=hello")
    rig.builds.finish(ref, RunState.FAILED, "no")
    await rig.comes_to(build.id, State.FAILED)
    press = buttons(await rig.card_with(build.id, "[Retry]"))["Retry"]
    again = await rig.run(MIA, command=press.command, **press.args)
    error = await rig.refused(ANA, command=press.command, **press.args)
    assert (error.code, again.subject) == ("retried", "B-2")
    assert "as B-2" in str(error.text)
    await rig.card_with(build.id, "retried as B-2")
    second = await rig.comes_to("B-2", State.QUEUED, State.RUNNING)
    assert second.parameters == {"NOTE": "hello"}
    assert len(rig.built) == 2
    assert rig.built[1].parameters == {"NOTE": "hello"}


async def test_an_outcome_that_is_not_known_is_looked_up_and_never_sent_again(rig: Rig):
    start = rig.builds.start_build
    asked = []

    async def lost(request):
        asked.append(request)
        if len(asked) == 1:
            await start(request)
        raise OutcomeUnknown("builds", "the answer was lost", request_id=request.request_id)

    rig.builds.start_build = lost  # type: ignore[method-assign]
    build, _ref = await rig.begins()
    assert (len(asked), len(rig.built)) == (1, 1)

    reply = await rig.run(MIA, "build run checkout main")

    async def still():
        found = await rig.build(reply.subject)
        return found if found.parked_at else None

    async def why():
        return str(await rig.build(reply.subject))

    parked = await rig.until(still, why)
    assert "nothing was sent twice" in parked.parked_why
    await rig.card_with(reply.subject, "Stands still", "[Try again]", "[Abort]")
    await rig.run(ANA, f"build abort {reply.subject}")
    assert (await rig.comes_to(reply.subject, State.CANCELLED)).words == "aborted by @ana"
    assert len(asked) == 2
    assert build.id != reply.subject


async def test_the_tool_says_no(rig: Rig):
    async def no(_request):
        raise Refused("builds", "the queue is closed")

    rig.builds.start_build = no  # type: ignore[method-assign]
    ended = await rig.comes_to((await rig.run(MIA, "build run checkout main")).subject, State.REFUSED)
    assert ended.words == "not started: the queue is closed"
    assert [key for key in await rig.keys("direct") if ended.id in key]


async def test_the_same_wish_again_is_the_same_build(rig: Rig):
    first = await rig.run(MIA, "build run checkout main", request_id="wish")
    again = await rig.run(MIA, "build run checkout main", request_id="wish")
    assert first.subject == again.subject


async def test_a_build_that_was_started_elsewhere_is_watched(rig: Rig):
    _build, ref = await rig.begins()
    rig.builds.finish(ref)
    await rig.comes_to("B-1", State.SUCCEEDED)
    elsewhere = await rig.builds.start_build(replace(rig.built[0], request_id="theirs"))
    watched = (await rig.run(ANA, "build watch checkout")).subject
    await rig.card_with(watched, "running", "watched for @ana")
    assert (await rig.run(MIA, "build watch checkout")).subject == watched
    rig.builds.finish(elsewhere)
    await rig.comes_to(watched, State.SUCCEEDED)
    assert len(rig.built) == 2


async def test_a_build_that_the_tool_forgot(rig: Rig):
    build, ref = await rig.begins()
    del rig.builds._runs[ref]
    rig.watch.wake(ref)
    ended = await rig.comes_to(build.id, State.FAILED)
    assert ended.code == "build_gone"
    assert "no longer knows the build" in ended.words


async def test_the_log_as_an_excerpt_and_as_a_file(rig: Rig):
    build, ref = await rig.begins()
    rig.builds.say(ref, "line\n" * 10 + "the end <!channel>\n")
    shown = await rig.run(MIA, f"build logs {build.id}")
    assert "the end <!channel>" in read(shown)
    press = buttons(shown)["Whole log"]
    whole = await rig.run(MIA, command=press.command, **press.args)
    (document,) = (part for part in whole.parts if isinstance(part, Document))
    assert document.content.decode() == "working\n" + "line\n" * 10 + "the end <!channel>\n"
    rig.builds.finish(ref, RunState.FAILED, "ended with 2")
    await rig.comes_to(build.id, State.FAILED)
    assert "failed: Ended with 2." in read(await rig.run(MIA, "build logs checkout"))


async def test_a_failed_build_of_a_huge_log_shows_its_end(rig: Rig):
    build, ref = await rig.begins()
    rig.builds.say(ref, ("x" * 99 + "\n") * 60_000 + "fatal: the very end\n")
    rig.builds.finish(ref, RunState.FAILED)
    await rig.comes_to(build.id, State.FAILED)
    excerpt = next(message for key, message in await rig.said("post") if "excerpt" in key)
    assert "the very end" in read(excerpt)
    assert len(read(excerpt)) < 4000
    shown = await rig.run(MIA, f"build logs {build.id}")
    assert "the very end" in read(shown)
