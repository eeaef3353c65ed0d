"""Commands of two words: the longest name wins, typos are understood, and names with values stay out of records."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import pytest

from bot import arguments
from bot.command import Effect, Invocation, Pairs, Trigger, arg, command
from bot.dispatch import Parsed
from bot.errors import BadInput
from bot.identity import Person
from bot.registry import Registry
from bot.reply import text
from bot.slack import modals
from integrations.capabilities.runs import Parameter, ParameterKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArgs:
    service: Annotated[str, arg("service")]
    ref: Annotated[str | None, arg("ref")] = None
    param: Annotated[Pairs | None, arg("a parameter", flag="--param")] = None


@command("build run", permission="build.start", args=RunArgs, effect=Effect.CHANGE, examples=("build run checkout",))
async def run(_call, _args):
    """Start a build."""
    return text("")


@command("build logs", permission="build.read", args=RunArgs, effect=Effect.READ)
async def logs(_call, _args):
    """Show a log."""
    return text("")


@command("bill", permission="x", args=RunArgs, effect=Effect.READ)
async def bill(_call, _args):
    """Do something else."""
    return text("")


REGISTRY = Registry([run, logs, bill])


@pytest.mark.parametrize(
    ("line", "name", "behind"),
    [
        ("build run checkout main", "build run", "checkout main"),
        ("BUILD   Run checkout", "build run", "checkout"),
        ("bill run checkout", "bill", "run checkout"),
        ("build", "build", ""),
        ("biuld run checkout", "biuld run", "checkout"),
        ("build: run checkout", "build run", "checkout"),
    ],
)
def test_the_longest_name_wins(line, name, behind):
    assert REGISTRY.split(line) == (name, behind)


@pytest.mark.parametrize(
    ("typed", "meant"), [("biuld run", "build run"), ("build rnu", "build run"), ("build lgos", "build logs")]
)
def test_typos_in_either_word_are_understood(typed, meant):
    assert REGISTRY.near(typed) is REGISTRY[meant]
    with pytest.raises(BadInput, match=f"Did you mean {meant}"):
        REGISTRY.find(typed)


def test_an_unknown_second_word_names_the_others():
    with pytest.raises(BadInput, match="There are build run, build logs"):
        REGISTRY.find("build zzzzzz")


def test_a_group_is_no_command():
    @command("build", permission="x", args=RunArgs, effect=Effect.READ)
    async def both(_call, _args):
        """Do both."""
        return text("")

    with pytest.raises(ValueError, match="'build' is a command and a group"):
        Registry([run, both])


def parsed(line: str):
    return arguments.parse(run, line)


def test_pairs_are_given_again_and_again():
    args = parsed('checkout --param STAGE=qa --param=NOTE="two words" --param URL=a=b')
    assert isinstance(args, RunArgs)
    assert args.param == {"STAGE": "qa", "NOTE": "two words", "URL": "a=b"}
    assert parsed(arguments.format(run, args)) == args
    assert arguments.build(run, arguments.as_mapping(run, args)) == args


def test_values_of_pairs_are_in_no_record():
    line = arguments.line(run, parsed("checkout --param TOKEN=hunter2"))
    assert "hunter2" not in line
    assert "TOKEN" in line


@pytest.mark.parametrize(
    ("line", "code"), [("checkout --param STAGE", "bad_value"), ("checkout --param A=1 --param A=2", "given_twice")]
)
def test_a_pair_that_is_none_is_refused(line, code):
    with pytest.raises(BadInput) as caught:
        parsed(line)
    assert caught.value.code == code


def test_pairs_have_inputs_of_their_own():
    inputs = (
        Parameter(name="STAGE", kind=ParameterKind.CHOICE, choices=("qa", "prod"), required=True),
        Parameter(name="DRY", kind=ParameterKind.BOOLEAN, default="true"),
        Parameter(name="TOKEN", kind=ParameterKind.SECRET, default="never shown"),
        Parameter(name="NOTE", default="hello"),
    )
    wish = Invocation(
        delivery_id="d",
        trigger=Trigger.BUTTON,
        person=Person(team="T1", user="U1"),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    view = modals.build(run, {"service": "checkout", "param": '{"STAGE": "prod"}'}, wish, inputs=inputs)
    elements = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert elements["pair:param:STAGE"]["initial_option"]["value"] == "prod"
    assert elements["pair:param:DRY"]["type"] == "checkboxes"
    assert "never shown" not in str(view)
    state = {
        "arg:service": {"service": {"type": "plain_text_input", "value": "checkout"}},
        "pair:param:STAGE": {"value": {"type": "static_select", "selected_option": {"value": "qa"}}},
        "pair:param:DRY": {"value": {"type": "checkboxes", "selected_options": []}},
        "pair:param:NOTE": {"value": {"type": "plain_text_input", "value": None}},
    }
    given = modals.values({"state": {"values": state}}, run)
    args = arguments.build(run, given)
    assert isinstance(args, RunArgs)
    assert (args.service, args.param) == ("checkout", {"STAGE": "qa", "DRY": "false"})
    assert Parsed(run, args).command is run
