"""Changes of the policy from the file to what is in force: recorded, held back, confirmed once, never lost."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.amendments.amendments import APPROVE, Amendments, Parts
from bot.amendments.policy import policy_of
from bot.amendments.records import Amendment, Source, State, newest
from bot.app.amending import foretell, source_of
from bot.audit import Audit
from bot.command import Resource
from bot.errors import BadInput, Refused
from bot.identity import Channel, Person
from bot.permissions import ACCOUNT_TEAM, Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.store import Store

from .conftest import HandClock

HOME = "T0HOME"
MIA, TOM, ANA, RAJ = (Person(HOME, f"U01{name}") for name in ("MIA", "TOM", "ANA", "RAJ"))
BY_MIA = Source(commit="c" * 40, authors=("mia@x.org",), certain=True)
CONFIG: dict[str, Any] = {
    "people": {
        name: {"slack": f"U01{name.upper()}", "emails": [f"{name}@x.org"]} for name in ("mia", "tom", "ana", "raj")
    },
    "groups": {"keepers": ["mia", "tom", "raj"], "developers": ["mia"]},
    "permissions": [
        {"allow": [APPROVE], "to": ["keepers"]},
        {"allow": ["deployment.start"], "to": ["developers"], "environments": ["staging"]},
    ],
    "policy": {"second_person": True},
}
WIDER = {**CONFIG, "groups": {**CONFIG["groups"], "developers": ["mia", "ana"], "keepers": ["mia", "tom"]}}


def settings(config: dict[str, Any]) -> Settings:
    return Settings.model_validate(config)


class Rig:
    """One process's view: its permissions and amendments over a store that others may share."""

    def __init__(self, store: Store, audit: Audit, clock: HandClock) -> None:
        self.store, self.audit, self.clock = store, audit, clock
        self.permissions = Permissions(settings(CONFIG), clock)
        self.permissions.set_home(HOME)
        self.source = BY_MIA
        self.slack_emails: Callable[[Person], set[str]] = lambda _person: set()
        self.asked_since: list[str] = []
        parts = Parts(
            store=store,
            clock=clock,
            audit=audit,
            outbox=Outbox(store, clock),
            permissions=self.permissions,
            emails_of=self._emails_of,
            channel=self._channel,
        )
        self.amendments = Amendments(parts)

    async def _emails_of(self, person: Person) -> set[str]:
        return self.slack_emails(person)

    async def _channel(self) -> Channel:
        return Channel(HOME, "C01RELEASES")

    async def _source(self, since: str) -> Source:
        self.asked_since.append(since)
        return self.source

    async def read(self, config: dict[str, Any]) -> Settings:
        """Read a configuration, as a start or SIGHUP does."""
        in_force = await self.amendments.read(settings(config), self._source)
        self.permissions.replace(in_force)
        return in_force

    async def may(self, person: Person, environment: str = "staging") -> bool:
        return (await self.permissions.check(person, "deployment.start", Resource("shop", environment))).allowed

    async def newest(self) -> Amendment:
        found = await self.amendments.newest()
        assert found is not None
        return found

    async def actions(self) -> list[str]:
        return [f"{one.action} {one.outcome}" for one in reversed(await self.audit.recent())]


@pytest.fixture
def rig(store: Store, audit: Audit, clock: HandClock) -> Rig:
    return Rig(store, audit, clock)


async def test_the_first_policy_is_recorded_and_the_same_again_is_not(rig: Rig) -> None:
    assert await rig.read(CONFIG) == settings(CONFIG)
    assert await rig.read(CONFIG) == settings(CONFIG)
    assert await rig.actions() == ["policy.recorded succeeded"]
    assert rig.asked_since == [""], "Git is asked only where something changed"


async def test_what_narrows_holds_at_once_and_what_widens_waits_for_a_second_person(rig: Rig) -> None:
    await rig.read(CONFIG)
    await rig.read(WIDER)
    assert not await rig.may(ANA)
    assert not (await rig.permissions.check(RAJ, APPROVE, Resource())).allowed, "taken away at once"
    waiting = await rig.newest()
    assert (waiting.state, [str(one) for one in waiting.widening]) == (
        State.WAITING,
        ["groups.developers.people: ana added"],
    )

    with pytest.raises(Refused) as refused:
        await rig.amendments.confirm(waiting.id, MIA)
    assert refused.value.code == "not_by_you"
    with pytest.raises(Refused) as refused:
        await rig.amendments.confirm(waiting.id, RAJ)
    assert refused.value.code == "not_allowed"

    await rig.amendments.confirm(waiting.id, TOM)
    await rig.read(WIDER)  # what the process does when it is told, and at its next start
    assert await rig.may(ANA)
    assert await rig.actions() == ["policy.recorded succeeded", "policy.changed waiting", "policy.confirmed succeeded"]
    changed = (await rig.audit.recent())[1]
    assert changed.data["widens"] == ["groups.developers.people: ana added"]
    assert changed.data["narrows"] == ["groups.keepers.people: raj removed"]
    assert (changed.data["commit"], changed.data["authors"]) == ("c" * 40, ["mia@x.org"])


