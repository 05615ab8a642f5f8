"""Our part of somebody else's file: put in, found again, taken out, whatever stands around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UserError
from edge.firmware.fence import BEGIN, END, missing_words, put_block, put_words, take_block, take_words

LINES = st.lists(st.sampled_from([b"", b"# a comment", b"[pi4]", b"dtparam=spi=on", b"\xff\x00", b"x=1\r"]), max_size=6)
FILES = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n"]))
WORDS = st.lists(st.sampled_from(["quiet", "root=/dev/sda2", "panic=3", "cgroup_enable=cpuset", "splash"]), max_size=5)


@given(FILES, st.sampled_from(["a=1", "a=1\nb=2\n"]))
def test_a_block_goes_in_once_and_out_without_a_trace(file: bytes, lines: str) -> None:
    there = put_block(file, lines, "config.txt")
    assert put_block(there, lines, "config.txt") == there
    assert put_block(put_block(there, "other=1", "config.txt"), lines, "config.txt") == there
    assert there.endswith(file)
    assert take_block(there, "config.txt") == file
    assert take_block(file, "config.txt") == file


@given(FILES, FILES)
def test_what_is_written_around_a_block_stays_when_it_changes(above: bytes, below: bytes) -> None:
    above = above and above.removesuffix(b"\n") + b"\n"
    file = above + put_block(b"", "a=1", "config.txt") + below
    changed = put_block(file, "a=2\nb=3", "config.txt")
    assert changed.startswith(above)
    assert changed.endswith(END + b"\n" + below)
    assert take_block(changed, "config.txt") == above + below


def test_a_block_counts_for_every_board_and_so_does_what_comes_after_it() -> None:
    assert put_block(b"x=1\n", "[pi5]\na=1", "config.txt").endswith(b"\n[all]\n" + END + b"\nx=1\n")


def test_a_file_with_windows_line_ends_is_understood() -> None:
    there = put_block(b"a=1\r\n", "b=1", "config.txt").replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
    assert take_block(there, "config.txt") == b"a=1\r\n"


@pytest.mark.parametrize(
    "file", [BEGIN + b"\na=1\n", b"a=1\n" + END, END + b"\n" + BEGIN, (BEGIN + b"\n" + END + b"\n") * 2]
)
def test_a_broken_block_is_said_and_not_guessed_at(file: bytes) -> None:
    for work in (lambda: put_block(file, "a=1", "/boot/config.txt"), lambda: take_block(file, "/boot/config.txt")):
        with pytest.raises(UserError, match=r"^/boot/config\.txt: .* once each"):
            work()


@given(WORDS, st.sampled_from(["", "\n", "\nrest\n"]))
def test_words_go_in_once_and_ours_alone_come_out(words: list[str], end: str) -> None:
    line = (" ".join(words) + end).encode()
    ours = missing_words(line, "panic=10 cgroup_enable=memory")
    there = put_words(line, ours)
    assert missing_words(there, "panic=10 cgroup_enable=memory") == ()
    assert there.count(b"\n") == line.count(b"\n")
    assert "cgroup_enable=memory" in ours
    assert ("panic=10" in ours) == ("panic=3" not in words)
    assert take_words(there, ours).split(b"\n", 1)[0].split() == line.split(b"\n", 1)[0].split()
