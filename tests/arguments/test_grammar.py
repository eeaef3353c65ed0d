"""What people type, and what it means."""

from datetime import timedelta

import pytest

from bot import arguments
from bot.arguments import Incomplete
from bot.errors import BadInput
from tests.arguments.commands import (
    DeployArgs,
    RejectArgs,
    RollbackArgs,
    ScaleArgs,
    Size,
    deploy,
    reject,
    rollback,
    scale,
)

FULL = DeployArgs(service="checkout", version="1.4.2", environment="production", target="eu", dry_run=True)


@pytest.mark.parametrize(
    "words",
    [
        "checkout@1.4.2 to production/eu --dry-run",
        "--dry-run checkout@1.4.2 to production/eu",
        "to production/eu --dry-run checkout@1.4.2",
        "checkout @1.4.2 in production/eu --dry-run",
        "checkout@1.4.2 on production /eu --DRY-RUN",
        "checkout@1.4.2 to production/eu –dry-run",
        "checkout@1.4.2 to production/eu —dry-run",
        "checkout@1.4.2 to production/eu -–dry_run",
        "checkout@1.4.2 to production/eu -dry-run",
        "checkout@1.4.2\u00a0to\u2009production/eu\u3000--dry-run",
        "\u200bcheckout@1.4.2 \ufeffto production\u200d/eu --dry\u00ad-run",
        '“checkout”@1.4.2 to "production"/eu --dry-run=yes',
        "`checkout@1.4.2` to 'production'/eu --dry-run",
        "--service checkout --version=1.4.2 --environment production --target=eu --dry-run",
        "checkout@1.4.2 TO production/eu --dry-run --dry-run",
    ],
)
def test_one_wish_can_be_typed_in_many_ways(words):
    assert arguments.parse(deploy, words) == FULL


def test_to_in_and_on_mean_what_the_command_says_where_it_has_both():
    expected = RollbackArgs(service="checkout", environment="production", version="1.4.1")
    assert arguments.parse(rollback, "checkout in production to 1.4.1") == expected
    assert arguments.parse(rollback, "checkout to 1.4.1 on production") == expected


def test_quotes_hold_words_together_and_keep_marks_and_keywords_apart():
    assert arguments.parse(deploy, '"a@b c"@"1 2" --reason="it\'s --late"') == DeployArgs(
        service="a@b c", version="1 2", reason="it's --late"
    )
    assert arguments.parse(deploy, "'to' --reason ''") == DeployArgs(service="to", reason="")


def test_the_first_mark_joins_and_further_ones_belong_to_the_value():
    args = arguments.parse(deploy, "checkout@feature/x@2 to production")
    assert args == DeployArgs(service="checkout", version="feature/x@2", environment="production")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("D-1042 too   risky, it's Friday", "too   risky, it's Friday"),
        ('D-1042 "too risky"', "too risky"),
        ("D-1042 ‘too risky’ said tom", "‘too risky’ said tom"),
        ("D-1042 broken since --verbose came", "broken since --verbose came"),
        ("D-1042 first line\nsecond – line", "first line\nsecond – line"),
        ("D-1042 -- --quietly was wrong", "--quietly was wrong"),
        ("D-1042 5” screens & <b>", "5” screens & <b>"),
    ],
)
def test_the_rest_is_taken_as_it_was_typed(words, reason):
    assert arguments.parse(reject, words) == RejectArgs(deployment="D-1042", reason=reason)


def test_a_flag_of_the_command_counts_also_behind_the_rest():
    assert arguments.parse(reject, "D-1042 too risky --quietly") == RejectArgs(
        deployment="D-1042", reason="too risky", quietly=True
    )


def test_values_have_the_types_that_were_declared():
    assert arguments.parse(
        scale, "checkout staging as LARGE --count 12 --for 1d2h30m --checks=off spring sale"
    ) == ScaleArgs(
        service="checkout",
        environment="staging",
        size=Size.LARGE,
        count=12,
        wait=timedelta(days=1, hours=2, minutes=30),
        checks=False,
        note="spring sale",
    )


