"""Who may do what: rights, guests, people of other organisations, and who counts as an approver."""

import asyncio

import pytest
import pytest_asyncio

from tests.road.shop import ONE_MANAGER, PLAIN, Shop, Wishes, answer, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

TWO = [{"count": 2, "from": ["release-managers"]}]
BOTH = [{"count": 1, "from": ["release-managers"]}, {"count": 1, "from": ["developers"]}]
SHOPS = {
    "closed": PLAIN,
    "guarded": PLAIN,
    "authors": PLAIN,
    "lenient": Wishes(production={"authors_may_approve": True}),
    "pair": Wishes(production={"approvals": TWO}),
    "couple": Wishes(production={"approvals": TWO}),
    "racing": Wishes(production={"approvals": list(ONE_MANAGER)}),
    "mixed": Wishes(production={"approvals": BOTH}),
    "groups": PLAIN,
}


def _rights(settings):
    """Tom belongs to no group that may deploy "closed"; the guest Gus is named in a group that may look."""
    developers = [name for name in settings["services"] if name != "closed"]
    settings["groups"]["visitors"] = ["gus"]
    settings["permissions"] = [
        {"allow": ["deployment.read", "metrics.read"], "to": ["everyone"]},
        {"allow": ["deployment.read"], "to": ["visitors"]},
        {"allow": ["deployment.*", "lock.take", "lock.release"], "to": ["developers"], "services": developers},
        {"allow": ["deployment.*", "lock.*"], "to": ["release-managers"]},
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS, _rights) as built:
        yield built


async def test_without_the_permission_nothing_starts_and_it_is_said_who_could(town):
    shop = Shop(town, "closed")
    await shop.slash("tom", "/deploy {}@1.4.1 to staging")
    said = words(await shop.told("tom", "not_allowed"))
    assert "You may not deploy on closed/staging: that needs the permission deployment.start." in said
    assert "Who could: release-managers" in said
    assert "deployment.start" in _log_of(town, "action=deploy ", "outcome=refused", "service=closed")
    await shop.slash("tom", "/lock {} staging")
    await shop.told("tom", "You may not lock on closed/staging")
    assert await shop.runs("staging") == ""


async def test_a_guest_may_do_what_a_grant_names_them_for_and_nothing_else(town):
    await town.slash("mia", "/deploy checkout@1.4.1 to staging")
    assert "checkout/staging" in words(answer(await town.slash("gus", "/where checkout")))
    await town.slash("gus", "/deploy checkout@1.4.2 to staging")
    shop = Shop(town, "checkout")
    await shop.told("gus", "You may not deploy on checkout/staging")
    card = await shop.card("1.4.1", "staging", ": done")
    assert card
    assert await town.runs("staging") == "1.4.1"


async def test_people_of_another_organisation_may_do_nothing(town):
    shop = Shop(town, "partners")
    await town.slash("pat", "/deploy guarded@1.4.1 to staging", "partners")
    said = await shop.told("pat", "outsider")
    assert "People of other organisations may do nothing here" in words(said)
    outcome = await town.slash("pat", "/where guarded", "partners")
    assert "outsider" in words(answer(outcome))
    await town.mention("pat", "where guarded", "partners")
    await town.mention("pat", "deploy guarded@1.4.1", "partners")
    await town.slash("pat", "/shipmate help", "partners")
    await town.slash("pat", "/deploy", "partners")
    await shop.told("pat", "outsider")
    views = (await town.state())["views"]
    assert not [view for view in views if view["user"] == town.sandbox.workspace.user("pat", "user").id]


async def test_in_a_shared_channel_nothing_of_ours_is_posted(town):
    shop = Shop(town, "partners")
    await town.slash("mia", "/lock guarded staging --for 30m", "partners")
    said = await shop.told("mia", "locked by @mia")
    assert "shared with another organisation" in words(said)
    await town.slash("mia", "/unlock guarded staging", "partners")
    await shop.told("mia", "is unlocked")
    app = next(iter(town.sandbox.platform.apps.installed.values()))
    public = [m for m in await town.messages("partners") if m["user"] == app.bot_user_id and not m.get("ephemeral_to")]
    assert public == []


async def test_who_asked_cannot_approve(town):
    shop = Shop(town, "guarded")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1", user="raj")
    await shop.press("raj", card, "Approve")
    said = await shop.told("raj", "not_by_you")
    assert "who asked for it cannot approve it" in words(said)
    await shop.press("tom", card, "Approve")
    assert "approvals come from release-managers" in words(await shop.told("tom", "not_an_approver"))
    assert await shop.runs("production") == ""
    await shop.press("ana", card, "Approve")
    await shop.card("1.4.1", "production", ": done")


