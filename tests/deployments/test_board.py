"""Deployments written back to a Git host that shows them."""

import pytest

from bot.deployments.rules import State
from integrations.capabilities.delivery import Delivered, DeliveryNote
from integrations.capabilities.git import CheckState
from integrations.capabilities.runs import RunState
from integrations.errors import BadReply, NotPermitted, OutcomeUnknown, Refused, Unavailable
from tests.deployments.rig import MIA, Rig
from tests.fakes.git import FakeGit
from tests.fakes.runs import Outcome


class ShowingGit(FakeGit):
    """A Git host with a page of deployments. `trouble` is raised by the next calls, one after the other."""

    def __init__(self, instance: str) -> None:
        super().__init__(instance)
        self.notes: list[DeliveryNote] = []
        self.checks_set: list[tuple[str, str, CheckState, str, str]] = []
        self.check_name = ""
        self.trouble: list[Exception] = []

    async def show_deployment(self, note: DeliveryNote) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.notes.append(note)

    async def set_check(
        self, project: str, sha: str, name: str, state: CheckState, text: str = "", url: str = ""
    ) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.checks_set.append((sha, name, state, text, url))


@pytest.fixture
def host(rig: Rig) -> ShowingGit:
    made = ShowingGit(rig.git.instance)
    rig.toolbox.add(made)
    rig.git = made
    return made


async def told(rig: Rig, host: ShowingGit, state: Delivered) -> DeliveryNote:
    async def there() -> DeliveryNote | None:
        return next((note for note in host.notes if note.state is state), None)

    async def why() -> str:
        return f"{state} was expected: {host.notes}"

    found: DeliveryNote = await rig.until(there, why)
    return found


async def test_the_host_hears_how_a_deployment_goes(rig: Rig, host: ShowingGit):
    shas = rig.history()
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    note = await told(rig, host, Delivered.SUCCEEDED)
    assert (note.environment, note.ref, note.sha, note.is_tag) == ("staging", "v1.4.1", shas["v1.4.1"], True)
    assert {note.deployment for note in host.notes} == {begun.subject}


@pytest.mark.parametrize("trouble", [OutcomeUnknown("git", "no answer", request_id="x"), Refused("git", "archived")])
async def test_a_host_that_fails_holds_nothing_up(rig: Rig, host: ShowingGit, trouble: Exception):
    rig.history()
    host.trouble = [trouble]
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    await told(rig, host, Delivered.SUCCEEDED)


async def checked(rig: Rig, host: ShowingGit, *states: CheckState) -> list[tuple[str, str, CheckState, str, str]]:
    """Wait until these states were said, and return what was."""

    async def there() -> bool:
        return {one[2] for one in host.checks_set} >= set(states)

    async def why() -> str:
        return f"{states} were expected: {host.checks_set}"

    await rig.until(there, why)
    return host.checks_set


async def test_the_commit_says_how_it_fares_with_a_link_to_the_card(rig: Rig, host: ShowingGit):
    shas = rig.history()
    host.check_name = "shipmate/{environment}/{target}"
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    said = await checked(rig, host, CheckState.PASSED)
    assert {one[:2] for one in said} == {(shas["v1.4.1"], "shipmate/staging")}
    assert said[-1][3:] == (f"{begun.subject}: v1.4.1 is deployed", f"https://slack.example/{begun.subject}")
    assert len(said) == len({one[2] for one in said}), "once per state"


async def test_without_the_setting_no_status_is_written(rig: Rig, host: ShowingGit):
    rig.history()
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    await told(rig, host, Delivered.SUCCEEDED)
    assert host.checks_set == []


async def test_a_deployment_that_fails_says_so_on_its_commit(rig: Rig, host: ShowingGit):
    rig.history()
    host.check_name = "shipmate/{environment}"
    rig.deploys.outcomes["checkout/staging"] = Outcome(state=RunState.FAILED, reason="no room")
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.FAILED, State.ROLLED_BACK, State.ROLLBACK_FAILED)
    await told(rig, host, Delivered.FAILED)
    said = await checked(rig, host, CheckState.FAILED)
    assert said[-1][1] == "shipmate/staging"


@pytest.mark.parametrize(
    "trouble",
    [
        NotPermitted("git", "403"),
        Refused("git", "archived"),
        BadReply("git", "answers 410: Gone"),
        OutcomeUnknown("git", "no answer", request_id="x"),
        Unavailable("git", "no answer"),
    ],
)
async def test_a_status_that_is_not_taken_holds_nothing_up(rig: Rig, host: ShowingGit, trouble: Exception):
    rig.history()
    host.check_name = "shipmate/{environment}"
    host.trouble = [trouble]
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(begun.subject, State.SUCCEEDED)
    await checked(rig, host, CheckState.PASSED)
    await told(rig, host, Delivered.SUCCEEDED)


async def test_what_is_cancelled_before_it_had_its_place_is_shown_nowhere(rig: Rig, host: ShowingGit):
    rig.history()
    host.check_name = "shipmate/{environment}"
    rig.builds.outcomes["checkout"] = Outcome(state=None)
    begun = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.run(MIA, f"cancel {begun.subject}")
    await rig.reaches(begun.subject, State.CANCELLED)
    other = await rig.run(MIA, "deploy checkout@v1.4.0")
    assert other.subject != begun.subject
    assert (host.notes, host.checks_set) == ([], [])
