"""What holds for any text and any arguments."""

import contextlib
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies as st

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

COMMANDS = (deploy, rollback, reject, scale)

visible = st.text(max_size=12).filter(lambda text: arguments.clean(text) == text)
awkward = st.sampled_from(
    ["to", "in", "--", "--dry-run", "-x", "–dash", "@1", "a@b", "a/b", "it's", "“x”", "a b", "\\", "`", '"']
)
value = visible | awkward
filled = value.filter(bool)

deploys = st.builds(
    DeployArgs,
    service=value,
    version=st.none() | value,
    environment=st.none() | value,
    target=value,
    dry_run=st.booleans(),
    reason=st.none() | value,
)
rollbacks = st.builds(RollbackArgs, service=value, environment=value, version=st.none() | value)
free_text = st.text(max_size=60).filter(lambda text: arguments.clean(text) == text) | st.lists(value).map(" ".join)
rejects = st.builds(RejectArgs, deployment=value, reason=free_text, quietly=st.booleans())
scales = st.builds(
    ScaleArgs,
    service=st.none() | value,
    environment=st.none() | value,
    count=st.integers(-(10**18) + 1, 1000),
    wait=st.none() | st.integers(0, 3650 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    size=st.sampled_from(Size),
    checks=st.booleans(),
    note=free_text,
)
wishes = st.one_of(
    st.tuples(st.just(deploy), deploys),
    st.tuples(st.just(rollback), rollbacks),
    st.tuples(st.just(reject), rejects),
    st.tuples(st.just(scale), scales),
)


@given(wish=wishes)
@settings(max_examples=200, deadline=None)
def test_formatted_arguments_parse_to_the_same(wish):
    command, args = wish
    assert arguments.parse(command, arguments.format(command, args)) == args


@given(wish=wishes)
def test_what_a_button_carries_builds_the_same(wish):
    command, args = wish
    carried = arguments.as_mapping(command, args)
    if all(carried.values()):  # an empty text is, to a form, no answer
        assert arguments.build(command, carried) == args


grammar_bits = st.sampled_from(
    [
        "checkout",
        "@",
        "/",
        "to",
        "in",
        "--",
        "--dry-run",
        "--for",
        "=",
        "–",
        "“",
        "'",
        '"',
        "`",
        "\\",
        " ",
        "\u00a0",
        "<@U1>",
        "&amp;",
    ]
)
any_text = st.text(st.characters()) | st.lists(grammar_bits | st.text(max_size=3), max_size=40).map("".join)


@given(command=st.sampled_from(COMMANDS), text=any_text)
@settings(max_examples=200, deadline=None)
def test_any_text_gives_arguments_or_what_is_missing_or_a_reason(command, text):
    text = arguments.unwrap(arguments.clean(arguments.from_slack(text)))
    try:
        args = arguments.parse(command, text)
    except BadInput as caught:
        error = caught
    else:
        assert isinstance(args, Incomplete | command.args)
        if not isinstance(args, Incomplete):
            assert arguments.parse(command, arguments.format(command, args)) == args
        return
    assert error.code
    assert len(str(error)) < 1_000


@given(command=st.sampled_from(COMMANDS), values=st.dictionaries(st.sampled_from(["service", "count", "x"]), any_text))
def test_any_mapping_gives_arguments_or_what_is_missing_or_a_reason(command, values):
    with contextlib.suppress(BadInput):
        assert isinstance(arguments.build(command, values), Incomplete | command.args)


@given(text=st.text(st.characters(), max_size=200))
def test_cleaning_twice_changes_nothing_more_and_leaves_what_a_store_takes(text):
    cleaned = arguments.clean(text)
    assert arguments.clean(cleaned) == cleaned
    assert "\x00" not in cleaned
    cleaned.encode()


@pytest.mark.parametrize("piece", ['"', "“a", "'\\", "a@", "--x ", "–", "<@", "to ", "\u200d", 'a="'])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_longest_text_takes_no_time_to_speak_of(command, piece):
    text = (piece * arguments.MAX_TEXT)[: arguments.MAX_TEXT]
    began = time.process_time()
    with contextlib.suppress(BadInput):
        arguments.parse(command, arguments.unwrap(arguments.from_slack(text)))
    assert time.process_time() - began < 2  # quadratic behaviour would take minutes