@pytest.mark.parametrize(
    ("words", "given", "missing"),
    [
        ("", {}, ("service",)),
        ("@1.4.2", {"version": "1.4.2"}, ("service",)),
        ("to staging --dry-run", {"environment": "staging", "dry_run": "yes"}, ("service",)),
        ("checkout to", {"service": "checkout"}, ("environment",)),
        ("checkout --reason --dry-run", {"service": "checkout", "dry_run": "yes"}, ("reason",)),
    ],
)
def test_what_is_missing_is_asked_for_and_the_rest_kept(words, given, missing):
    assert arguments.parse(deploy, words) == Incomplete(deploy, given, missing)


@pytest.mark.parametrize(
    ("command", "words", "code", "says"),
    [
        (deploy, "checkout --dryrun", "unknown_flag", 'no flag "--dryrun". Did you mean --dry-run?'),
        (deploy, "checkout --frobnicate", "unknown_flag", "It has --dry-run, --reason."),
        (
            rollback,
            "checkout --frobnicate",
            "unknown_flag",
            "Usage: rollback <service> [in <environment>] [to <version>]",
        ),
        (deploy, "checkout to a to b", "given_twice", 'to is given twice: "a" and "b".'),
        (deploy, "checkout --reason a --reason b", "given_twice", '--reason is given twice: "a" and "b".'),
        (deploy, "checkout@", "empty_value", 'Nothing stands behind "@"'),
        (scale, "--count many", "bad_value", '"many" is no number for --count'),
        (scale, "--count ٣", "bad_value", "is no number for --count"),
        (scale, "--count 1001", "bad_value", "--count is at most 1000."),
        (scale, "--for 5x", "bad_value", '"5x" is no length of time for --for: write it like 30m, 2h or 1d.'),
        (scale, "--for 999999w", "bad_value", "ten years are the most"),
        (scale, "as larg", "bad_value", '"larg" is no value for as. Did you mean large?'),
        (scale, "as xyz", "bad_value", "Choose one of small, large."),
        (scale, "--checks=perhaps", "bad_value", '"perhaps" is neither yes nor no for --checks.'),
        (deploy, "x" * 12_001, "too_long", "That is 12001 characters"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_move(command, words, code, says):
    with pytest.raises(BadInput) as caught:
        arguments.parse(command, words)
    assert caught.value.code == code
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("checkout --dryrun to staging", ["deploy checkout to staging --dry-run"]),
        ("checkout staging", ["deploy checkout@staging", "deploy checkout to staging"]),
        ("checkout to production eu", ["deploy checkout@eu to production", "deploy checkout to production/eu"]),
        ("checkout@1 dry-run to staging", ["deploy checkout@1 to staging --dry-run"]),
        ("checkout a b c d", []),
    ],
)
def test_a_line_that_can_be_corrected_is_offered_as_a_button(words, lines):
    with pytest.raises(BadInput) as caught:
        arguments.parse(deploy, words)
    assert [move.label for move in caught.value.moves] == lines
    for move in caught.value.moves:
        assert move.command == "deploy"
        assert arguments.line(deploy, arguments.build(deploy, move.args)) == move.label


def test_an_error_about_a_long_text_stays_short():
    with pytest.raises(BadInput) as caught:
        arguments.parse(deploy, "checkout " + "y" * 4_000)
    assert len(str(caught.value)) < 300


def test_a_button_or_modal_fills_in_text_and_leaves_out_what_is_empty():
    values = {"service": "checkout", "version": "", "environment": "production", "dry_run": "yes"}
    assert arguments.build(deploy, values) == DeployArgs(service="checkout", environment="production", dry_run=True)
    assert arguments.build(deploy, {"version": "1"}) == Incomplete(deploy, {"version": "1"}, ("service",))
    with pytest.raises(BadInput, match='deploy has no argument "speed"'):
        arguments.build(deploy, {"service": "checkout", "speed": "11"})


def test_usage_shows_the_form():
    assert arguments.usage(deploy) == (
        "deploy <service>[@<version>] [to <environment>[/<target>]] [--dry-run] [--reason <reason>]"
    )
    assert arguments.usage(reject) == "reject <deployment> <reason…> [--quietly]"
    assert arguments.usage(scale) == (
        "scale [<service>] [<environment>] [--count <count>] [--for <30m|2h|1d>] [as <small|large>] [--checks]"
        " [<note…>]"
    )
