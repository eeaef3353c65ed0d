"""`local` keeps the contract of TestReports: JUnit XML that a command wrote."""

import shlex

import pytest

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.runs import RunRef
from integrations.local.client import Local
from tests.integrations.contract.reports import Case, ReportsContract, junit
from tests.integrations.waiting import ended

_SCRIPT = """
echo '{"artifact": "a.txt"}' > "$SHIPMATE_RESULT"
[ -z "$SHIPMATE_PARAMETER_XML" ] || printf %s "$SHIPMATE_PARAMETER_XML" > "$SHIPMATE_REPORTS/TEST-shop.xml"
"""


class LocalTested:
    def __init__(self, local: Local, sha: str) -> None:
        self.source = local
        self.unknown = RunRef(local.instance, "0" * 24)
        self._sha = sha

    async def run(self, request_id: str, *cases: Case) -> RunRef:
        told = {"XML": junit(cases)} if cases else {}
        request = BuildRequest(
            request_id=request_id, job="test", project="shop", sha=self._sha, version="1", parameters=told
        )
        ref = await self.source.start_build(request)
        await ended(self.source, ref)
        return ref


class TestLocalReports(ReportsContract):
    @pytest.fixture
    async def tested(self, real_history, connect_local):
        sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
        return LocalTested(await connect_local(builds={"test": {"command": ["sh", "-c", _SCRIPT]}}), sha)


async def test_secrets_in_a_report_are_masked(real_history, connect_local):
    sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
    xml = junit((("shop.Cart", "pays", "failed", "wrong password hunter2-hunter2"),))
    script = f'printf %s {shlex.quote(xml)} > "$SHIPMATE_REPORTS/r.xml"; exit 1'
    recipe = {"command": ["sh", "-c", script], "env": {"PASSWORD": "hunter2-hunter2"}}
    local = await connect_local(builds={"test": recipe})
    ref = await local.start_build(BuildRequest(request_id="r-1", job="test", project="shop", sha=sha, version="1"))
    await ended(local, ref)
    (case,) = (await local.get_report(ref)).cases
    assert case.message.startswith("wrong password ")
    assert "hunter2" not in case.message
