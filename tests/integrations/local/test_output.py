"""The log on disk: bounded, and read in pieces without a gap that is not told."""

import errno
import re

import pytest
from hypothesis import given, strategies as st

from integrations.local.output import OutputWriter, read_output, tail_of


def read_all(folder, *, over: bool = True) -> str:
    text, offset = "", 0
    while True:
        piece, after, more = read_output(folder, offset, over=over)
        text += piece
        if not more:
            return text
        assert after > offset
        offset = after


@given(writes=st.lists(st.text(max_size=300).map(str.encode), max_size=40))
def test_what_fits_is_read_as_it_was_written(tmp_path_factory, writes):
    folder = tmp_path_factory.mktemp("log")
    writer = OutputWriter(folder, 1 << 20)
    for data in writes:
        writer.write(data)
    assert read_all(folder) == b"".join(writes).decode()


@given(pieces=st.lists(st.integers(min_value=1, max_value=5000), min_size=1, max_size=60))
def test_a_flood_keeps_head_and_tail_within_the_limit(tmp_path_factory, pieces):
    folder, limit = tmp_path_factory.mktemp("log"), 16 * 1024
    writer = OutputWriter(folder, limit)
    numbers = iter(range(10**9))
    data = b"".join(b"%08d\n" % next(numbers) for _ in range(sum(pieces) // 9 + 1))
    at = 0
    for size in pieces:
        writer.write(data[at : at + size])
        at += size
    written = data[:at].decode()
    assert sum(file.stat().st_size for file in folder.iterdir()) <= limit + 4096
    text = read_all(folder)
    gap = re.search(r"\n\[… (\d+) bytes left out …\]\n", text)
    if gap is None:
        assert text == written
    else:
        head, tail = text[: gap.start()], text[gap.end() :]
        assert written.startswith(head)
        assert written.endswith(tail)
        assert len(head) + int(gap[1]) + len(tail) == len(written)
        assert len(head) >= limit // 2 - 4096
        assert len(tail) >= limit // 4 - 4096


def test_a_character_that_is_half_written_waits_for_its_other_half(tmp_path):
    writer = OutputWriter(tmp_path, 1 << 20)
    writer.write("a€".encode()[:-1])
    assert read_output(tmp_path, 0, over=False) == ("a", 1, True)
    writer.write("€".encode()[-1:])
    assert read_output(tmp_path, 1, over=False) == ("€", 4, False)


def test_of_a_run_that_is_over_half_a_character_is_shown(tmp_path):
    OutputWriter(tmp_path, 1 << 20).write(b"a\xe2\x82")
    assert read_output(tmp_path, 0, over=True) == ("a�", 3, False)


def test_a_chunk_is_at_most_256_kibibytes(tmp_path):
    OutputWriter(tmp_path, 4 << 20).write(b"x" * 700_000)
    text, after, more = read_output(tmp_path, 0, over=True)
    assert (len(text), after, more) == (256 * 1024, 256 * 1024, True)
    assert len(read_all(tmp_path)) == 700_000


@pytest.mark.parametrize("offset", [-5, 10**12])
def test_an_offset_from_nowhere_is_brought_back(tmp_path, offset):
    OutputWriter(tmp_path, 1 << 20).write(b"abc")
    text, after, more = read_output(tmp_path, offset, over=True)
    assert (text, after, more) in {("abc", 3, False), ("", 3, False)}


def test_a_full_disk_drops_output_and_nothing_else(tmp_path):
    first = tmp_path / f"{0:015d}"
    first.symlink_to("/dev/full")
    with pytest.raises(OSError, match=str(errno.ENOSPC)), first.open("ab") as full:
        full.write(b"x" * 100_000)  # what the writer meets
    writer = OutputWriter(tmp_path, 1 << 20)
    writer.write(b"lost")
    first.unlink()  # there is room again
    writer.write(b"kept\n")
    assert tail_of(tmp_path, 1) == ["kept"]
    assert read_all(tmp_path) == "\n[… 4 bytes left out …]\nkept\n"