async def test_who_wrote_the_commits_cannot_approve(town):
    shop = Shop(town, "authors")
    await shop.staged("1.4.2")
    await shop.deploy("1.5.1")
    card = await shop.ask("1.5.1")
    assert "who wrote the commits" in words(card)
    asked = await shop.see("Approval wanted", "1.5.1")
    ana, raj = (town.sandbox.workspace.user(name, "user").id for name in ("ana", "raj"))
    assert f"<@{ana}>" not in words(asked), "who may not approve is not asked to"
    assert f"<@{raj}>" in words(asked)
    await shop.press("ana", asked, "Approve")
    assert "who wrote it cannot approve it" in words(await shop.told("ana", "not_by_you"))
    assert await shop.runs("production") == "1.4.2"
    await shop.press("raj", asked, "Approve")
    await shop.card("1.5.1", "production", ": done")


async def test_where_the_policy_lets_them_authors_approve(town):
    shop = Shop(town, "lenient")
    await shop.staged("1.4.2")
    await shop.deploy("1.5.1")
    await shop.press("ana", await shop.ask("1.5.1"), "Approve")
    await shop.card("1.5.1", "production", ": done")


async def test_two_approvals_at_the_same_moment_both_count(town):
    shop = Shop(town, "pair")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    assert "0 of 2 (2 of release-managers)" in words(card)
    await asyncio.gather(shop.press("ana", card, "Approve"), shop.press("raj", card, "Approve"))
    await shop.card("1.4.1", "production", ": done")
    ident = card["text"].split()[0]
    assert _count(town, "action=deployment.vote.approve ", f"subject={ident} ") == 2
    assert _count(town, "action=deployment.deploying ", f"subject={ident} ") == 1
    assert shop.rollouts("production") == ["1.4.1"]


async def test_the_first_of_two_is_shown_and_the_second_decides(town):
    shop = Shop(town, "couple")
    await shop.deploy("1.4.2")
    card = await shop.ask("1.4.2")
    await shop.press("ana", card, "Approve")
    await shop.told("ana", "1 more is needed")
    half = await shop.card("1.4.2", "production", "1 of 2")
    assert "✓ @ana" in words(half)
    await shop.press("ana", half, "Approve")
    assert "1 of 2" in words(await shop.card("1.4.2", "production", "waits for approval")), "nobody counts twice"
    await shop.press("raj", half, "Approve")
    await shop.card("1.4.2", "production", ": done")


async def test_of_two_at_the_same_moment_one_is_enough_and_it_starts_once(town):
    shop = Shop(town, "racing")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    asked = await shop.see("Approval wanted", "1.4.1")
    await asyncio.gather(
        *(shop.press(who, where, "Approve") for who in ("ana", "raj") for where in (card, asked, card))
    )
    await shop.card("1.4.1", "production", ": done")
    ident = card["text"].split()[0]
    assert _count(town, "action=deployment.deploying ", f"subject={ident} ") == 1
    assert _count(town, "action=deployment.vote.approve ", f"subject={ident} ") == 1
    assert shop.rollouts("production") == ["1.4.1"]


async def test_each_rule_wants_people_of_its_own(town):
    shop = Shop(town, "mixed")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1", user="ana")
    assert "1 of release-managers and 1 of developers" in words(card)
    await shop.press("raj", card, "Approve")
    await shop.press("tom", await shop.card("1.4.1", "production", "1 of 2"), "Approve")
    await shop.card("1.4.1", "production", ": done")


async def test_help_hides_what_one_may_not_run(town):
    mine = words(answer(await town.slash("mia", "/shipmate help", "groups")))
    assert "/deploy" in mine
    gus = words(answer(await town.slash("gus", "/shipmate help")))
    assert "/where" in gus
    assert "/deploy <" not in gus
    assert "need rights you do not have" in gus
    access = words(answer(await town.slash("gus", "/shipmate access")))
    assert "deployment.start` (deploy" in access
    assert "developers" in access
    one = answer(await town.slash("gus", "/shipmate help deploy"))
    assert "which you do not have" in words(one)
    assert "Deploy…" not in buttons(one)


def _count(town, *parts):
    return sum(all(part in f"{line} " for part in parts) for line in town.log.splitlines())


def _log_of(town, *parts):
    return next(line for line in town.log.splitlines() if all(part in f"{line} " for part in parts))
