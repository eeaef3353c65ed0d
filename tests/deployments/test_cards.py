"""The card of each state, word for word, as people read it without colour, emoji or alignment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.approvals.approvals import Standing
from bot.approvals.records import Approval, Cast
from bot.approvals.rules import Rule, Vote, tally
from bot.deployments import approval_messages, messages, plan_messages
from bot.deployments.messages import View
from bot.deployments.obstacles import Obstacle
from bot.deployments.plan import Line, Plan, Release
from bot.deployments.reasking import Before
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.identity import Person
from bot.locks.records import Lock
from bot.locks.rules import Owner, Scope
from bot.policy.verdicts import Ask, Verdict
from bot.reply import Button, Buttons, Message, Steps
from bot.slack import blocks

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
MIA, TOM, ANA, RAJ = (Person(team="T", user=f"U{name}") for name in ("mia", "tom", "ana", "raj"))
PLAN = Plan(
    base=Release(sha="a" * 40, version="1.4.1"),
    lines=(
        Line(sha="b1" * 20, title="Retry card authorisation once <!channel>", author="Tom"),
        Line(sha="b2" * 20, title="Say hello", author="Mia"),
    ),
    total=7,
    url="https://git.example.org/compare",
    authors=("Tom", "Mia"),
    emails=("tom@example.org",),
    tickets=(("PAY-311", "https://tickets.example.org/PAY-311"),),
    asks=(Ask(count=2, groups=("release-managers",)),),
    verdicts=(
        Verdict(rule="locks", ok=True, words="unlocked"),
        Verdict(rule="promotion order", ok=True, words="1.4.2 runs on staging"),
        Verdict(rule="approvals", ok=True, words="2 of release-managers"),
    ),
)
BEFORE = Before(generation=1, plan_digest="d0", release=Release(sha="b1" * 20), base=PLAN.base, asks=PLAN.asks)


def name_of(person: Person) -> str:
    return person.user.removeprefix("U")


def deployment(state: State, **more: Any) -> Deployment:
    fields: dict[str, Any] = dict.fromkeys(
        ("artifact", "digest", "previous_artifact", "previous_digest", "previous_deployment", "reason"), ""
    )
    fields |= {
        "id": "D-1042",
        "request_id": "r",
        "kind": Kind.DEPLOY,
        "service": "checkout",
        "environment": "production",
        "target": "",
        "asked": "1.4.2",
        "sha": "b1" * 20,
        "version": "1.4.2",
        "previous_sha": "a" * 40,
        "previous_version": "1.4.1",
        "requested_by": MIA,
        "state": state,
        "state_since": AT,
        "generation": 1,
        "attempt": 1,
        "plan": PLAN.to_json(),
        "plan_digest": "d1",
        "before": None,
        "irreversible": False,
        "again": False,
        "patient": False,
        "build_run": "",
        "deploy_run": "",
        "rollback_run": "",
        "fence": 1,
        "sent_at": None,
        "queued_at": None,
        "cancel_by": None,
        "cancel_at": None,
        "rollback_by": None,
        "parked_why": "",
        "parked_at": None,
        "progress": {},
        "channel": None,
        "created_at": AT,
        "started_at": None,
        "ended_at": None,
        "code": "",
        "words": "",
    }
    return Deployment(**(fields | more))


def standing(*approvers: Person) -> Standing:
    rules = (Rule(2, ("release-managers",)),)
    votes = tuple(
        Cast(person=one, vote=Vote.APPROVE, groups=("release-managers",), at=AT + timedelta(minutes=3))
        for one in approvers
    )
    approval = Approval(
        id="D-1042/1",
        subject="D-1042",
        digest="d1",
        rules=rules,
        requester=MIA,
        expires_at=AT + timedelta(hours=4),
        opened_at=AT,
        excluded={MIA: "asked for it"},
        excluded_emails={"tom@example.org": "wrote it"},
        votes=votes,
    )
    voters = {cast.person: frozenset(cast.groups) for cast in votes}
    return Standing(approval, tally(rules, voters, {MIA}))


def plainly(message: Message) -> str:
    """Return a card as lines: dates by their fallback, steps with their states, buttons in brackets."""
    lines = []
    for part in message.parts:
        if isinstance(part, Steps):
            lines += [f"{step.state.value}: {step.title} {step.detail}".rstrip() for step in part.steps]
        elif isinstance(part, Buttons):
            lines.append(" ".join(f"[{button.label}]" for button in part.buttons))
        else:
            lines.append(getattr(part, "text", ""))
    return "\n".join(_without_dates(line) for line in lines)


def _without_dates(text: str) -> str:
    while "<!date^" in text:
        before, _, rest = text.partition("<!date^")
        token, _, after = rest.partition(">")
        text = f"{before}{token.rpartition('|')[2]}{after}"
    return text


def card(state: State, view: View | None = None, **more: Any) -> str:
    return plainly(messages.card(deployment(state, **more), view or View(name_of=name_of)))


CHANGES = (
    "7 commits by Tom, Mia · <https://tickets.example.org/PAY-311|PAY-311> · since 1.4.1 "
    "(<https://git.example.org/compare|compare>)"
)
COMMITS = (
    "`b1b1b1b` Retry card authorisation once &lt;!channel&gt;   Tom\n`b2b2b2b` Say hello   Mia\n…5 more in the thread"
)
NOT = "@mia (asked for it), nor who wrote the commits"
HEAD = "D-1042 · checkout 1.4.2 → production"
ASKED = "asked by @mia · 2026-11-23 14:02 UTC"


def test_waiting_for_approval():
    assert card(State.AWAITING_APPROVAL, View(name_of=name_of, standing=standing(ANA))) == "\n".join(
        [
            HEAD,
            f"waits for approval since 14:02 UTC · {ASKED}",
            CHANGES,
            COMMITS,
            "Checks  ✓ locks: unlocked  ✓ promotion order: 1.4.2 runs on staging",
            f"Approvals  1 of 2 (2 of release-managers): ✓ @ana 14:05 UTC · until 2026-11-23 18:02 UTC · not {NOT}",
            "[Approve] [Reject…] [Show plan] [Cancel] [Take back my approval]",
        ]
    )


def test_asked_again_says_why():
    said = card(
        State.AWAITING_APPROVAL,
        View(name_of=name_of, standing=standing()),
        words="checkout/production ran 1.4.1 when this was planned and runs 1.4.0 now",
        before=BEFORE.to_json(),
    )
    assert "*Asked again*: what was approved before is void." in said
    assert "*What changed*: checkout/production ran 1.4.1 when this was planned and runs 1.4.0 now.\n" in said


def test_queued():
    said = card(State.QUEUED, View(name_of=name_of, ahead="D-1041"))
    assert "Queued behind D-1041; it starts by itself.\n[Cancel]" in said


def test_queued_behind_a_lock():
    lock = Lock(
        id="L-1",
        scope=Scope("checkout", "production"),
        owner_kind=Owner.PERSON,
        owner=TOM.key,
        person=TOM,
        reason="migrating PAY-300",
        taken_at=AT - timedelta(minutes=52),
        expires_at=AT + timedelta(minutes=58),
    )
    obstacle = Obstacle(place=lock.scope, lock=lock)
    assert (
        "Queued: *checkout/production* is locked by @tom since 13:10 UTC, “migrating PAY-300”, until 15:00 UTC. "
        "It starts by itself when that ends." in card(State.QUEUED, View(name_of=name_of, obstacle=obstacle))
    )


def test_deploying():
    said = card(
        State.DEPLOYING,
        digest="sha256:0123456789abcdef",
        build_run="b:1",
        deploy_run="d:1",
        progress={"run": {"what": "deploy", "state": "running", "stages": [["switch", "running"]], "url": ""}},
    )
    assert said == "\n".join(
        [
            HEAD,
            f"deploying since 14:02 UTC · {ASKED}",
            CHANGES,
            "done: build sha256:0123456789ab",
            "done: approved",
            "active: deploy switch",
            "pending: verify",
            "[Cancel]",
        ]
    )


def test_verifying_shows_values_and_limits():
    said = card(
        State.VERIFYING,
        deploy_run="d:1",
        progress={
            "look": 2,
            "looks": 5,
            "measured": [["good", "errors 0.2 % (limit 1 %)"], ["good", "p95 180 ms (limit 300 ms)"]],
        },
    )
    assert "active: verify 2 of 5 · errors 0.2 % (limit 1 %) · p95 180 ms (limit 300 ms)" in said
    assert said.endswith("[Roll back to 1.4.1]")


MEASURED = {"look": 3, "looks": 5, "measured": [["bad", "errors 31 % (limit 1 %)"]]}


def test_rolled_back():
    said = card(
        State.ROLLED_BACK,
        deploy_run="d:1",
        progress=MEASURED,
        ended_at=AT + timedelta(minutes=19),
        code="rolled_back",
        words="verification failed: errors 31 % (limit 1 %)",
    )
    assert said == "\n".join(
        [
            HEAD,
            f"rolled back to 1.4.1 · 14:21 UTC · {ASKED}",
            "done: approved",
            "done: deploy",
            "failed: verify 3 of 5 · errors 31 % (limit 1 %)",
            "done: roll back to 1.4.1",
            "checkout/production runs *1.4.1* again since 14:21 UTC. Verification failed: errors 31 % (limit 1 %).",
            "1.4.2 is blocked here until its commits are fixed or reverted. A fix may be deployed.",
            "[Deploy a fix…]",
        ]
    )


@pytest.mark.parametrize(
    ("state", "code", "words", "says", "buttons"),
    [
        (State.REFUSED, "locked", "locked by @tom", "Locked by @tom.   (locked)", "[Ask again for 1.4.2]"),
        (State.REJECTED, "rejected", "rejected by @ana: no", "Rejected by @ana: no.   (rejected)", ""),
        (
            State.EXPIRED,
            "expired",
            "nobody approved it in time",
            "Nobody approved it in time.",
            "[Ask again for 1.4.2]",
        ),
        (State.VOID, "ref_moved", "main moved from b1 to c2", "Main moved from b1 to c2.", "[Ask again for 1.4.2]"),
        (State.CANCELLED, "cancelled", "cancelled by @mia", "Cancelled by @mia.", "[Ask again for 1.4.2]"),
        (State.FAILED, "build_failed", "the build failed: exit 2", "The build failed: exit 2.", "[Deploy a fix…]"),
    ],
)
def test_ends_where_nothing_changed(state: State, code: str, words: str, says: str, buttons: str):
    said = card(state, ended_at=AT, code=code, words=words)
    assert says in said
    assert said.endswith(buttons)
    assert CHANGES not in said


def test_failed_offers_the_way_back():
    said = card(
        State.FAILED,
        deploy_run="d:1",
        ended_at=AT,
        code="verification_failed",
        words="verification failed: errors 31 % (limit 1 %); not rolled back by itself: nothing ran there before",
    )
    assert "(verification_failed)" in said
    assert said.endswith("[Roll back to 1.4.1] [Deploy a fix…]")


def test_inconclusive_asks():
    said = card(State.INCONCLUSIVE, deploy_run="d:1", words="could not be verified: errors no data (limit 1 %)")
    assert "could not be verified: keep it or roll back?" in said
    assert said.endswith("[Keep it] [Roll back to 1.4.1]")


def test_succeeded():
    said = card(State.SUCCEEDED, deploy_run="d:1", ended_at=AT, words="verified: errors 0.1 % (limit 1 %)")
    assert "checkout/production runs *1.4.2*. Verified: errors 0.1 % (limit 1 %)." in said


def test_stands_still():
    said = card(State.DEPLOYING, parked_at=AT, parked_why="local was asked and gave no answer; nothing was sent twice")
    assert "stands still since 14:02 UTC" in said
    assert "*Stands still* since 14:02 UTC: local was asked and gave no answer; nothing was sent twice" in said
    assert said.endswith("[Try again] [Cancel]")


def test_a_silent_tool_is_said():
    said = card(State.DEPLOYING, deploy_run="d:1", progress={"silent": "local has not answered since 14:20 UTC"})
    assert "local has not answered since 14:20 UTC" in said


def test_what_must_not_be_overlooked():
    plan = replace(PLAN, left_behind=12, irreversible=("migrations/7.sql",), drift="it runs 1.3.9", added=("b1", "b2"))
    said = card(State.AWAITING_APPROVAL, View(name_of=name_of, standing=standing()), plan=plan.to_json())
    assert "*Leaves behind 12 commits* that run now: the asked commit is no descendant of what runs." in said
    assert "*Cannot be undone*: a migration marked irreversible (`migrations/7.sql`)." in said
    assert "*Not as recorded*: it runs 1.3.9." in said
    assert "*Only the newest 2 of 7 commits were read*: authors of the others are not known." in said


def every_card() -> list[Message]:
    views = [View(name_of=name_of, standing=standing(ANA)), View(name_of=name_of, ahead="D-1041")]
    return [
        messages.card(deployment(state, words="x", deploy_run=run, ended_at=AT, parked_at=parked), view)
        for state in State
        for run in ("", "d:1")
        for parked in (None, AT)
        for view in views
    ]


def test_cards_never_mention_and_fit_slack():
    for message in every_card():
        rendered = blocks.render(message)
        assert "<@" not in str(rendered)
        assert "<!channel>" not in str(rendered)
        assert len(rendered) <= 12, "a card fits on one phone screen"
        assert message.summary.startswith("D-1042 checkout 1.4.2 → production: ")


def test_every_button_names_a_command():
    from commands.registry import registry  # noqa: PLC0415 - only this test looks from above

    commands = registry()
    found: list[Button] = [
        button
        for message in every_card()
        for part in message.parts
        if isinstance(part, Buttons)
        for button in part.buttons
    ]
    assert found
    for button in found:
        assert button.command in commands
        assert set(button.args) <= set(commands[button.command].args.__dataclass_fields__)


def test_bad_news_is_a_new_message():
    bad = deployment(State.ROLLED_BACK, deploy_run="d:1", words="verification failed: errors 31 %", ended_at=AT)
    news = messages.broadcast(bad, name_of)
    assert news is not None
    assert news.summary == "D-1042 checkout 1.4.2 → production: rolled back to 1.4.1. Verification failed: errors 31 %."
    assert messages.broadcast(deployment(State.SUCCEEDED, ended_at=AT), name_of) is None


def test_who_is_asked_reads_what_is_wanted():
    at = deployment(State.AWAITING_APPROVAL)
    asked = approval_messages.asked(at, standing().approval, [ANA, RAJ], name_of)
    assert asked.summary == "Approval wanted: D-1042 checkout 1.4.2 → production, asked by @mia"
    assert "<@Uana>, <@Uraj>" in plainly(asked)
    alone = plainly(approval_messages.asked_alone(at, standing().approval, name_of))
    assert "<@" not in alone
    assert COMMITS.removesuffix(" in the thread") in alone


def test_the_thread_has_what_the_card_has_no_room_for():
    details = plan_messages.details(deployment(State.AWAITING_APPROVAL))
    assert details is not None
    assert plainly(details).endswith("Say hello   Mia\n…5 more")
    assert plan_messages.details(deployment(State.AWAITING_APPROVAL, plan=replace(PLAN, total=2).to_json())) is None
