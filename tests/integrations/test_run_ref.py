"""A run's reference survives being written down, whatever the tool's own id is."""

import pytest
from hypothesis import given, strategies as st

from integrations.capabilities.runs import RunRef, RunState


@given(st.text(min_size=1).filter(lambda text: ":" not in text), st.text(min_size=1))
def test_it_round_trips(instance, ident):
    assert RunRef.parse(str(RunRef(instance, ident))) == RunRef(instance, ident)


@pytest.mark.parametrize("text", ["", "jenkins", ":7", "jenkins:"])
def test_what_is_no_reference_is_named(text):
    with pytest.raises(ValueError, match="instance:id was expected"):
        RunRef.parse(text)


def test_three_states_are_final():
    assert {state for state in RunState if state.final} == {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}
