"""The one road: who may do what, what is recorded, and what people read when it ends early."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.arguments import Incomplete
from bot.command import Trigger
from bot.dispatch import Parsed
from bot.errors import BadInput
from bot.reply import Buttons, Reply
from tests.dispatch.commands import TOOL_ERRORS, PlaceArgs, deploy
from tests.dispatch.conftest import ACCOUNT, GUEST, MIA, NAMED_STRANGER, STRANGER, TOM, Yard


def buttons(reply: Reply):
    return [button for part in reply.parts if isinstance(part, Buttons) for button in part.buttons]


@pytest.mark.parametrize(
    "text",
    [
        "deploy checkout to staging",
        "Deploy checkout to staging",
        "/deploy checkout to staging",
        "/shipmate deploy checkout to staging",
        "shipmate deploy: checkout to staging",
        "`deploy checkout to staging`",
        "`deploy` checkout to staging",
        "deploy\u00a0checkout\nto staging",
    ],
)
def test_a_command_is_found_however_it_is_begun(yard, text):
    parsed = yard.dispatcher.parse(yard.asks(text))
    assert parsed == Parsed(deploy, PlaceArgs(service="checkout", environment="staging"))


def test_slack_s_formatting_is_undone_for_slack_and_left_alone_in_a_terminal(yard):
    sent = "deploy checkout@<http://a.io|a.io>&amp;b"
    assert yard.dispatcher.parse(yard.asks(sent)).args.version == "a.io&b"
    in_terminal = yard.asks("deploy checkout@&amp;", trigger=Trigger.TERMINAL)
    assert yard.dispatcher.parse(in_terminal).args.version == "&amp;"


def test_a_button_says_command_and_arguments(yard):
    pressed = yard.asks("", command="deploy", args={"service": "checkout", "dry_run": "yes"}, trigger=Trigger.BUTTON)
    assert yard.dispatcher.parse(pressed).args == PlaceArgs(service="checkout", dry_run=True)


def test_what_is_missing_is_handed_back_to_be_asked_for(yard):
    assert yard.dispatcher.parse(yard.asks("deploy to staging")) == Incomplete(
        deploy, {"environment": "staging"}, ("service",)
    )


def test_a_mistyped_command_offers_the_right_one_as_a_button(yard):
    with pytest.raises(BadInput, match=r'"delpoy" is no command\. Did you mean deploy\?') as caught:
        yard.dispatcher.parse(yard.asks("delpoy checkout@2 to staging"))
    first, *_ = caught.value.moves
    assert (first.label, first.command) == ("deploy checkout@2 to staging", "deploy")
    assert first.args == {"service": "checkout", "version": "2", "environment": "staging"}
    with pytest.raises(BadInput) as caught:
        yard.dispatcher.parse(yard.asks("delpoy"))
    assert caught.value.moves[0].ask
    with pytest.raises(BadInput, match=r'"xyzzy" is no command\. help lists what you can ask\.'):
        yard.dispatcher.parse(yard.asks("xyzzy " + "y" * 4_000))


bits = st.sampled_from(
    ["deploy", "/", "shipmate", " ", "checkout", "@", "`", "“", "–dry-run", "<@U1|x>", "&amp;", "\u00a0"]
)


@given(
    text=st.text(st.characters()) | st.lists(bits | st.text(max_size=3), max_size=20).map("".join),
    command=st.sampled_from(["", "deploy", "where", "xyz"]),
    args=st.dictionaries(st.sampled_from(["service", "version", "dry_run", "odd"]), st.text(), max_size=3),
    trigger=st.sampled_from(Trigger),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_whatever_arrives_is_understood_or_refused_with_a_reason(yard, text, command, args, trigger):
    try:
        parsed = yard.dispatcher.parse(yard.asks(text, command=command, args=args, trigger=trigger))
    except BadInput as caught:
        error = caught
    else:
        assert isinstance(parsed, Parsed | Incomplete)
        return
    assert error.code
    assert len(str(error)) < 1_000
    for move in error.moves:
        assert move.command in yard.registry


async def test_empty_text_is_help(yard):
    reply = await yard.answer("   ")
    assert "deploy" in reply.summary


async def test_a_read_is_answered_without_a_trace_in_the_audit_log(yard):
    assert (await yard.answer("where checkout")).summary == "checkout runs 1.4.2"
    assert await yard.entries() == []


async def test_a_sensitive_read_is_audited(yard):
    assert (await yard.answer("people", TOM)).summary == "mia and tom"
    assert [(entry.action, entry.outcome) for entry in await yard.entries()] == [
        ("people", "allowed"),
        ("people", "succeeded"),
    ]


async def test_a_change_is_recorded_before_and_after_with_the_rule_that_allowed_it(yard):
    reply = await yard.answer("deploy checkout@2 to stage")
    assert reply.subject == "D-1"
    before, after = await yard.entries()
    assert (before.actor, before.action, before.outcome) == (MIA, "deploy", "allowed")
    assert (before.resource.service, before.resource.environment) == ("checkout", "staging")
    assert before.rule == "developers may deployment.start on checkout/staging (permissions[1])"
    assert before.data == {
        "asked": "deploy checkout@2 to stage",
        "trigger": "slash",
        "channel": "-/T1/C1",
        "permission": "deployment.start",
    }
    assert (after.outcome, after.subject, after.request_id) == ("succeeded", "D-1", before.request_id)


async def test_without_the_permission_nothing_runs_and_who_could_is_said(yard):
    reply = await yard.answer("deploy checkout to prod")
    assert reply.code == "not_allowed"
    assert reply.summary == (
        "You may not deploy on checkout/production: that needs the permission deployment.start. "
        "Who could: release-managers, account:ci."
    )
    assert [button.command for button in buttons(reply)] == ["access ask", "access show"]
    assert yard.notes.ran == []
    assert [(entry.outcome, entry.rule) for entry in await yard.entries()] == [
        ("refused", "no grant of yours gives deployment.start on checkout/production")
    ]
    assert (await yard.answer("deploy checkout to prod", TOM)).code == ""
    assert (await yard.answer("deploy checkout to prod", ACCOUNT, trigger=Trigger.TERMINAL)).code == ""


@pytest.mark.parametrize("text", ["hold checkout to staging --explain", "where checkout --EXPLAIN"])
async def test_any_command_says_by_which_rule_it_would_be_done_and_does_nothing(yard, text):
    reply = await yard.answer(text)
    assert reply.code == ""
    assert "you may; nothing was done" in reply.summary
    assert "permissions[" in str(reply.parts)
    assert yard.notes.ran == []
    assert await yard.entries() == []


async def test_explain_says_who_could_where_one_may_not(yard):
    reply = await yard.answer("people --explain")
    assert "you may not; nothing was done" in reply.summary
    assert "Who could: release-managers" in str(reply.parts)


async def test_a_change_whose_target_is_not_said_needs_the_right_for_all(yard):
    assert (await yard.answer("deploy checkout")).code == "not_allowed"
    assert (await yard.answer("deploy checkout", TOM)).code == ""


@pytest.mark.parametrize("text", ["help", "where checkout", "deploy checkout to staging", "health", "access"])
async def test_guests_and_strangers_may_do_nothing_unless_a_grant_names_them(yard, text):
    assert (await yard.answer(text, GUEST, guest=True)).code == "guest"
    assert (await yard.answer(text, STRANGER, ours=False)).code == "outsider"
    assert yard.notes.ran == []


async def test_a_stranger_whom_a_grant_names_has_that_and_nothing_that_everyone_has(yard):
    named = {"person": NAMED_STRANGER, "ours": False}
    assert (await yard.answer("deploy checkout to staging", **named)).code == ""
    assert (await yard.answer("deploy search to staging", **named)).code == "not_allowed"
    assert (await yard.answer("where checkout", **named)).code == "not_allowed"
    assert (await yard.answer("help", **named)).code == ""


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("deploy chekout to staging", '"chekout" is no service in the catalog', "Deploy checkout to staging"),
        ("deploy checkout to prodution", '"prodution" is no environment of checkout', "Deploy checkout to production"),
    ],
)
async def test_a_mistyped_place_offers_the_right_one_as_a_button(yard, text, says, line):
    reply = await yard.answer(text)
    assert says in reply.summary
    assert reply.code in {"unknown_service", "unknown_environment"}
    assert [button.label for button in buttons(reply)] == [line]
    assert yard.notes.ran == []


@pytest.mark.parametrize("trigger", [Trigger.MENTION, Trigger.REACTION])
async def test_what_anybody_s_token_can_make_only_brings_up_the_button(yard, trigger):
    reply = await yard.answer("deploy checkout@2 to staging", trigger=trigger)
    assert reply.code == "press_to_confirm"
    (button,) = buttons(reply)
    assert (button.label, button.command, button.ask) == ("Deploy checkout@2 to staging", "deploy", False)
    assert button.args == {"service": "checkout", "version": "2", "environment": "staging"}
    assert not reply.share
    assert yard.notes.ran == []
    assert await yard.entries() == []


async def test_a_mention_of_what_decides_nothing_is_simply_answered(yard):
    assert (await yard.answer("where checkout", trigger=Trigger.MENTION)).summary == "checkout runs 1.4.2"


async def test_a_change_that_comes_too_late_is_offered_again_not_run(yard):
    at = yard.clock.now() - timedelta(minutes=10)
    reply = await yard.answer("deploy checkout to staging", at=at)
    assert reply.code == "late"
    assert reply.summary == "Not run: you asked 10 minutes ago to deploy checkout to staging. Is it still wanted?"
    assert [button.label for button in buttons(reply)] == ["Deploy checkout to staging"]
    assert yard.notes.ran == []
    assert (await yard.answer("deploy checkout to staging", at=yard.clock.now() - timedelta(minutes=5))).code == ""
    assert (await yard.answer("where checkout", at=at)).code == ""


async def test_a_refusal_by_the_command_itself_is_answered_and_recorded(yard):
    reply = await yard.answer("frozen checkout to staging")
    assert (reply.code, reply.summary) == ("frozen", "checkout is frozen until Monday.")
    assert [(entry.outcome, entry.data.get("code")) for entry in await yard.entries()] == [
        ("allowed", None),
        ("refused", "frozen"),
    ]


@pytest.mark.parametrize("code", TOOL_ERRORS)
async def test_a_tool_s_trouble_is_told_by_what_to_do_next(yard, code):
    yard.notes.raises = lambda: TOOL_ERRORS[code]
    reply = await yard.answer("where checkout")
    assert reply.code == code
    assert "jenkins-eu" in reply.summary or code == "store_unavailable"


async def test_a_mistake_of_ours_is_told_with_an_id_that_is_in_the_audit_log(yard):
    yard.notes.raises = lambda: ZeroDivisionError("secret detail")
    reply = await yard.answer("deploy checkout to staging")
    assert reply.code == "broken"
    assert "secret" not in reply.summary
    *_, after = await yard.entries()
    assert after.outcome == "failed"
    assert after.data["error_id"] in reply.summary


async def test_a_change_that_cannot_be_recorded_is_not_made(yard, store):
    async with store.write() as tx:
        await tx.conn.exec_driver_sql("DROP TABLE audit_entries")
    reply = await yard.answer("deploy checkout to staging")
    assert reply.code == "broken"
    assert yard.notes.ran == []


async def test_one_who_leaves_in_the_middle_is_not_told_anything(yard):
    invocation = yard.asks("hold checkout to staging")
    running = asyncio.create_task(yard.dispatcher.answer(invocation, yard.dispatcher.parse(invocation)))
    await yard.notes.began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nobody_s_long_words_make_a_long_answer(yard: Yard):
    for text in ("deploy " + "x" * 4_000 + " to staging", "x" * 4_000, "deploy checkout to staging " + "y" * 4_000):
        invocation = yard.asks(text)
        try:
            reply = await yard.answer(text)
        except BadInput as error:
            reply = error.reply()
        assert len(reply.summary) < 400, invocation
