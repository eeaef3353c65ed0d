"""Approving in somebody's place: only what they could approve, visible, ended by a word or by the clock."""

from bot.audit import Search
from bot.command import Resource
from bot.deployments.approval_messages import counted
from bot.deployments.rules import State
from bot.identity import Person
from integrations.capabilities.deploys import Running
from tests.approvals.conftest import PLACE
from tests.approvals.reloading import use, with_production
from tests.approvals.test_reasking import asks
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Rig, person, words

KIM = person("kim")
OWNERS = {"count": 1, "from": ["owners"]}
MANAGERS = {"count": 1, "from": ["release-managers"]}


async def test_a_delegate_counts_in_the_groups_of_who_is_away(rig: Rig):
    at = await asks(rig, "v1.4.2")
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"

    said = await rig.run(ANA, "delegate @U0KIM until 3d for release-managers")
    assert "may approve for release-managers in your place" in words(said)
    await rig.run(KIM, f"approve {at.id}")

    assert "✓ @U0KIM for @ana" in "\n".join(await cards(rig, at.id))
    await rig.reaches(at.id, State.SUCCEEDED)
    entries = await rig.audit.recent(subject=at.id)
    assert [one.data["for"] for one in entries if one.action == "deployment.vote.approve"] == [ANA.key]
    (lent,) = await rig.audit.find(Search(action="approval.delegated"))
    assert lent.details["to_person"] == KIM.key, "beside the chain, where it can be erased"
    [told] = [message for key, message in await rig.said("direct") if key.startswith("direct/delegation/")]
    assert "You may approve for release-managers in the place of @ana" in words(told)


async def cards(rig: Rig, deployment: str) -> list[str]:
    """Return the votes of a deployment as its card says them."""
    async with rig.store.read() as conn:
        standing = await rig.approvals.get(conn, f"{deployment}/1")
    assert standing is not None
    return [str(counted(standing, rig.permissions.name_of))]


async def test_never_what_the_delegator_could_not_approve(rig: Rig):
    await rig.run(MIA, "delegate @U0KIM")  # mia asks
    await rig.run(ZOE, "delegate @U0KIM")  # zoe wrote 1.4.2
    use(rig, with_production(rig, approvals=[OWNERS]))
    at = await asks(rig, "v1.4.2")
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"
    use(rig, with_production(rig, approvals=[MANAGERS]))
    at = await asks(rig, "v1.4.0")
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"


async def test_nor_what_the_delegate_could_not(rig: Rig):
    """Tom wrote it: the right of zoe does not help him, though she could."""
    use(rig, with_production(rig, approvals=[OWNERS]))
    await rig.run(ZOE, "delegate @U0TOM")
    first = (await rig.git.resolve_ref("checkout", "v1.4.0")).sha
    rig.deploys.running[PLACE] = Running(sha=first, version="v1.4.0")
    at = await asks(rig, "v1.4.1")
    assert (await rig.refused(TOM, f"approve {at.id}")).code == "not_by_you"


async def test_who_lent_it_and_who_uses_it_are_one(rig: Rig):
    use(rig, with_production(rig, approvals=[{"count": 2, "from": ["release-managers"]}]))
    await rig.run(ANA, "delegate @U0KIM")
    at = await asks(rig, "v1.4.2")
    await rig.run(KIM, f"approve {at.id}")
    assert (await rig.refused(ANA, f"approve {at.id}")).code == "approved_already"
    assert "1 of 2" in words(await rig.card(at.id))
    await rig.run(KIM, f"revoke {at.id}")
    await rig.run(ANA, f"approve {at.id}")
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"
    await rig.run(RAJ, f"approve {at.id}")
    await rig.reaches(at.id, State.SUCCEEDED)


async def test_nothing_is_lent_on(rig: Rig):
    await rig.run(ANA, "delegate @U0KIM")
    error = await rig.refused(KIM, "delegate @U0LEE for release-managers")
    assert error.code == "not_your_group"
    error = await rig.refused(KIM, "delegate @U0LEE")
    assert error.code == "not_delegable"


async def test_it_ends_by_a_word_and_by_the_clock(rig: Rig):
    await rig.run(ANA, "delegate @U0KIM until 2h")
    at = await asks(rig, "v1.4.2")
    rig.clock.ahead += type(rig.clock.ahead)(hours=2)
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"
    await rig.run(ANA, "delegate @U0KIM")
    await rig.run(ANA, "delegate off")
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"
    assert "Nobody approves in your place" in words(await rig.run(ANA, "delegate"))


async def test_who_lends_to_whom(rig: Rig):
    stranger = "@T0ELSE/U0EVE"
    refused = {
        "delegate @U0ANA": "not_yourself",
        "delegate @U0KIM for owners": "not_your_group",
        "delegate @U0KIM until 2020-01-01": "bad_end",
        "delegate @U0KIM until 400d": "bad_end",
        "delegate @U0KIM until never": "bad_end",
        f"delegate {stranger}": "unknown_person",
    }
    for text, code in refused.items():
        assert (await rig.refused(ANA, text)).code == code, text

    async def standing(one: Person) -> bool:
        return one != KIM

    rig.permissions.set_standing(standing)
    assert (await rig.refused(ANA, "delegate @U0KIM")).code == "not_in_team"


async def test_a_group_may_keep_its_right_to_itself(rig: Rig):
    await rig.run(ANA, "delegate @U0KIM")
    groups = rig.settings.groups
    kept = groups["release-managers"].model_copy(update={"delegable": False})
    use(rig, rig.settings.model_copy(update={"groups": {**groups, "release-managers": kept}}))
    assert (await rig.refused(RAJ, "delegate @U0KIM for release-managers")).code == "not_delegable"
    at = await asks(rig, "v1.4.2")
    assert (await rig.refused(KIM, f"approve {at.id}")).code == "not_an_approver"  # what was lent before, too


async def test_dispatch_lets_a_delegate_through(rig: Rig):
    where = Resource("checkout", "production")
    grant = {"allow": ["deployment.approve"], "to": ["release-managers"]}
    only = type(rig.settings.permissions[0]).model_validate(grant)
    use(rig, rig.settings.model_copy(update={"permissions": (only,)}))
    assert not (await rig.permissions.check(KIM, "deployment.approve", where)).allowed
    await rig.run(ANA, "delegate @U0KIM")
    assert (await rig.permissions.check(KIM, "deployment.approve", where)).allowed
    assert not (await rig.permissions.check(KIM, "deployment.start", where)).allowed