async def test_a_restart_neither_lets_in_what_waits_nor_loses_what_was_confirmed(
    rig: Rig, store: Store, audit: Audit, clock: HandClock
) -> None:
    await rig.read(CONFIG)
    await rig.read(WIDER)
    started_again = Rig(store, audit, clock)
    await started_again.read(WIDER)
    assert not await started_again.may(ANA)
    # Killed between the commit of the confirmation and putting it in force: nobody told this process.
    await started_again.amendments.confirm((await rig.newest()).id, TOM)
    once_more = Rig(store, audit, clock)
    await once_more.read(WIDER)
    assert await once_more.may(ANA)


async def test_without_the_setting_a_change_holds_at_once_and_is_recorded(rig: Rig) -> None:
    without = {key: value for key, value in CONFIG.items() if key != "policy"}
    wider = {key: value for key, value in WIDER.items() if key != "policy"}
    await rig.read(without)
    await rig.read(wider)
    assert await rig.may(ANA)
    assert (await rig.newest()).state is State.IN_FORCE
    assert (await rig.audit.recent())[0].data["widens"] == ["groups.developers.people: ana added"]


async def test_turning_the_second_person_off_needs_one(rig: Rig) -> None:
    await rig.read(CONFIG)
    off = {key: value for key, value in WIDER.items() if key != "policy"}
    in_force = await rig.read(off)
    assert in_force.policy.second_person
    assert not await rig.may(ANA)
    await rig.amendments.confirm((await rig.newest()).id, TOM)
    assert await rig.read(off) == settings(off)


async def test_where_nobody_knows_who_wrote_it_two_people_confirm(rig: Rig) -> None:
    await rig.read(CONFIG)
    rig.source = Source()
    await rig.read({**WIDER, "groups": {**CONFIG["groups"], "developers": ["mia", "ana"]}})
    waiting = (await rig.newest()).id
    await rig.amendments.confirm(waiting, TOM)
    await rig.amendments.confirm(waiting, TOM)
    assert (await rig.newest()).state is State.WAITING, "one person twice is one person"
    await rig.amendments.confirm(waiting, RAJ)
    assert (await rig.newest()).state is State.CONFIRMED
    await rig.amendments.confirm(waiting, RAJ)  # the same click, delivered again


async def test_an_account_and_a_person_without_address_confirm_nothing(rig: Rig) -> None:
    config = {
        **CONFIG,
        "groups": {**CONFIG["groups"], "keepers": ["mia", "tom", "account:ci", "U01NEW"]},
        "permissions": CONFIG["permissions"],
    }
    await rig.read(config)
    await rig.read({**config, "groups": {**config["groups"], "developers": ["mia", "ana"]}})
    waiting = (await rig.newest()).id
    for person, code in ((Person(ACCOUNT_TEAM, "ci"), "not_allowed"), (Person(HOME, "U01NEW"), "author_unknown")):
        with pytest.raises(Refused) as refused:
            await rig.amendments.confirm(waiting, person)
        assert refused.value.code == code
    rig.slack_emails = lambda _person: {"Mia@X.org"}
    with pytest.raises(Refused) as refused:
        await rig.amendments.confirm(waiting, Person(HOME, "U01NEW"))
    assert refused.value.code == "not_by_you", "the address that Slack knows counts"

    def away(_person: Person) -> set[str]:
        raise TimeoutError("Slack does not answer")

    rig.slack_emails = away
    with pytest.raises(Refused) as refused:
        await rig.amendments.confirm(waiting, Person(HOME, "U01NEW"))
    assert refused.value.code == "author_unknown"
    await rig.amendments.confirm(waiting, TOM)  # his address stands in the configuration


async def test_a_later_change_takes_the_place_of_what_waits_and_gathers_its_authors(rig: Rig) -> None:
    await rig.read(CONFIG)
    settled = (await rig.newest()).source.commit
    await rig.read(WIDER)
    first = (await rig.newest()).id
    later = {**WIDER, "groups": {**WIDER["groups"], "developers": ["mia", "ana", "raj"]}}
    await rig.read(later)
    with pytest.raises(Refused) as refused:
        await rig.amendments.confirm(first, TOM)
    assert refused.value.code == "decided"
    second = await rig.newest()
    assert {str(one) for one in second.widening} == {
        "groups.developers.people: ana added",
        "groups.developers.people: raj added",
    }, "what was not confirmed is asked for again"
    assert rig.asked_since[-1] == settled, "whoever wrote the change before is an author, too"
    await rig.read({**WIDER, "groups": {**WIDER["groups"], "developers": ["mia"]}})  # taken back
    assert (await rig.newest()).state is State.IN_FORCE
    with pytest.raises(Refused):
        await rig.amendments.confirm(second.id, TOM)
    with pytest.raises(BadInput):
        await rig.amendments.confirm("PC-99", TOM)


