"""Manual jobs, aborts and retries in GitLab, made as the person who asks: the real adapter, at a stand-in."""

import pytest

from bot.builds.rules import State
from bot.errors import Refused
from integrations.errors import Refused as ToolRefused
from tests.deployments.rig import ANA, MIA, TOM
from tests.grants.by_person import yard
from tests.servers.gitlab.faults import Fault
from tests.servers.gitlab.state import JobSpec

MANUAL = JobSpec(name="ship", manual=True)
LONG = JobSpec(name="make", outcome=None)
BROKEN = JobSpec(name="make", outcome="failed", trace=b"error: it broke\n")


@pytest.fixture
async def strict(tmp_path, real_history):
    """A yard where Shipmate's own token may nothing of what GitLab decides by person."""
    async with yard(tmp_path, real_history) as made:
        await made.lend(MIA, "mia")
        yield made


@pytest.fixture
async def lenient(tmp_path, real_history):
    """A yard where it may everything."""
    async with yard(tmp_path, real_history, may=("answer", "retry", "abort")) as made:
        await made.lend(MIA, "mia")
        yield made


async def refused(yard, who, text):
    with pytest.raises(Refused) as told:
        await yard.rig.run(who, text)
    return told.value


async def test_a_manual_job_is_started_as_the_person_who_pressed(strict):
    pipeline = strict.pipeline(MANUAL)
    build = await strict.watched(TOM)
    assert (await strict.buttons(build.id))["ship"].command == "answer"
    await strict.rig.run(MIA, f"answer {build.id} ship")
    assert pipeline.jobs[0].played_by == "mia"
    assert await strict.used() == [("run answer", "mia")]
    await strict.rig.comes_to(build.id, State.SUCCEEDED)


async def test_without_a_grant_the_button_is_a_link_and_an_offer_to_connect(strict):
    pipeline = strict.pipeline(MANUAL)
    build = await strict.watched(TOM)
    told = await refused(strict, TOM, f"answer {build.id} ship")
    assert told.code == "not_connected"
    there, connect = told.moves
    assert (there.label, there.url) == ("Start it in builds", strict.server.show.job(pipeline.jobs[0])["web_url"])
    assert (connect.command, connect.args) == ("connect", {"instance": "builds"})
    assert (pipeline.jobs[0].status, pipeline.jobs[0].played_by) == ("manual", "")
    assert "builds knows @tom by your address" in str((await strict.rig.run(TOM, "connect builds")).parts)
    await strict.rig.run(MIA, f"answer {build.id} ship")
    assert pipeline.jobs[0].played_by == "mia", "and nothing is left claimed"


async def test_shipmates_own_token_starts_it_only_where_the_configuration_says_so(lenient):
    pipeline = lenient.pipeline(MANUAL, LONG)
    build = await lenient.watched(TOM)
    await lenient.rig.run(TOM, f"answer {build.id} ship")
    assert pipeline.jobs[0].played_by == "shipmate"
    assert await lenient.used() == []


async def test_where_nobody_can_sign_in_the_cards_button_is_a_link_from_the_start(tmp_path, real_history):
    async with yard(tmp_path, real_history, oauth=False) as made:
        pipeline = made.pipeline(MANUAL)
        build = await made.watched(TOM)
        button = (await made.buttons(build.id))["ship"]
        assert (button.command, button.url) == ("", made.server.show.job(pipeline.jobs[0])["web_url"])
        told = await refused(made, TOM, f"answer {build.id} ship")
        assert (told.code, [move.label for move in told.moves]) == ("act_there", ["Start it in builds"])


async def test_who_may_not_there_may_not_here_and_the_next_one_can(strict):
    pipeline = strict.pipeline(JobSpec(name="ship", manual=True, players=["ana"]))
    build = await strict.watched(MIA)
    with pytest.raises(ToolRefused, match="this person may not start ship"):
        await strict.rig.run(MIA, f"answer {build.id} ship")
    assert pipeline.jobs[0].status == "manual"
    await strict.lend(ANA, "ana")
    await strict.rig.run(ANA, f"answer {build.id} ship")
    assert pipeline.jobs[0].played_by == "ana"


