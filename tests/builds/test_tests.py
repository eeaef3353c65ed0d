"""What became of tests: kept with each run, told as new, known or flaky, and asked of the tool where never seen."""

from datetime import timedelta

import pytest

from bot.builds import outcomes
from bot.builds.rules import State
from integrations.capabilities import reports
from integrations.capabilities.runs import RunRef, RunState
from integrations.errors import IntegrationError, Unavailable
from tests.builds.rig import Rig, read, up
from tests.deployments.rig import MIA
from tests.fakes.runs import FakeBuilds, Outcome


class TestedBuilds(FakeBuilds):
    """A build server that keeps test reports: `failing` are the tests that fail in the next builds."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("builds")
        self.failing: tuple[str, ...] = ()
        self.trouble: IntegrationError | None = None
        self._reports: dict[RunRef, reports.TestReport] = {}

    async def start_build(self, request):
        ref = await super().start_build(request)
        cases = [
            reports.TestCase(suite="shop.Cart", name=name, state=reports.CaseState.FAILED, message=f"{name} broke")
            for name in self.failing
        ]
        self._reports[ref] = reports.TestReport(total=9, failed=len(cases), skipped=1, cases=cases, url="https://ci/9")
        return ref

    async def get_report(self, ref: RunRef) -> reports.TestReport | None:
        if self.trouble is not None:
            raise self.trouble
        return self._reports.get(ref)


@pytest.fixture
async def rig(tmp_path):
    async with up(tmp_path, builds=TestedBuilds()) as made:
        yield made


async def built(rig: Rig, *failing: str, ref: str = "main") -> str:
    assert isinstance(rig.builds, TestedBuilds)
    rig.builds.failing = failing
    state = RunState.FAILED if failing else RunState.SUCCEEDED
    rig.builds.outcomes["checkout"] = Outcome(state=state, reason="tests failed" if failing else "")
    rig.clock.ahead += timedelta(minutes=1)
    build = await rig.comes_to((await rig.run(MIA, f"build run checkout {ref}")).subject, State.FAILED, State.SUCCEEDED)
    return build.id


async def test_new_and_known_failures_are_told_apart(rig: Rig):
    await built(rig, ref="v1.4.0")
    await built(rig, "adds", ref="v1.4.1")
    last = await built(rig, "adds", "removes")
    said = read(await rig.run(MIA, "tests checkout"))
    assert "2 of 9 tests failed, 1 skipped" in said
    assert said.index("*new* `shop.Cart › removes`") < said.index("*known* `shop.Cart › adds`")
    assert "removes broke" in said
    assert read(await rig.run(MIA, f"tests {last}")).count("broke") == 2
    excerpt = next(message for key, message in await rig.said("post") if key == f"post/{last}/excerpt/0")
    assert "new: shop.Cart › removes: removes broke" in read(excerpt)


async def test_a_test_that_changes_its_mind_on_one_commit_is_flaky(rig: Rig):
    await built(rig, "blinks")
    await built(rig)
    await built(rig, "blinks")
    assert "*flaky* `shop.Cart › blinks`" in read(await rig.run(MIA, "tests checkout"))


async def test_all_is_well(rig: Rig):
    await built(rig)
    assert "all 8 tests passed" in read(await rig.run(MIA, "tests checkout"))


async def test_a_build_that_was_never_seen_is_asked_for(rig: Rig):
    await built(rig, ref="v1.4.0")
    assert isinstance(rig.builds, TestedBuilds)
    rig.builds.failing = ("elsewhere",)
    (request, *_) = rig.built
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.FAILED)
    await rig.builds.start_build(type(request)(**{**_values(request), "request_id": "theirs", "sha": "b" * 40}))
    assert "*new* `shop.Cart › elsewhere`" in read(await rig.run(MIA, "tests checkout"))


def _values(request):
    return {name: getattr(request, name) for name in request.__slots__}


async def test_a_deployment_has_tests_too(rig: Rig):
    rig.builds.outcomes["checkout"] = Outcome()
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to staging")).subject

    async def done():
        return (await rig.get(at)).ended

    async def why():
        return str(await rig.get(at))

    await rig.until(done, why)
    assert "all 8 tests passed" in read(await rig.run(MIA, f"tests {at}"))


async def test_what_cannot_be_told_is_said(rig: Rig):
    assert (await rig.refused(MIA, "tests chekout")).code == "unknown_service"
    rig.builds.outcomes["checkout"] = Outcome()
    assert (await rig.refused(MIA, "tests checkout")).code == "no_build_yet"
    assert isinstance(rig.builds, TestedBuilds)
    rig.builds.trouble = Unavailable("builds", "502")
    build = await built(rig)  # the build is over whatever its tests say
    assert (await rig.refused(MIA, f"tests {build}")).code == "no_tests"
    rig.builds.failure = Unavailable("builds", "502")
    assert (await rig.refused(MIA, "tests checkout")).code == "tool_unavailable"


async def test_a_server_without_reports(tmp_path):
    async with up(tmp_path) as rig:
        rig.builds.outcomes["checkout"] = Outcome()
        await rig.comes_to((await rig.run(MIA, "build run checkout")).subject, State.SUCCEEDED)
        assert (await rig.refused(MIA, "tests checkout")).code == "no_test_reports"


async def test_what_is_old_is_forgotten(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outcomes, "KEPT_RUNS", 2)
    first = await built(rig, "adds")
    for _ in range(2):
        await built(rig, "adds")
    async with rig.store.read() as conn:
        assert await outcomes.of_run(conn, (await rig.build(first)).run) is None
        rows = (await conn.exec_driver_sql("SELECT count(*) FROM test_failures")).scalar_one()
    assert rows == 2
