"""/drift: what the tools say runs, beside what Shipmate put there."""

from msgspec.structs import replace

from bot.deployments.rules import State
from integrations.capabilities.deploys import Running
from integrations.errors import Unavailable
from tests.deployments.rig import MIA, Rig, buttons, words
from tests.fakes.git import FakeGit
from tests.fakes.runs import FakeDeploys

JOB = ("checkout/staging", "checkout", "staging", "")


class GitWithEnvironments(FakeGit, FakeDeploys):
    """A Git host that knows what was deployed, as GitLab does."""

    def __init__(self, instance: str) -> None:
        FakeDeploys.__init__(self, instance)
        FakeGit.__init__(self, instance)


async def deployed(rig: Rig) -> dict[str, str]:
    shas = rig.history()
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    return shas


async def test_what_runs_as_recorded_is_said_to(rig: Rig):
    await deployed(rig)
    reply = await rig.run(MIA, "drift checkout")
    assert reply.summary == "checkout: what runs is what was recorded"
    assert "*checkout/staging*: Shipmate put *v1.4.1* there" in words(reply)
    assert "deploys says the same: *v1.4.1*" in words(reply)
    assert "*checkout/production*: nothing that Shipmate deployed" in words(reply)
    assert "deploys says that nothing runs" in words(reply)


async def test_what_somebody_else_put_there_is_named_and_can_be_compared(rig: Rig):
    shas = await deployed(rig)
    rig.deploys.running[JOB] = Running(sha=shas["v1.4.2"], version="v1.4.2", healthy=False)
    reply = await rig.run(MIA, "drift checkout")
    assert reply.summary == "checkout: 1 place not as recorded"
    assert f"deploys says *v1.4.2* `{shas['v1.4.2'][:7]}`, and it is not healthy: *not as recorded*" in words(reply)
    more = buttons(reply)["What staging has more"]
    compared = await rig.run(MIA, command=more.command, **more.args)
    assert compared.summary.startswith("checkout: ")


async def test_the_git_hosts_word_is_heard_too(rig: Rig):
    host = GitWithEnvironments(rig.git.instance)
    rig.toolbox.add(host)
    rig.git = host
    shas = await deployed(rig)
    host.running["checkout", "checkout", "staging", ""] = Running(sha=shas["v1.4.0"], version="main")
    said = words(await rig.run(MIA, "drift checkout"))
    assert "deploys says the same" in said
    assert "git says *main*" in said
    assert said.count("git says") == 1, "a host that knows nothing of a place says nothing"


async def test_a_tool_that_is_silent_is_named(rig: Rig):
    await deployed(rig)
    rig.deploys.failure = Unavailable("deploys", "no answer within 15 s")
    reply = await rig.run(MIA, "drift checkout")
    rig.deploys.failure = None
    assert reply.summary == "checkout: not every tool says what runs"
    assert "deploys does not say: no answer within 15 s" in words(reply)


async def test_what_nothing_was_recorded_of_differs_when_something_runs(rig: Rig):
    shas = rig.history()
    rig.deploys.running[JOB] = replace(Running(sha=shas["v1.4.0"], version="v1.4.0"), url="")
    reply = await rig.run(MIA, "drift checkout")
    assert reply.summary == "checkout: 1 place not as recorded"
    assert "What staging has more" not in words(reply), "with nothing to compare"