async def test_where_our_own_token_may_not_it_becomes_a_link(lenient):
    pipeline = lenient.pipeline(JobSpec(name="ship", manual=True, players=["ana"]))
    build = await lenient.watched(TOM)
    told = await refused(lenient, TOM, f"answer {build.id} ship")
    assert told.code == "answer_there"
    assert (await lenient.buttons(build.id))["ship"].url == lenient.server.show.job(pipeline.jobs[0])["web_url"]


async def test_an_answer_that_got_lost_is_not_given_twice(strict):
    pipeline = strict.pipeline(MANUAL)
    build = await strict.watched(MIA)
    strict.server.faults.append(Fault(method="POST", part="/play", kind="drop after"))
    await strict.rig.run(MIA, f"answer {build.id} ship")
    assert [path for method, path, _ in strict.server.requests if method == "POST" and path.endswith("/play")] == [
        f"/api/v4/projects/{strict.project.id}/jobs/{pipeline.jobs[0].id}/play"
    ]


async def test_a_build_is_aborted_as_the_person_who_asked(strict):
    pipeline = strict.pipeline(LONG)
    build = await strict.watched(TOM)
    told = await refused(strict, TOM, f"build abort {build.id}")
    assert (told.code, told.moves[0].label) == ("not_connected", "Cancel it in builds")
    assert (await strict.rig.build(build.id)).cancel_at is None
    await strict.rig.run(MIA, f"build abort {build.id}")
    await strict.rig.comes_to(build.id, State.CANCELLED)
    assert pipeline.canceled_by == "mia"
    assert await strict.used() == [("run abort", "mia")]


async def test_what_they_lent_may_end_before_it_is_used(strict):
    pipeline = strict.pipeline(LONG)
    build = await strict.watched(MIA)
    for token in strict.server.tokens.values():
        token.revoked = token.revoked or token.user.username == "mia"
    await strict.rig.run(MIA, f"build abort {build.id}")
    card = await strict.rig.card_with(build.id, "it cannot be ended by Shipmate", "sign in to builds once")
    assert card
    assert pipeline.canceled is False


async def test_a_build_is_retried_as_the_person_who_asked_with_what_it_had(strict):
    first = strict.pipeline(BROKEN, by="mia", FLAVOUR="slim")
    build = await strict.watched(TOM)
    await strict.rig.comes_to(build.id, State.FAILED)
    assert (await refused(strict, TOM, f"build retry {build.id}")).code == "not_connected"
    assert strict.project.pipelines == [first]
    again = (await strict.rig.run(MIA, f"build retry {build.id}")).subject
    await strict.rig.comes_to(again, State.FAILED)
    second = strict.project.pipelines[1]
    assert (second.user.username, second.variables["FLAVOUR"], second.sha) == ("mia", "slim", first.sha)
    assert await strict.used() == [("run retry", "mia")]


async def test_a_retry_whose_answer_got_lost_is_found_as_the_person(strict):
    strict.pipeline(BROKEN)
    build = await strict.watched(MIA)
    await strict.rig.comes_to(build.id, State.FAILED)
    strict.server.faults.append(Fault(method="POST", part="/pipeline", kind="drop after"))
    again = (await strict.rig.run(MIA, f"build retry {build.id}")).subject
    await strict.rig.comes_to(again, State.FAILED)
    assert len(strict.project.pipelines) == 2


async def test_what_somebody_elses_pipeline_had_is_not_guessed(lenient):
    """Its variables are for who started it to see: without them a retry would be another pipeline."""
    first = lenient.pipeline(BROKEN, by="ana", FLAVOUR="slim")
    build = await lenient.watched(TOM)
    await lenient.rig.comes_to(build.id, State.FAILED)
    again = (await lenient.rig.run(TOM, f"build retry {build.id}")).subject
    ended = await lenient.rig.comes_to(again, State.REFUSED)
    assert "are for who started it to see" in ended.words
    assert lenient.project.pipelines == [first]
