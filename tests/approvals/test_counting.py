"""Counted anew: authors found out, accounts that are one person, people who left; and the one reminder."""

from hypothesis import given, strategies as st

from bot.approvals.rules import Facts, Rule, Voter, count_votes, one_person
from bot.deployments.rules import State
from bot.identity import Person
from tests.approvals.reloading import use, with_production
from tests.approvals.test_reasking import asks
from tests.approvals.test_revoking import asks_patiently
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Rig, buttons, words

PEOPLE = [Person(team="T", user=f"U{number}") for number in range(6)]
ADDRESSES = ["a@x", "b@x", "c@x", "d@x"]
known = st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(ADDRESSES), max_size=2))
pairs = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=3)


@given(known, pairs)
def test_one_person_is_an_equivalence(addresses: dict[Person, frozenset[str]], bound: list[tuple[Person, Person]]):
    same = one_person(addresses, bound)
    for one, known_of_one in addresses.items():
        for other, known_of_other in addresses.items():
            assert same[one] == same[other] or not known_of_one & known_of_other
    assert all(same[one] == same[other] for one, other in bound)
    assert all(same[same[one]] == same[one] for one in same)
    if not bound and not any(addresses.values()):
        assert all(one == other for one, other in same.items())


@given(
    st.lists(st.sampled_from(PEOPLE), unique=True),
    known,
    pairs,
    st.dictionaries(st.sampled_from(PEOPLE), st.just("asked for it"), max_size=2),
    st.frozensets(st.sampled_from(ADDRESSES), max_size=2),
    st.integers(1, 3),
)
def test_no_account_of_who_may_not_counts_and_nobody_twice(
    people: list[Person],
    addresses: dict[Person, frozenset[str]],
    lent: list[tuple[Person, Person]],
    out: dict[Person, str],
    wrote: frozenset[str],
    wanted: int,
):
    principals = dict(lent)
    groups = frozenset({"managers"})
    voters = tuple(Voter(person=one, groups=groups, principal=principals.get(one)) for one in people)
    facts = Facts(voters=voters, addresses=addresses)
    rules = [Rule(wanted, ("managers",)), Rule(1, ("managers",))]
    count = count_votes(rules, facts, out, dict.fromkeys(wrote, "wrote it"))
    same = one_person(addresses, [(v.person, v.principal) for v in voters if v.principal is not None])

    def who(one: Person) -> Person:
        return same.get(one, one)

    counted = [who(one) for one in count.tally.counted]
    assert len(counted) == len(set(counted)), "nobody twice"
    assert not {who(one) for one in out} & set(counted)
    authors = {who(one) for one in addresses if addresses[one] & wrote}
    assert not authors & set(counted)
    assert not count.dropped.keys() & count.tally.counted.keys()


async def test_an_author_found_out_before_the_start_does_not_count(rig: Rig):
    await rig.run(ZOE, "lock checkout production --reason busy")
    at = await asks_patiently(rig)
    await rig.run(RAJ, f"approve {at.id}")
    await rig.reaches(at.id, State.QUEUED)

    async def linked_meanwhile(one: Person) -> list[str]:
        return ["Zoe@Example.org "] if one == RAJ else []

    rig.approvals.reader.emails_of = linked_meanwhile
    await rig.run(ZOE, "unlock checkout production")

    back = await rig.reaches(at.id, State.AWAITING_APPROVAL)
    assert rig.deployed == []
    said = words(await rig.card(at.id))
    assert "@raj is not counted any more: wrote it" in said
    assert "0 of 1" in said
    entries = [one for one in await rig.audit.recent(subject=at.id) if one.action == "deployment.vote.dropped"]
    assert [one.data["person"] for one in entries] == [RAJ.key]
    assert (await rig.refused(RAJ, f"approve {at.id}")).code == "not_by_you"
    asked = [message for key, message in await rig.said("post") if f"{at.id}/ask/1/" in key]
    assert asked[-1].summary.startswith("Approval wanted again")
    await rig.run(ANA, command="approve", deployment=at.id, plan=back.plan_digest)
    await rig.reaches(at.id, State.SUCCEEDED)


