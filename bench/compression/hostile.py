"""Mutated packed files by a seeded loop: a typed error or a model within its bounds, never anything else.

Half of them are sealed again: their hash and lengths are made right, so that parsers and decoders are really reached.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.table import Row, at_most
from edge.errors import ModelError
from edge.models.manifest import parse_manifest
from edge.models.packed import Grid, Origin, Weight, pack
from edge.models.packed.container import seal, split
from edge.models.packed.dictionary import DICTIONARY
from edge.models.packed.head import canonical
from edge.models.packed.read import parse
from edge.models.packed.zstd import deflate, inflate

FILES = 100_000
SEED = 4
ADDRESS_SPACE = 1 << 29
"""What the reader may take beyond what it has at the start. Whoever needs more gets a MemoryError, which is a miss."""
LONGEST_S = 5.0
CARRIERS = ("tflite", "openvino", "openvino", "tflite")
ODD = (0, 1, 2, 3, 127, 128, 255, 256, 4095, 4096, 65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, -1)
"""Numbers at which readers break."""
MANIFEST = {
    "name": "fuzzed",
    "task": "values",
    "decoder": "values",
    "input": {"name": "x", "width": 8, "height": 8, "dtype": "float32"},
    "outputs": {"values": "y"},
}


def samples() -> list[bytes]:
    """Small packed files in which every codec, layout and map occurs."""
    draw = np.random.default_rng(SEED)
    codes = np.clip(np.round(draw.laplace(0, 3, (16, 40))), -32, 31).astype(np.int16)
    grid = Grid(codes, np.exp2(draw.integers(-6, -2, 16)).astype(np.float32))
    rows = np.arange(48)[:, None, None, None] % 4 < 2
    pruned = draw.normal(size=9)[draw.integers(0, 9, (48, 16, 3, 3))] * ((draw.random((48, 16, 1, 1)) < 0.4) & rows)
    thin = draw.normal(size=6)[draw.integers(0, 6, (60, 90))] * (draw.random((60, 90)) < 0.04)
    arrays: dict[str, NDArray[Any]] = {
        "constant": np.full((9, 9), 0.5, np.float32),
        "noise": draw.normal(size=70).astype(np.float32),
        "half": draw.normal(size=70).astype(np.float16).astype(np.float32),
        "steps": np.arange(300, dtype=np.int64).repeat(3),
        "grid": grid.values(),
        "bytes": np.clip(codes, -9, 9).astype(np.int8),
        "kernels": (pruned + 0.0).astype(np.float32),
        "thin": (thin + 0.0).astype(np.float32),
        "book": draw.choice(draw.normal(size=12), 2500).astype(np.float32),
    }
    parts = (list(arrays)[:5], list(arrays)[4:], ["kernels"], ["thin", "bytes"])
    return [_sample(carrier, arrays, names, grid) for carrier, names in zip(CARRIERS, parts, strict=True)]


def _sample(carrier: str, arrays: Mapping[str, NDArray[Any]], names: Sequence[str], grid: Grid) -> bytes:
    weights, at = [], 10
    for name in names:
        weights.append(Weight(name, arrays[name], grid if name == "grid" else None, at))
        at += arrays[name].nbytes + 10
    between = bytes(10 * (len(names) + 1))
    skeleton = b"<net/>\0" + between if carrier == "openvino" else between
    return pack(carrier, skeleton, weights, parse_manifest(MANIFEST, Path("fuzzed.toml")), Origin("0" * 64), size=at)


def mutated(count: int, seed: int = SEED) -> Iterator[tuple[bytes, bool]]:
    """So many files that differ from a sound one, and whether each was sealed again."""
    draw = np.random.default_rng(seed)
    sound = samples()
    for i in range(count):
        content = sound[int(draw.integers(len(sound)))]
        sealed = i % 2 == 1
        yield (_sealed(content, draw), True) if sealed else (_scratched(content, draw), False)


def _scratched(content: bytes, draw: np.random.Generator) -> bytes:
    """Flipped, cut, extended, repeated or overwritten somewhere; never the same as before."""
    made = bytearray(content)
    for _ in range(int(draw.integers(1, 4))):
        at = int(draw.integers(len(made)))
        way = int(draw.integers(6))
        if way == 0:
            made[at] ^= 1 << int(draw.integers(8))
        elif way == 1:
            del made[at:]
        elif way == 2:
            made += draw.bytes(int(draw.integers(1, 40)))
        elif way == 3:
            made[at:at] = made[at : at + int(draw.integers(1, 20))]
        elif way == 4:
            made[at : at + 4] = (ODD[int(draw.integers(len(ODD)))] & 0xFFFFFFFF).to_bytes(4, "little")
        else:
            del made[at : at + int(draw.integers(1, 9))]
        made = made or bytearray(b"\0")
    return bytes(made) if bytes(made) != content else content[:-1]


def _sealed(content: bytes, draw: np.random.Generator) -> bytes:
    """With another manifest, other blocks or both, and a hash that holds."""
    found = split(content)
    tree = json.loads(inflate(found.manifest, found.manifest_size, DICTIONARY))
    blocks = bytes(found.blocks)
    way = int(draw.integers(4))
    if way == 0:
        _twist(tree, draw)
    if way == 1:
        blocks = _scratched(blocks, draw)
    if way >= 2:  # one block alone, its new length told: what lies behind it stays sound
        blocks = _one_block(tree, blocks, draw)
    text = canonical(tree)
    return seal(deflate(text, DICTIONARY), len(text), [blocks])


def _one_block(tree: dict[str, Any], blocks: bytes, draw: np.random.Generator) -> bytes:
    sizes = [tree["skeleton"][1], *(row[4] for row in tree["tensors"])]
    chosen = int(draw.integers(len(sizes)))
    first = sum(sizes[:chosen])
    block = _scratched(blocks[first : first + sizes[chosen]], draw)
    if chosen:
        tree["peak_bytes"] += len(block) - sizes[chosen]
        tree["tensors"][chosen - 1][4] = len(block)
    else:
        tree["skeleton"][1] = len(block)
    return blocks[:first] + block + blocks[first + sizes[chosen] :]


def _twist(tree: Any, draw: np.random.Generator) -> None:
    """Change one value somewhere in a JSON tree."""
    while isinstance(tree, (dict, list)) and tree:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = keys[int(draw.integers(len(keys)))]
        below = tree[key]
        if isinstance(below, (dict, list)) and below and draw.random() < 0.9:
            tree = below
            continue
        odd = ODD[int(draw.integers(len(ODD)))]
        values = (odd, odd, -odd, str(odd), [], {}, None, True, 0.5, "int8", "float32", "sparse", "stored", [odd, odd])
        tree[key] = values[int(draw.integers(len(values)))]
        return


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the files: refused with a typed error, read as sound, and what should not have happened."""

    refused: int
    read: int
    misses: tuple[str, ...]
    longest_s: float


