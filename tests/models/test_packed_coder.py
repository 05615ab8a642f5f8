"""Bits, tables and the entropy coder give back what they were given, and notice what they were not."""

from __future__ import annotations

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.models.packed import rans, tables
from edge.models.packed.bits import Cursor, Damaged, pack_bits, pack_count, pack_rice, unpack_bits, unpack_rice
from edge.models.packed.cells import Cell, read_cell
from edge.models.packed.drafts import draft_cell

COUNTS = st.lists(st.one_of(st.just(0), st.integers(0, 5), st.integers(0, 10**6)), min_size=2, max_size=256)


def drawn(seed: int, size: int, spread: float, alphabet: int) -> NDArray[np.uint8]:
    draw = np.random.default_rng(seed)
    return (np.abs(draw.laplace(0, spread, size)).astype(np.int64) % alphabet).astype(np.uint8)


def coded(symbols: NDArray[np.uint8], lanes: int) -> rans.Stream:
    counts = np.bincount(symbols, minlength=2).astype(np.int64)
    counts[:2] += 1
    return rans.encode(symbols, tables.normalised(counts), lanes)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=300))
def test_rice_codes_are_read_back_and_leave_what_follows(numbers: list[int]) -> None:
    cursor = Cursor(pack_rice(np.array(numbers, np.uint64)) + b"next")
    assert unpack_rice(cursor, len(numbers)).tolist() == numbers
    assert bytes(cursor.take(cursor.left)) == b"next"


@given(st.integers(1, 12).flatmap(lambda w: st.tuples(st.just(w), st.lists(st.integers(0, (1 << w) - 1)))))
def test_numbers_of_few_bits_are_read_back(given_: tuple[int, list[int]]) -> None:
    width, numbers = given_
    cursor = Cursor(pack_bits(np.array(numbers, np.uint64), width))
    assert unpack_bits(cursor, len(numbers), width).tolist() == numbers
    cursor.end()


def test_a_rice_code_without_an_end_takes_no_memory_for_it() -> None:
    data = bytes(1 << 23)
    tracemalloc.start()
    with pytest.raises(Damaged, match="ends within a Rice code"):
        unpack_rice(Cursor(data), 255)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_rice_code_beyond_64_bits_is_refused() -> None:
    quotient = bytes(1 << 21) + b"\x80"  # 2**24, and 40 bits below
    with pytest.raises(Damaged, match="more than 64 bits"):
        unpack_rice(Cursor(bytes([40]) + quotient + bytes(5)), 1)


@given(st.integers(0, (1 << 32) - 1))
def test_a_count_is_read_back(number: int) -> None:
    cursor = Cursor(pack_count(number))
    assert cursor.count() == number
    cursor.end()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff\x80\x00", b"\xff\xff\xff\xff\x10", b"\x80" * 5])
def test_a_count_that_is_longer_than_it_need_be_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(Damaged):
        Cursor(data).count()


@given(st.binary(max_size=40), st.integers(0, 500), st.integers(0, 12))
def test_any_bytes_are_read_or_refused(data: bytes, count: int, width: int) -> None:
    for read in (lambda: unpack_rice(Cursor(data), count), lambda: unpack_bits(Cursor(data), count, width)):
        with contextlib.suppress(Damaged):
            assert read().shape == (count,)


@given(COUNTS)
def test_a_table_sums_to_4096_and_gives_every_symbol_that_occurs_a_place(counts: list[int]) -> None:
    given_ = np.array(counts, np.int64)
    if np.count_nonzero(given_) < 2:
        return
    freq = tables.normalised(given_)
    assert freq.sum() == tables.TOTAL
    assert ((freq > 0) == (given_ > 0)).all()
    cursor = Cursor(tables.write_table(freq, tables.BITS))
    assert (tables.read_table(cursor, freq.size) == freq).all()
    cursor.end()


@pytest.mark.parametrize(
    ("head", "rungs"),
    [
        (13 << tables.KIND_BITS, [1, 1]),  # no such ladder
        (tables.BITS << tables.KIND_BITS, [4097, 0]),  # no such rung
        (tables.BITS << tables.KIND_BITS, [4096, 0]),  # one symbol alone
        (2 << tables.KIND_BITS, [4000, 4000]),  # much more than there is
        (1 << tables.KIND_BITS | tables.GEOMETRIC, [1, 1]),  # a ratio has no ladder
    ],
)
def test_a_table_that_is_none_is_refused(head: int, rungs: list[int]) -> None:
    with pytest.raises(Damaged):
        tables.read_table(Cursor(bytes([head]) + pack_rice(np.array(rungs, np.uint64))), 2)