async def test_an_author_found_out_before_the_next_vote_does_not_count(rig: Rig):
    use(rig, with_production(rig, approvals=[{"count": 2, "from": ["release-managers"]}]))
    at = await asks(rig, "v1.4.2")
    await rig.run(RAJ, f"approve {at.id}")

    async def linked_meanwhile(one: Person) -> list[str]:
        return ["zoe@example.org"] if one == RAJ else []

    rig.approvals.reader.emails_of = linked_meanwhile
    await rig.run(ANA, f"approve {at.id}")
    said = words(await rig.card(at.id))
    assert "1 of 2" in said
    assert "@raj is not counted any more" in said
    assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL


async def test_two_accounts_of_one_person_approve_once(rig: Rig):
    use(rig, with_production(rig, approvals=[{"count": 1, "from": ["release-managers"]}] * 2))
    at = await asks(rig, "v1.4.2")

    async def slack(one: Person) -> list[str]:
        return ["the.same@example.org"] if one in {ANA, RAJ} else []

    rig.approvals.reader.emails_of = slack
    await rig.run(ANA, f"approve {at.id}")
    error = await rig.refused(RAJ, f"approve {at.id}")
    assert error.code == "approved_already"
    assert "@ana" in error.text
    assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL


async def test_another_account_of_who_asked_does_not_approve(rig: Rig):
    at = await asks(rig, "v1.4.2")

    async def slack(one: Person) -> list[str]:
        return ["mia@example.org"] if one == RAJ else []

    rig.approvals.reader.emails_of = slack
    assert (await rig.refused(RAJ, f"approve {at.id}")).code == "not_by_you"


async def test_who_left_the_group_before_the_start_does_not_count(rig: Rig):
    await rig.run(ZOE, "lock checkout production --reason busy")
    at = await asks_patiently(rig)
    await rig.run(RAJ, f"approve {at.id}")
    groups = rig.settings.groups
    left = groups["release-managers"].model_copy(update={"people": ("ana",)})
    use(rig, rig.settings.model_copy(update={"groups": {**groups, "release-managers": left}}))
    await rig.run(ZOE, "unlock checkout production")
    await rig.reaches(at.id, State.AWAITING_APPROVAL)
    assert rig.deployed == []


async def test_what_cannot_be_read_before_the_start_takes_nothing_away(rig: Rig):
    await rig.run(ZOE, "lock checkout production --reason busy")
    at = await asks_patiently(rig)
    await rig.run(RAJ, f"approve {at.id}")
    groups = rig.settings.groups
    unreadable = groups["release-managers"].model_copy(update={"people": (), "usergroup": "S0GONE"})
    use(rig, rig.settings.model_copy(update={"groups": {**groups, "release-managers": unreadable}}))
    await rig.run(ZOE, "unlock checkout production")
    await rig.reaches(at.id, State.SUCCEEDED)


async def test_one_reminder_for_those_who_have_not_said_anything(rig: Rig):
    use(rig, with_production(rig, approvals=[{"count": 2, "from": ["release-managers"]}]))
    at = await asks(rig, "v1.4.2")
    await rig.run(ANA, f"approve {at.id}")

    async def reminded() -> dict[str, str]:
        return {key: words(m) for key, m in await rig.said("direct") if key.endswith("/again")}

    async def why() -> str:
        return "nobody was reminded"

    assert not await reminded()
    await rig.move_on(hours=2, minutes=1)
    found = await rig.until(reminded, why)
    assert len(found) == 2, "raj and tom; ana has approved, mia asks"
    assert not any(f"/{one.user}" in key for key in found for one in (ANA, MIA, ZOE))
    assert all("1 more approval is needed" in text for text in found.values())
    [message] = [m for key, m in await rig.said("direct") if key.endswith(f"{RAJ.key}/again")]
    pressed = buttons(message)["Approve"]
    await rig.run(RAJ, command=pressed.command, **pressed.args)
    await rig.reaches(at.id, State.SUCCEEDED)
    [late] = [m for key, m in await rig.said("direct") if key.endswith(f"{TOM.key}/again")]
    assert not buttons(late), "it does not go on asking"


async def test_no_reminder_of_what_is_decided(rig: Rig):
    at = await asks(rig, "v1.4.2")
    await rig.run(MIA, f"cancel {at.id}")
    await rig.approvals.remind(at.approval_id)
    assert not [key for key, _ in await rig.said("direct") if key.endswith("/again")]
