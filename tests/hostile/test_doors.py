"""What is genuinely signed and yet nonsense is refused as a whole, in our words, and leaves no trace."""

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import hypothesis
import pytest
from hypothesis import HealthCheck, given, strategies as st

from tests.hostile import payloads
from tests.hostile.house import Answer, House, as_json
from tests.hostile.mutations import EXAMPLES, changed, junk, texts

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The house's threads use the module `random` while Hypothesis draws.
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
]

few = hypothesis.settings(
    max_examples=EXAMPLES,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.reuse, hypothesis.Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)
EFFECTS = ("alert_notices", "builds", "deliveries", "deployments", "locks", "paging_errands", "webhook_events")
"""Tables that something taken in is written to at once; others change by themselves, too."""


def fine(house: House, answer: Answer, *statuses: int) -> None:
    """Hold that an answer is ours, tells nothing of our insides, and that nothing broke on the way."""
    assert answer.status in statuses, f"{answer.status}: {answer.text[:500]}"
    assert "Traceback" not in answer.text
    assert "object at 0x" not in answer.text
    assert len(answer.text) < 100_000
    broken = house.tracebacks()
    assert not broken, broken[0][-2000:]


async def untouched(house: House, before: Mapping[str, int]) -> None:
    """Hold that nothing was written."""
    after = await house.rows()
    assert [name for name in EFFECTS if after[name] > before[name]] == []


@pytest.mark.parametrize(
    ("instance", "kind"), [(one, kind) for one, kinds in payloads.WEBHOOKS.items() for kind in kinds if one != "am2"]
)
@few
@given(st.data())
async def test_a_changed_webhook_is_taken_or_refused(
    house: House, instance: str, kind: str, data: st.DataObject
) -> None:
    body = as_json(data.draw(changed(payloads.WEBHOOKS[instance][kind])))
    before = await house.rows()
    answer = await house.hook(instance, body)
    fine(house, answer, 204, 400)
    if answer.status == 400:
        await untouched(house, before)


@few
@given(st.data(), st.sampled_from(sorted(payloads.PHONE)), texts)
async def test_a_changed_form_of_a_telephone(house: House, data: st.DataObject, kind: str, page: str) -> None:
    form = data.draw(changed(payloads.PHONE[kind]))
    told = form if isinstance(form, dict) else {}
    body = urlencode({str(k): str(v) for k, v in told.items()}, errors="replace").encode()
    answer = await house.hook("phone", body, f"/hooks/phone?{urlencode({'page': page}, errors='replace')}")
    fine(house, answer, 200, 400)


_NONSENSE = [
    b"",
    b"\xff\xfe",
    b"\0",
    b"nul",
    b"1e999",
    b"{}",
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b"9" * 100_000,
    b'"\\ud800"',
]


@pytest.mark.parametrize("body", _NONSENSE, ids=lambda body: repr(body[:8]))
@pytest.mark.parametrize("instance", [*payloads.WEBHOOKS, "phone"])
async def test_what_is_none_of_a_tool_s_is_refused(house: House, instance: str, body: bytes) -> None:
    before = await house.rows()
    fine(house, await house.hook(instance, body), 400, 401)
    await untouched(house, before)


@few
@given(st.data())
async def test_changed_deliveries_of_slack(house: House, data: st.DataObject) -> None:
    made = payloads.slack(*house.somebody(), house.number())
    kind = data.draw(st.sampled_from(sorted(made)))
    payload = data.draw(changed(made[kind]))
    body = as_json(payload)
    if kind in {"mention", "direct", "reaction", "link", "home", "person"}:
        answer = await house.slack(body, **{"Content-Type": "application/json"})
    else:
        answer = await house.slack(urlencode({"payload": body.decode()}).encode())
    await settled(house)
    fine(house, answer, 200, 400, 404)


@few
@given(st.data())
async def test_changed_commands_of_slack(house: House, data: st.DataObject) -> None:
    form = data.draw(changed(payloads.command(*house.somebody(), house.number())))
    body = urlencode(
        {str(k): str(v) for k, v in form.items()} if isinstance(form, dict) else {}, errors="replace"
    ).encode()
    answer = await house.slack(body)
    await settled(house)
    fine(house, answer, 200, 400, 404)


WORDS = [
    "where", "deploy", "lock", "unlock", "help", "alert list", "silence", "release cut", "freeze", "audit",
    "policy test", "oncall", "issue create", "metrics", "build run", "evidence", "notify", "calendar",
    "erase", "tests", "diff", "review",
]  # fmt: skip


@few
@given(
    st.sampled_from(WORDS),
    st.lists(
        st.one_of(texts, st.sampled_from(["checkout", "to", "staging", "for", "--wait", "--explain", "because"])),
        max_size=5,
    ),
)
async def test_whatever_is_typed_is_answered(house: House, word: str, rest: list[str]) -> None:
    answer = await house.do(as_json({"text": " ".join([word, *rest])}))
    fine(house, answer, 200)
    told = json.loads(answer.text)
    assert told["code"] not in {"broken", "internal_error"}, told
    assert not set(told["text"]) & set("\x00\x07\x1b\x9b\u202e"), "a terminal would obey"


@few
@given(junk)
async def test_a_body_that_is_no_wish(house: House, value: object) -> None:
    before = await house.rows()
    answer = await house.do(as_json(value))
    fine(house, answer, 400, 413)
    await untouched(house, before)


@few
@given(texts, texts, texts)
async def test_the_pages_of_browsers(house: House, state: str, code: str, name: str) -> None:
    query = urlencode({"state": state, "code": code, "error": name}, errors="replace")[:7000]
    for path in ("/sign-in", "/sign-in/callback", "/connect/gitlab", "/connect/gitlab/callback"):
        fine(house, await house.ask("GET", f"{path}?{query}"), 400, 404, 503)
    form = urlencode({"form": state, "answer": "yes"}, errors="replace")[:7000].encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/sign-in/x", "/connect/gitlab"):
        fine(house, await house.ask("POST", path, data=form, headers=kind), 400, 404)


async def settled(house: House) -> None:
    """Wait until the answers that were begun have gone out."""
    assert house.app.slack.edge is not None
    async with asyncio.timeout(60):
        while len(house.app.slack.edge.tasks):  # noqa: ASYNC110 - what ends is not told
            await asyncio.sleep(0.01)
