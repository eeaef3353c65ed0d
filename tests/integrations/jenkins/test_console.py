"""Consoles: long, coloured, badly encoded, with hidden notes and our own secrets; read in pieces with bounds."""

import pytest

from integrations.capabilities.runs import RunState
from integrations.jenkins.console import CHUNK, clean, last_words, read_chunk
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import ended, eventually, log_of
from tests.servers.jenkins import Build


async def started(jenkins, server):
    ref = await jenkins.start_build(jobs.build("r-1"))

    async def look():
        build = server.job("shop/build").builds.get(1)
        begun = build is not None and "Started by" in (await jenkins.read_log(ref)).text
        return build if begun else None

    return ref, await eventually(look)


async def test_a_console_is_followed_as_it_grows(jenkins, server):
    jobs.add(server)
    ref, build = await started(jenkins, server)
    first = await jenkins.read_log(ref)
    assert (first.text, first.more) == ("Started by user bot\n", True)
    build.console.note("job/other/1")  # hidden, and counted in the offset
    build.say("two")
    second = await jenkins.read_log(ref, first.next_offset)
    assert (second.text, second.more) == ("two\n", True)
    assert (await jenkins.read_log(ref, second.next_offset)).text == ""
    build.finish()
    last = await jenkins.read_log(ref, second.next_offset)
    assert (last.text, last.more) == ("Finished: SUCCESS\n", False)


async def test_a_console_of_500_megabytes(jenkins, server):
    jobs.add(server)
    ref, build = await started(jenkins, server)
    build.say("the beginning")
    build.console.write(b"x" * 99 + b"\n", times=5_000_000)
    build.say("the end: it broke")
    build.finish("FAILURE")
    first = await jenkins.read_log(ref)
    assert "the beginning" in first.text
    assert len(first.text.encode()) <= CHUNK
    assert first.more
    assert "KiB left out" in first.text
    assert f"{server.url}/job/shop/job/build/1/consoleText" in first.text
    second = await jenkins.read_log(ref, first.next_offset)
    assert len(second.text.encode()) <= CHUNK
    assert second.text.endswith("the end: it broke\nFinished: FAILURE\n")
    assert set(second.text.split("\n", 1)[0]) == {"x"}  # begins with a whole line
    assert not second.more
    run = await jenkins.get_run(ref)
    assert (run.state, run.reason) == (RunState.FAILED, "failure; the end: it broke")


async def test_a_console_of_some_megabytes_is_read_whole(jenkins, server):
    jobs.add(server)
    ref, build = await started(jenkins, server)
    for number in range(1000):
        build.console.note(f"note {number}")  # so that no length fits an offset
        build.say(f"{number} {'y' * 1500} ümlaut")
    build.finish()
    text = await log_of(jenkins, ref)
    assert [int(line.split()[0]) for line in text.splitlines() if "ümlaut" in line] == list(range(1000))
    assert "left out" not in text


async def test_a_console_is_plain_text(jenkins, server):
    async def colours(build: Build) -> None:
        build.console.write(b"\x1b[31;1mred\x1b[0m \x1b]0;title\x07caf\xe9 \xff\x00 50%\r100%\r\n")
        build.say(f"token {server.token} in the log")

    jobs.add(server, script=colours)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await ended(jenkins, ref)
    text = await log_of(jenkins, ref)
    assert "red caf\ufffd \ufffd 50%\n100%\n" in text
    assert "token **** in the log" in text
    assert "\x1b" not in text


async def test_a_log_that_is_no_console_is_a_bad_reply(jenkins, server):
    from integrations.errors import BadReply  # noqa: PLC0415

    jobs.add(server, script=jobs.succeeds)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await ended(jenkins, ref)
    server.faults.answer("GET .*/progressiveText", 200, "<html>Sign in</html>")
    with pytest.raises(BadReply, match="HTML"):
        await jenkins.read_log(ref)


def test_a_console_that_was_replaced_by_a_shorter_one_is_over():
    from integrations.jenkins.connection import LogPart  # noqa: PLC0415

    chunk = read_chunk(
        lambda _start, _limit: LogPart(b"all of it\n", 10, growing=False, whole=True), 50 << 24, secrets=(), url=""
    )
    assert (chunk.text, chunk.more) == ("", False)


@pytest.mark.parametrize(
    ("console", "words"),
    [
        (
            "one\nerror: it broke\nBuild step 'Execute shell' marked build as failure\nFinished: FAILURE\n",
            "error: it broke",
        ),
        (
            "[Pipeline] }\n[Pipeline] End of Pipeline\nERROR: script returned exit code 1\nFinished: FAILURE",
            "ERROR: script",
        ),
        ("Started by user bot\n", ""),
    ],
)
def test_the_last_words_are_the_builds_own(console, words):
    assert last_words(console).startswith(words)
    assert bool(last_words(console)) == bool(words)


def test_cleaning_hides_what_a_terminal_would_do():
    assert clean(b"a\x1b[2K\x1b[1Ab\x1b(Bc\x08", ()) == "ab(Bc"
