"""The entropy coder: interleaved range asymmetric numeral systems, many lanes at once in NumPy.

A stream of n symbols is coded in `lanes` lanes; symbol i is the (i // lanes)-th of lane i % lanes, and the last row is
filled up with the stream's commonest symbol. All lanes of a stream share its table and its words: at each step the
lanes whose state fell below 2**16 take the next words in the order of the lanes. States are 32 bits, words 16, tables
12. A lane starts (in the encoder) at 2**16 and must end there, which the decoder checks.

Source: J. Duda, Asymmetric numeral systems, arXiv:1311.2540; F. Giesen, Interleaved entropy coders, arXiv:1402.3392.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.bits import Damaged
from edge.models.packed.tables import BITS, TOTAL

LOW = 1 << 16
WORD_BITS = 16
_FREQ, _BIAS = np.array(20, np.uint32), np.array(8, np.uint32)
"""Where in an entry of the decoder's table the frequency and the offset stand; the symbol is in its lowest byte."""

_PLACES = np.arange(TOTAL, dtype=np.int64) << int(_BIAS)
_BITS, _MASK, _LOW, _WORD = (np.array(number, np.uint32) for number in (BITS, TOTAL - 1, LOW, WORD_BITS))
_LITTLE = 1 if sys.byteorder == "little" else 2


