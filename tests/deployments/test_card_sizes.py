"""Two hundred commits, forty authors, thirty rules, thirty approvers: cards stay whole, within what Slack takes.

The judge is the sandbox's Block Kit schema, which refuses what Slack refuses.
"""

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.approvals.approvals import Standing
from bot.approvals.records import Approval, Cast
from bot.approvals.rules import Rule, Vote, tally
from bot.deployments import approval_messages, messages, plan_messages, replies
from bot.deployments.messages import View
from bot.deployments.plan import Line, Plan, Release
from bot.deployments.reasking import Before, compared
from bot.deployments.rules import State
from bot.identity import Person
from bot.policy.verdicts import Ask, Verdict
from bot.reply import Message
from bot.sandbox.blockkit import message_blocks
from bot.slack import blocks
from tests.deployments.test_cards import AT, MIA, deployment, plainly

LONG = "a very long title that nobody reads to its end <!channel> *bold* `code` " * 10
NAMES = [f"Person Number {number} With A Name That Goes On {'and on ' * 20}" for number in range(40)]
PEOPLE = [Person("T", f"U0PERSON{number:02}") for number in range(40)]
GROUPS = [tuple(f"release-managers-of-{region}-{number}" for region in ("emea", "apac")) for number in range(30)]
HUGE = Plan(
    base=Release(sha="a" * 40, version="1.4.1"),
    lines=tuple(
        Line(sha=f"{number:040x}", title=f"{number} {LONG}", author=NAMES[number % 40]) for number in range(20)
    ),
    total=200,
    url=f"https://git.example.org/compare/{'x' * 400}",
    added=tuple(f"{number:040x}" for number in range(200)),
    authors=tuple(NAMES),
    tickets=tuple((f"PAY-{number}", f"https://tickets.example.org/PAY-{number}/{'y' * 100}") for number in range(20)),
    irreversible=tuple(f"migrations/{number:04}_{'z' * 80}.sql" for number in range(200)),
    drift="the tool says " + "something else runs " * 20,
    asks=tuple(Ask(count=1, groups=groups) for groups in GROUPS),
    verdicts=tuple(
        Verdict(rule=rule, ok=False, words=LONG, code="checks_failed")
        for rule in ("required checks", "promotion order", "locks", *(f"rule {number}" for number in range(27)), "end")
    ),
)
RULES = tuple(Rule(count=1, groups=groups) for groups in GROUPS)
APPROVAL = Approval(
    id="D-1042/1",
    subject="D-1042",
    digest="d",
    rules=RULES,
    requester=MIA,
    expires_at=AT + timedelta(hours=4),
    opened_at=AT,
    excluded=dict.fromkeys(PEOPLE, "wrote a commit"),
    excluded_emails={f"{number}@example.org": "wrote a commit" for number in range(40)},
    votes=tuple(
        Cast(person=person, vote=Vote.APPROVE if number % 3 else Vote.REVOKE, groups=GROUPS[number], at=AT)
        for number, person in enumerate(PEOPLE[:30])
    ),
)
STANDING = Standing(APPROVAL, tally(RULES, {}, frozenset()))
BEFORE = Before(
    generation=1,
    plan_digest="d0",
    release=Release(sha="c" * 40, version="1.4.2-rc"),
    base=Release(sha="d" * 40, version="1.3.0"),
    asks=HUGE.asks[:15],
    lines=tuple(Line(sha=f"{number:040x}", title=LONG, author=NAMES[0]) for number in range(100, 120)),
    added=tuple(f"{number:040x}" for number in range(100, 300)),
    total=200,
)


def name_of(person: Person) -> str:
    return f"{person.user.lower()} {'the long' * 4}"


def huge(state: State):
    return deployment(
        state,
        plan=HUGE.to_json(),
        reason=LONG,
        words=f"refused because {LONG}",
        code="checks_failed",
        deploy_run="local:1",
        parked_why="",
    )


def judged(message: Message) -> str:
    """Have the schema judge a message in each of its forms; it has one page, and room to spare; return its text."""
    for rich in (True, False):
        rendered = blocks.render(message, rich=rich)
        message_blocks(rendered)
        assert len(rendered) < 50
        assert len(blocks.paged(message, rich=rich)) == 1, "nothing was left out"
        texts = [text for block in rendered for text in _texts(block)]
        assert max(len(text) for text in texts) < 3000, "nothing was cut in its middle"
    assert len(blocks.plain(message)) <= 3000
    return plainly(message)


def _texts(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@pytest.mark.parametrize("state", list(State))
def test_the_card_of_each_state_is_whole(state: State):
    shown = replace(huge(state), before=BEFORE.to_json() if state is State.AWAITING_APPROVAL else None)
    text = judged(messages.card(shown, View(name_of=name_of, standing=STANDING, ahead="D-1041")))
    if state is State.AWAITING_APPROVAL:
        assert "…197 more in the thread" in text
        assert "and 36 more" in text, "authors and who is not counted"
        assert "until" in text
    for message in (messages.broadcast(shown, name_of), messages.told(shown, name_of)):
        if message is not None:
            judged(message)


def test_what_is_asked_and_told_is_whole():
    shown = huge(State.AWAITING_APPROVAL)
    differs = compared(BEFORE, shown.release, HUGE)
    for message in (
        approval_messages.asked(shown, APPROVAL, PEOPLE, name_of, differs),
        approval_messages.asked_alone(shown, APPROVAL, name_of, differs, had_approved=True),
        approval_messages.asked_anew(shown, differs, had_approved=True),
        approval_messages.reminded(shown, STANDING, name_of),
        approval_messages.answered(shown, LONG),
    ):
        judged(message)
    crowd = [Person("T", f"U0CROWD{number:04}") for number in range(300)]
    assert "and 250 more" in judged(approval_messages.asked(shown, APPROVAL, crowd, name_of))


def test_the_thread_names_twenty_and_counts_the_rest():
    message = plan_messages.details(huge(State.AWAITING_APPROVAL))
    assert message is not None
    text = judged(message)
    assert "…180 more" in text
    assert "compare" in text


def test_the_plan_in_full_fits():
    reply = replies.plan(huge(State.AWAITING_APPROVAL))
    for rich in (True, False):
        for page in blocks.paged(reply, rich=rich):
            message_blocks(page)
    assert len(json.dumps(blocks.render(reply, rich=False))) < 40_000
