"""The same histories on PostgreSQL, where two processes' transactions really run side by side."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.depth import depth
from tests.histories.locks import LockHistory
from tests.histories.place import PlaceHistory

MACHINES = {"locks": LockHistory, "place": PlaceHistory}


@pytest.mark.slow
@pytest.mark.parametrize("name", MACHINES)
def test_two_processes_on_one_database(postgres_url: str, name: str):
    machine = type(name, (MACHINES[name],), {"url": postgres_url, "replicas": 2})
    run_state_machine_as_test(machine, settings=depth(examples=3, steps=6))
