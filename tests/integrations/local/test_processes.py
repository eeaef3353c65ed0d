"""A process is never taken for another that got its number."""

import os
import signal
import subprocess
import sys

from integrations.local.processes import ProcessId, alive, end_session, identify, send


def test_this_process_is_identified_and_alive():
    own = identify(os.getpid())
    assert own is not None
    assert alive(own)
    assert ProcessId.from_json(own.to_json()) == own


def test_a_number_used_again_is_not_the_process_that_had_it():
    earlier = ProcessId(os.getpid(), "some-boot:1")
    assert not alive(earlier)
    send(earlier, signal.SIGKILL)
    end_session(earlier, grace=0)  # we are still here: nothing was sent


def test_a_process_that_ended_is_not_alive_also_before_it_is_collected():
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        known = identify(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(known)
        assert identify(process.pid) is None
    assert not alive(None)


def test_a_session_is_ended_with_those_who_ignore_the_first_word():
    script = "trap '' TERM; sh -c \"trap '' TERM; echo ready; while :; do sleep 0.05; done\""
    with subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        end_session(identify(process.pid), grace=0.1)
        assert process.wait(10) == -signal.SIGKILL
        assert process.stdout.read() == b""  # closed: nobody of the session holds it any more


def test_what_is_no_identity_is_none():
    assert ProcessId.from_json(None) is None
    assert ProcessId.from_json({"pid": "7"}) is None