class Stream(NamedTuple):
    """A coded stream of `length` symbols.

    freq: int64 (alphabet,), sum 4096, at least two not 0
    states: uint32 (lanes,), in which the decoder starts
    words: uint16
    """

    length: int
    freq: NDArray[np.int64]
    states: NDArray[np.uint32]
    words: NDArray[np.uint16]

    @property
    def steps(self) -> int:
        """Symbols of a lane."""
        return -(-self.length // self.states.size)


def encode(symbols: NDArray[np.uint8], freq: NDArray[np.int64], lanes: int) -> Stream:
    """Code symbols, uint8 (n,), with a table and in so many lanes."""
    steps = -(-symbols.size // lanes)
    fill = np.full(lanes * steps - symbols.size, freq.argmax(), np.uint8)
    rows = np.concatenate([symbols, fill]).reshape(steps, lanes)
    starts, sizes = (np.cumsum(freq) - freq).astype(np.uint64), freq.astype(np.uint64)
    states = np.full(lanes, LOW, np.uint64)
    words: list[NDArray[np.uint16]] = []
    for row in rows[::-1]:
        size = sizes[row]
        full = states >= size << np.uint64(32 - BITS)
        words.append(states[full].astype(np.uint16))
        states[full] >>= np.uint64(WORD_BITS)
        states = (states // size << np.uint64(BITS)) + states % size + starts[row]
    return Stream(symbols.size, freq, states.astype(np.uint32), np.concatenate(words[::-1]))


def decode(streams: Sequence[Stream]) -> list[NDArray[np.uint8]]:
    """The symbols of streams that are decoded together, each uint8 (length,).

    Raises:
        Damaged: a lane does not end where it must, or words are left or missing.
    """
    order = sorted(range(len(streams)), key=lambda i: -streams[i].steps)
    group = [streams[i] for i in order]
    if not group:
        return []
    one = len(group) == 1
    lanes = [stream.states.size for stream in group]
    states = np.concatenate([stream.states for stream in group]).astype(np.uint32)
    if (states < LOW).any():
        raise Damaged("has a coder state that is too small")
    table = np.concatenate([_entries(stream.freq) for stream in group])
    rows = np.empty((group[0].steps, states.size), np.uint8)
    taken = _Words(group, lanes)
    owner = np.repeat(np.arange(len(group), dtype=np.uint32) << _BITS, lanes)
    at = 0
    for i in range(len(group) - 1, -1, -1):  # the streams that are not at their end yet are the first ones
        active = sum(lanes[: i + 1])
        until = group[i].steps
        if until > at:
            base = None if one else owner[:active]
            _run(states[:active], table, base, rows[at:until, :active], taken.taker(i + 1))
            at = until
    if (states != LOW).any() or not taken.spent():
        raise Damaged("does not decode: the coder's states or words do not come out")
    found: dict[int, NDArray[np.uint8]] = {}
    first = 0
    for i, stream, width in zip(order, group, lanes, strict=True):
        found[i] = rows[: stream.steps, first : first + width].reshape(-1)[: stream.length]
        first += width
    return [found[i] for i in range(len(streams))]


def _entries(freq: NDArray[np.int64]) -> NDArray[np.uint32]:
    """For each of the 4096 slots: its symbol, the symbol's frequency, and the slot's place among the symbol's."""
    firsts = (freq << int(_FREQ)) - (np.cumsum(freq) - freq << int(_BIAS)) + np.arange(freq.size)
    return (firsts.repeat(freq) + _PLACES).astype(np.uint32)


class _Words:
    """The words of all streams, and how far each has been read."""

    def __init__(self, streams: Sequence[Stream], lanes: Sequence[int]) -> None:
        sizes = [stream.words.size for stream in streams]
        # A damaged stream may ask for more words than there are: it gets zeros, and is found out at the end.
        words = [*(stream.words for stream in streams), np.zeros(1, np.uint16)]
        self._words: NDArray[np.uint32] = np.concatenate(words).astype(np.uint32)
        self._ends: NDArray[np.int64] = np.cumsum(sizes, dtype=np.int64)
        self._at = self._ends - sizes
        self._one = len(streams) == 1
        self._edges = np.cumsum([0, *lanes], dtype=np.int64)
        self._numbers = np.arange(sum(lanes))

    def taker(self, streams: int) -> Callable[[NDArray[np.int64]], NDArray[np.uint32]]:
        """Gives the next word of each of the lanes that it is asked for, which are in ascending order and of the first
        so many streams.
        """
        if self._one:
            return self._take
        words, edges, at, numbers = self._words, self._edges[: streams + 1], self._at[:streams], self._numbers

        def take(lanes: NDArray[np.int64]) -> NDArray[np.uint32]:
            bounds = lanes.searchsorted(edges)
            firsts = bounds[:-1]
            counts = bounds[1:] - firsts
            places = (at - firsts).repeat(counts)
            np.add(places, numbers[: lanes.size], places)
            np.add(at, counts, at)
            return words.take(places, None, None, "clip")

        return take

    def _take(self, lanes: NDArray[np.int64]) -> NDArray[np.uint32]:
        first = int(self._at[0])
        self._at += lanes.size
        given = self._words[first : first + lanes.size]
        return given if given.size == lanes.size else np.zeros(lanes.size, np.uint32)

    def spent(self) -> bool:
        """Whether each stream's words were read, all and no more."""
        return bool((self._at == self._ends).all())


def _run(
    states: NDArray[np.uint32],
    table: NDArray[np.uint32],
    base: NDArray[np.uint32] | None,
    rows: NDArray[np.uint8],
    words: Callable[[NDArray[np.int64]], NDArray[np.uint32]],
) -> None:
    """Decode so many rows; states change in place. The hot loop: no allocation but for the lanes that take a word.

    It is the number of NumPy's calls that costs here, and each conversion of a type: constants are arrays, and the low
    half of an index, the low byte of an entry are written and read where they lie.
    """
    entry, part = np.empty_like(states), np.empty_like(states)
    slot, low = np.zeros(states.size, np.int64), np.empty(states.size, bool)
    index, symbol = slot.view(np.uint32)[_LITTLE - 1 :: 2], entry.view(np.uint8)[3 * (_LITTLE - 1) :: 4]
    for row in rows:
        np.bitwise_and(states, _MASK, index)
        if base is not None:
            np.bitwise_or(index, base, index)
        table.take(slot, None, out=entry, mode="clip")
        row[...] = symbol
        np.right_shift(states, _BITS, states)
        np.right_shift(entry, _FREQ, part)
        np.multiply(states, part, states)
        np.right_shift(entry, _BIAS, entry)
        np.bitwise_and(entry, _MASK, entry)
        np.add(states, entry, states)
        np.less(states, _LOW, low)
        lanes = low.nonzero()[0]
        if lanes.size:
            taken = states.take(lanes)
            np.left_shift(taken, _WORD, taken)
            np.bitwise_or(taken, words(lanes), taken)
            states[lanes] = taken