@given(COUNTS, st.sampled_from(tables.LADDERS))
def test_a_table_on_a_ladder_sums_to_4096_and_gives_every_symbol_that_occurs_a_place(
    counts: list[int], ladder: int
) -> None:
    given_ = np.array(counts, np.int64)
    if np.count_nonzero(given_) < 2:
        return
    rung, freq = tables.fitted(given_, ladder)
    assert freq.sum() == tables.TOTAL
    assert ((freq > 0) == (given_ > 0)).all()
    cursor = Cursor(tables.write_table(rung, ladder))
    assert (tables.read_table(cursor, freq.size) == freq).all()
    cursor.end()


def test_a_coarse_ladder_takes_half_the_bytes_and_costs_little() -> None:
    counts = np.bincount(drawn(0, 20_000, 60, 256), minlength=256).astype(np.int64)
    share = counts / counts.sum()
    fine, coarse = (tables.fitted(counts, ladder) for ladder in (tables.BITS, 2))
    bits = [-(share[share > 0] * np.log2(freq[share > 0] / tables.TOTAL)).sum() for _, freq in (fine, coarse)]
    assert bits[1] < 1.001 * bits[0]
    assert len(tables.write_table(coarse[0], 2)) < 0.6 * len(tables.write_table(fine[0], tables.BITS))


def test_a_table_is_nearly_as_good_as_the_distribution_itself() -> None:
    counts = np.bincount(drawn(0, 200_000, 20, 256), minlength=256).astype(np.int64)
    share = counts[counts > 0] / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    freq = tables.normalised(counts)[counts > 0]
    assert -(share * np.log2(freq / tables.TOTAL)).sum() < 1.005 * entropy


@given(st.integers(1, 65535), st.integers(2, 256))
def test_a_geometric_table_falls_and_sums_to_4096(ratio: int, size: int) -> None:
    freq = tables.geometric(ratio, size)
    assert freq.sum() == tables.TOTAL
    assert freq.min() >= 1
    cursor = Cursor(tables.write_geometric(ratio))
    assert (tables.read_table(cursor, size) == freq).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 4000), st.floats(0.1, 60)), min_size=1, max_size=6))
def test_streams_decoded_together_are_those_that_were_coded(parts: list[tuple[int, int, float]]) -> None:
    symbols = [drawn(seed, size, spread, 256) for seed, size, spread in parts]
    streams = [coded(some, max(1, some.size // 700)) for some in symbols]
    for got, wanted in zip(rans.decode(streams), symbols, strict=True):
        assert got.tolist() == wanted.tolist()


def test_a_stream_takes_its_entropy_and_two_percent() -> None:
    symbols = drawn(1, 300_000, 20, 256)
    share = np.bincount(symbols) / symbols.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum() * symbols.size / 8
    stream = coded(symbols, -(-symbols.size // 1024))
    size = stream.states.nbytes + stream.words.nbytes + len(tables.write_table(stream.freq, tables.BITS))
    assert entropy < size < 1.02 * entropy


@pytest.mark.parametrize("damage", ["state", "word", "fewer", "more", "table"])
def test_a_damaged_stream_does_not_decode(damage: str) -> None:
    stream = coded(drawn(2, 3000, 9, 100), 3)
    states, words, freq = stream.states.copy(), stream.words.copy(), stream.freq.copy()
    if damage == "state":
        states[1] ^= 1 << 5
    if damage == "word":
        words[words.size // 2] ^= 1
    if damage == "fewer":
        words = words[:-1]
    if damage == "more":
        words = np.append(words, words[:1])
    if damage == "table":
        freq[3], freq[4] = freq[4] + 2, freq[3] - 2
    with pytest.raises(Damaged):
        rans.decode([rans.Stream(3000, freq, states, words)])


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(0, 400), st.floats(0, 1), st.integers(1, 12), st.sampled_from([1, 4, 9, 25]))
def test_a_cell_is_read_back_however_it_was_written(
    seed: int, groups: int, density: float, spread: int, kernel: int
) -> None:
    draw = np.random.default_rng(seed)
    symbols = np.where(draw.random(groups * kernel) < density, drawn(seed, groups * kernel, spread, 40), 7)
    symbols = symbols.astype(np.uint8)
    cursor = Cursor(draft_cell(symbols, 40, 7, kernel).make())
    cell = read_cell(cursor, symbols.size, 40, 7, kernel)
    cursor.end()
    assert resolved(cell, 7).tolist() == symbols.tolist()


def resolved(cell: Cell, zero: int) -> NDArray[np.uint8]:
    return cell.resolve(rans.decode(cell.streams()), zero)


@given(st.binary(max_size=60), st.integers(0, 900), st.sampled_from([1, 9]))
def test_any_bytes_are_a_cell_or_refused(data: bytes, groups: int, kernel: int) -> None:
    try:
        cell = read_cell(Cursor(data), groups * kernel, 40, 7, kernel)
        assert resolved(cell, 7).size == groups * kernel
    except Damaged:
        pass