async def test_what_waits_cannot_help_to_confirm_itself(rig: Rig) -> None:
    await rig.read(CONFIG)
    await rig.read({**CONFIG, "groups": {**CONFIG["groups"], "keepers": ["mia", "tom", "raj", "ana"]}})
    with pytest.raises(Refused) as refused:
        await rig.amendments.confirm((await rig.newest()).id, ANA)
    assert refused.value.code == "not_allowed"


async def test_replicas_that_read_the_same_file_at_once_record_it_once(rig: Rig, store: Store, audit: Audit) -> None:
    await rig.read(CONFIG)
    replicas = [Rig(store, audit, rig.clock) for _ in range(6)]
    await asyncio.gather(*(one.read(WIDER) for one in replicas))
    assert [one for one in await rig.actions() if one.startswith("policy.changed")] == ["policy.changed waiting"]
    assert not any([await one.may(ANA) for one in replicas])


async def test_of_twenty_clicks_at_once_one_confirms(rig: Rig) -> None:
    await rig.read(CONFIG)
    await rig.read({**WIDER, "groups": {**CONFIG["groups"], "developers": ["mia", "ana"]}})
    waiting = (await rig.newest()).id
    clicks = [rig.amendments.confirm(waiting, (TOM, RAJ)[number % 2]) for number in range(20)]
    answers = await asyncio.gather(*clicks, return_exceptions=True)
    assert all(not isinstance(one, Exception) or getattr(one, "code", "") == "decided" for one in answers)
    assert (await rig.actions()).count("policy.confirmed succeeded") == 1


async def test_the_channel_is_told_once_of_each_change(rig: Rig, store: Store) -> None:
    from bot.slack.records import outbox  # noqa: PLC0415 - looked at, not used

    await rig.read(CONFIG)
    await rig.read(WIDER)
    await asyncio.gather(*(rig.amendments.announce() for _ in range(3)))
    await rig.amendments.announce()
    async with store.read() as conn:
        rows = (await conn.execute(outbox.select())).all()
        waiting = await newest(conn)
    assert waiting is not None
    assert [row.key for row in rows] == [f"post/policy/{waiting.id}"]
    assert "ana added" in str(rows[0].payload)


async def test_check_foretells_what_would_wait(tmp_path: Path, clock: HandClock) -> None:
    config = {**CONFIG, "state_dir": str(tmp_path)}
    said: list[str] = []
    await foretell(settings(config), clock, said.append)
    assert said == [], "nothing is recorded yet"
    store = await Store.open(settings(config).database_url, clock=clock)
    await Rig(store, Audit(store, clock), clock).read(config)
    await store.close()
    await foretell(settings({**WIDER, "state_dir": str(tmp_path)}), clock, said.append)
    assert said[0] == "waits    groups.developers.people: ana added"
    assert "second person" in said[1]
    said.clear()
    await foretell(settings(config), clock, said.append)
    assert said == []


def git(folder: Path, *words: str, author: str = "mia") -> None:
    who = ["-c", f"user.name={author}", "-c", f"user.email={author}@x.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


async def test_git_tells_who_wrote_what_is_new(tmp_path: Path) -> None:
    assert await source_of(tmp_path / "nowhere", "") == Source()
    config = tmp_path / "config"
    config.mkdir()
    git(config, "init", "-q")
    file = config / "shipmate.yaml"
    commits = []
    for author, words in (("ana", "first"), ("mia", "second\n\nCo-authored-by: Raj <RAJ@x.org>"), ("tom", "third")):
        file.write_text(words)
        git(config, "add", ".")
        git(config, "commit", "-q", "-m", words, author=author)
        told = await source_of(config, "")
        commits.append(told.commit)
        assert told.certain
    since_first = await source_of(config, commits[0])
    assert (since_first.commit, since_first.authors) == (commits[2], ("mia@x.org", "raj@x.org", "tom@x.org"))
    assert (await source_of(config, "0" * 40)).authors == ("ana@x.org", "mia@x.org", "raj@x.org", "tom@x.org")
    file.write_text("by hand")
    assert not (await source_of(config, commits[0])).certain, "what no commit holds was written by nobody knows whom"


async def test_what_is_stored_is_the_policy(rig: Rig) -> None:
    await rig.read(CONFIG)
    assert (await rig.newest()).wanted == policy_of(settings(CONFIG))