def tried(count: int, seed: int = SEED) -> Outcome:
    """Read and decode mutated files, each as `edge verify` does."""
    refused, read, longest = 0, 0, 0.0
    misses: list[str] = []
    for i, (content, sealed) in enumerate(mutated(count, seed)):
        begun = time.process_time()
        try:
            packed = parse(content, Path("mutated.epk"))
            packed.check()
            packed.plain()
            packed.blob()
            read += 1
            if not sealed:
                misses.append(f"file {i}: changed, and read")
        except ModelError:
            refused += 1
        except Exception as fault:
            misses.append(f"file {i}: {type(fault).__name__}: {fault}")
        longest = max(longest, time.process_time() - begun)
    return Outcome(refused, read, tuple(misses), longest)


def hostile() -> Iterator[Row]:
    """The whole loop, with no more address space than is fair; seed 4."""
    samples()
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, before[1]))
    try:
        outcome = tried(FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    what = f"{FILES:,} mutated files, half of them sealed again"
    for miss in outcome.misses[:5]:
        yield Row(what, miss, "a typed error or a sound model", False)
    yield at_most(f"{what}: neither refused nor sound", len(outcome.misses), 0)
    yield Row(f"{what}: refused, read", f"{outcome.refused:,}, {outcome.read:,}")
    yield at_most(f"{what}: longest", outcome.longest_s, LONGEST_S, " s")
