"""A deployment whose run waits where nobody can let it go on from here: its button is a link from the start."""

import pytest

from bot.deployments.rules import State
from integrations.capabilities.runs import ManualAction, RunRef
from tests.deployments.rig import MIA, Rig, buttons
from tests.fakes.runs import Outcome

SHIP = ManualAction(id="7", label="ship", url="https://gitlab.example.org/shop/-/jobs/7")


@pytest.mark.parametrize("links_only", [True, False])
async def test_the_button_is_a_link_where_the_tool_decides_by_person_and_nobody_can_sign_in(rig: Rig, links_only):
    rig.history()
    rig.links_only = {"deploys"} if links_only else set()
    rig.deploys.outcomes["checkout/staging"] = Outcome(state=None)
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to staging")).subject
    await rig.reaches(at, State.DEPLOYING)

    async def sent():
        return (await rig.get(at)).deploy_run

    async def why():
        return str(await rig.get(at))

    ref = RunRef.parse(await rig.until(sent, why))
    rig.deploys.show(ref, actions=(SHIP,))
    rig.watch.wake(ref)

    async def offered():
        return buttons(await rig.card(at)).get("ship")

    button = await rig.until(offered, why)
    assert (button.url, button.command) == ((SHIP.url, "") if links_only else ("", "answer"))
    rig.deploys.finish(ref)
    rig.watch.wake(ref)
    await rig.reaches(at, State.SUCCEEDED)
