"""How fast the entropy coder decodes, and how near to the entropy it comes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import constriction
import numpy as np
from numpy.typing import NDArray

from bench.compression.huffman import huffman_bytes
from bench.places import DATA
from bench.table import Missing, Row, at_least, at_most
from edge.models.packed import cells, drafts, rans, tables
from edge.models.packed.bits import Cursor
from edge.models.packed.limits import CHUNK
from edge.tools import squeezenet

SYMBOLS = 3_000_000
SEED = 0
RUNS = 9


def speed() -> Iterator[Row]:
    """3 million int8 weights, Laplace as a trained layer has them (seed 0), ours and constriction in turn, medians."""
    draw = np.random.default_rng(SEED)
    weights = np.clip(np.round(draw.laplace(0, 14, SYMBOLS)), -128, 127).astype(np.int16)
    symbols = (weights + 128).astype(np.uint8)
    freq = tables.normalised(np.bincount(symbols, minlength=256).astype(np.int64))
    stream = rans.encode(symbols, freq, -(-SYMBOLS // CHUNK))
    model = constriction.stream.model.Categorical((freq / tables.TOTAL).astype(np.float32), perfect=False)
    coder = constriction.stream.stack.AnsCoder()
    coder.encode_reverse(symbols.astype(np.int32), model)
    words = coder.get_compressed()

    def theirs() -> NDArray[np.int32]:
        decoded: NDArray[np.int32] = constriction.stream.stack.AnsCoder(words).decode(model, SYMBOLS)
        return decoded

    def ours() -> NDArray[np.uint8]:
        return rans.decode([stream])[0]

    if not (np.array_equal(ours(), symbols) and np.array_equal(theirs(), symbols)):
        raise SystemExit("a coder does not give back what it was given")
    rates = _rates([ours, theirs])
    yield Row("rANS, int8 weights decoded a second", f"{rates[0]:.0f} million", ">= 80 million", rates[0] >= 80)
    yield Row("constriction from Python, the same", f"{rates[1]:.0f} million")
    yield at_least("rANS over constriction", rates[0] / rates[1], 2, " x")


def _rates(ways: Sequence[Callable[[], object]]) -> list[float]:
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(RUNS):
        for way, taken in zip(ways, times, strict=True):
            begun = time.perf_counter()
            way()
            taken.append(time.perf_counter() - begun)
    return [SYMBOLS / statistics.median(taken) / 1e6 for taken in times]


def overhead() -> Iterator[Row]:
    """The symbols of the published SqueezeNet, all weights of a layer with its zeros, over their order-0 entropy."""
    entropy = coded = huffman = 0.0
    published = DATA / "models" / "compressed_SqueezeNet.net"
    if not published.is_file():
        raise Missing("the published compressed SqueezeNet in ../shared/data")
    for array in squeezenet.read(published.read_bytes()).values():
        if array.ndim < 2:  # biases are not shared
            continue
        symbols = np.unique(array, return_inverse=True)[1].reshape(-1).astype(np.uint8)
        share = np.bincount(symbols, minlength=256) / symbols.size
        entropy -= (share[share > 0] * np.log2(share[share > 0])).sum() * symbols.size / 8
        stream = drafts.draft_stream(symbols, 256).make()
        if not np.array_equal(_decoded(stream, symbols.size), symbols):
            raise SystemExit("a stream does not give back what it was given")
        coded += len(stream)
        huffman += huffman_bytes(symbols)
    what = "SqueezeNet's symbols over their order-0 entropy"
    yield at_most(f"{what}: rANS, states and tables included", 100 * (coded / entropy - 1), 2, " %")
    yield Row(f"{what}: Huffman, code lengths included", f"{100 * (huffman / entropy - 1):.3g} %")


def _decoded(stream: bytes, count: int) -> NDArray[np.uint8]:
    read = cells.read_stream(Cursor(stream), count, 256)
    return rans.decode([read.coded])[0] if read.known is None and read.coded is not None else np.asarray(read.known)
