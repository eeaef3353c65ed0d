"""The road of a deployment, with real store and engine: to the end, and off it."""

from bot.deployments.rules import State
from tests.deployments.rig import ANA, MIA, Rig, buttons, words


async def test_to_staging(rig: Rig):
    shas = rig.history()

    reply = await rig.run(MIA, "deploy checkout@1.4.1 to staging")

    done = await rig.reaches(reply.subject, State.SUCCEEDED)
    assert (done.sha, done.version) == (shas["v1.4.1"], "v1.4.1")
    assert [request.sha for request in rig.builds.requests] == [shas["v1.4.1"]]
    assert [request.digest for request in rig.deployed] == [done.digest]


async def test_to_production_with_approval(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    first = await rig.deploy("v1.4.1", "production")
    assert first.state is State.SUCCEEDED, first.words
    await rig.deploy("v1.4.2")

    reply = await rig.run(MIA, "deploy checkout@v1.4.2 to prod")
    waiting = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    card = await rig.card(waiting.id)
    await rig.run(ANA, command="approve", **buttons(card)["Approve"].args)
    done = await rig.reaches(waiting.id, State.SUCCEEDED)

    assert done.previous_version == "v1.4.1"
    assert len(rig.builds.requests) == 2
    assert "runs *v1.4.2*" in words(await rig.card(done.id))


async def test_the_record_names_what_was_decided_on(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    done = await rig.deploy("v1.4.1", "production")
    entries = [one for one in await rig.audit.recent(subject=done.id) if one.action == "deployment.succeeded"]
    facts = entries[0].facts
    assert (facts["plan"], facts["policy"], len(facts["facts"])) == (done.plan_digest, done.policy_digest, 64)
    assert (facts["sha"], facts["version"]) == (done.sha, "v1.4.1")
