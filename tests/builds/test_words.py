"""What is read: lengths of time, files in messages, the ends of long logs."""

from datetime import timedelta

import pytest

from bot.amounts import duration
from bot.builds.logs import Tail, read_on, read_whole
from bot.reply import Document, Message
from bot.slack import blocks, codec
from bot.terminal.plain import render
from integrations.capabilities.runs import LogChunk, RunRef

REF = RunRef("builds", "1")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 ms"), (0.42, "420 ms"), (42, "42 s"), (60, "1 min"), (185, "3 min 5 s"), (4320, "1 h 12 min")],
)
def test_lengths_of_time(seconds: float, words: str):
    assert duration(timedelta(seconds=seconds)) == words


def test_a_file_is_named_in_slack_and_printed_in_a_terminal():
    message = Message(summary="The log", parts=(Document("B-1.log", b"one\n\x1b[31mtwo", "Log"),))
    assert "B-1.log is in your direct messages" in str(blocks.render(message))
    assert "B-1.log" in blocks.spelled_out(message)
    assert blocks.documents(message)[0].content.startswith(b"one")
    assert render(message) == "one\n[31mtwo"
    assert "B-1.log" in str(codec.load(codec.dump(message)))


class LongLog:
    """A tracker with one long log; counts how much of it was read."""

    def __init__(self, size: int) -> None:
        self.text = "".join(f"{number:07}\n" for number in range(size // 8))
        self.read = 0

    async def read_log(self, _ref: RunRef, offset: int = 0) -> LogChunk:
        piece = self.text[offset : offset + 256 * 1024]
        self.read += len(piece)
        after = offset + len(piece)
        return LogChunk(text=piece, next_offset=after, more=after < len(self.text))


async def test_the_end_of_a_long_log_is_kept_and_where_it_begins():
    tracker = LongLog(3 * 1024 * 1024)
    tail = await read_on(tracker, REF, Tail())  # type: ignore[arg-type]  # it only reads
    assert tail.text.endswith(tracker.text[-100:])
    assert len(tail.text) == 512 * 1024
    again = await read_on(tracker, REF, Tail(tail.begins_at))  # type: ignore[arg-type]  # the same
    assert again.text == tail.text


async def test_a_whole_log_is_bounded():
    short, long = LongLog(1024 * 1024), LongLog(40 * 1024 * 1024)
    assert (await read_whole(short, REF, 0)).text == short.text  # type: ignore[arg-type]  # it only reads
    known = len(long.text) - 1024 * 1024
    whole = await read_whole(long, REF, known)  # type: ignore[arg-type]  # the same
    assert whole.cut
    assert "the middle is left out" in whole.text
    assert whole.text.startswith(long.text[:1000])
    assert whole.text.endswith(long.text[-1000:])
    assert long.read < 8 * 1024 * 1024
