"""An update of a packed model: what it makes is the new file to the byte, and nothing else is ever made of it."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.models.packed import delta
from edge.models.packed.delta import MAGIC, apply, diff, is_update, parse

NOISE = np.random.default_rng(1).bytes(200_000)
DIGEST = 32


def sealed(content: bytes) -> bytes:
    """The same with its last hash as it should be."""
    return content[:-DIGEST] + hashlib.sha256(content[:-DIGEST]).digest()


def made(update: bytes, old: bytes) -> bytes:
    return apply(parse(update, "UPDATE.epd"), old, "UPDATE.epd")


@given(st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=80)), max_size=5), st.integers(0, 4000))
def test_applied_to_the_old_file_it_gives_the_new_one(edits: list[tuple[int, bytes]], length: int) -> None:
    old = NOISE[:length]
    new = bytearray(old)
    for at, content in edits:
        new[at : at + len(content) // 2] = content
    update = diff(old, bytes(new))
    assert is_update(update)
    assert made(update, old) == bytes(new)
    changed = sum(len(content) + 128 for _, content in edits)
    assert len(update) < 300 + changed, "what is not new is copied"


@pytest.mark.parametrize("old", [b"", b"short", bytes(100_000), b"ab" * 50_000, NOISE], ids=len)
@pytest.mark.parametrize("new", [b"", b"other", bytes(90_001), b"ba" * 30_000, NOISE[7:] + NOISE[:7]], ids=len)
def test_files_of_any_kind_can_follow_one_another(old: bytes, new: bytes) -> None:
    assert made(diff(old, new), old) == new


def test_blocks_that_moved_are_found_across_the_border_of_what_is_hashed_at_once() -> None:
    old = np.random.default_rng(2).bytes(3 << 20)
    new = old[1 << 20 :] + b"something new" + old[: 1 << 20]
    update = diff(old, new)
    assert len(update) < 300
    assert made(update, old) == new


def test_with_more_changes_than_steps_may_be_short_copies_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    new = bytearray(NOISE)
    new[::500] = bytes(len(new[::500]))
    assert len(parse(diff(NOISE, bytes(new)), "UPDATE.epd").steps) > 700
    monkeypatch.setattr(delta, "MOST_STEPS", 20)
    new[100_000:] = NOISE[100_000:]
    update = diff(NOISE, bytes(new))
    assert len(parse(update, "UPDATE.epd").steps) == 2
    assert made(update, NOISE) == bytes(new)


def test_a_small_update_cannot_fill_the_memory() -> None:
    old = NOISE[:1000]
    steps = [struct.pack("<BQQ", 0, 0, 1000)] * 60_000
    hashes = hashlib.sha256(old).digest() + bytes(32)
    body = struct.pack("<4sHH64sQI", MAGIC, 1, 0, hashes, 60_000_000, len(steps)) + b"".join(steps)
    with pytest.raises(ModelError, match="it would make 60,000,000 bytes out of 1,000"):
        made(body + hashlib.sha256(body).digest(), old)


def test_another_old_file_is_refused() -> None:
    with pytest.raises(ModelError, match=r"UPDATE\.epd: an update of another file: it wants the one with sha256"):
        made(diff(NOISE, NOISE[9:]), NOISE[1:])


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_done_to_it_it_makes_the_new_file_or_a_clear_error(data: st.DataObject) -> None:
    old, new = NOISE[:3000], NOISE[:1000] + b"something new" + NOISE[1500:3000]
    update = bytearray(diff(old, new))
    kind = data.draw(st.sampled_from(["flip", "cut", "more", "flip and seal", "table"]))
    at = data.draw(st.integers(0, len(update) - 1))
    if kind == "cut":
        update = update[:at]
    elif kind == "more":
        update += data.draw(st.binary(min_size=1, max_size=50))
    elif kind == "table":
        at = data.draw(st.integers(len(MAGIC), 150))
        update[at : at + 8] = data.draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\x01" + bytes(7), b"\xff" * 4]))
    else:
        update[at] ^= data.draw(st.integers(1, 255))
    given = sealed(bytes(update)) if kind in ("flip and seal", "table") else bytes(update)
    told = ""
    try:
        assert made(given, old) == new
    except ModelError as fault:
        told = str(fault)
    assert not told or (told.startswith("UPDATE.epd: ") and "\n" not in told)
