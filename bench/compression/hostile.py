"""Mutated packed files by a seeded loop: a typed error or a model within its bounds, never anything else.

Half of them are sealed again: their hash and lengths are made right, so that parsers and decoders are really reached.
"""

from __future__ import annotations

import json
import resource
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from bench.table import Row, at_most
from edge.engines.base import BUGS
from edge.errors import ModelError
from edge.models.manifest import parse_manifest
from edge.models.packed.coded import Origin
from edge.models.packed.container import resign, seal, split
from edge.models.packed.dictionary import DICTIONARY
from edge.models.packed.head import canonical
from edge.models.packed.pack import pack
from edge.models.packed.read import parse
from edge.models.packed.weight import Grid, Weight
from edge.models.packed.zstd import deflate, inflate
from edge.tools import graph

FILES = 100_000
SEED = 4
SEEDS = (SEED, SEED + 1)
ADDRESS_SPACE = 1 << 29
"""What the reader may take beyond what it has at the start. Whoever needs more gets a MemoryError, which is a miss."""
LONGEST_S = 5.0
SECONDS = 1800.0
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
    """Small packed files in which every carrier, codec, layout, stream, table and form of scales occurs."""
    draw = np.random.default_rng(SEED)
    arrays, grids = _tensors(draw)
    parts = {
        "tflite": ("constant", "noise", "half", "steps", "mini"),
        "openvino": ("single", "whole", "kernels", "thin", "book", "truth"),
        "onnx": ("kernels", "thin", "one", "short", "few"),
    }
    made = [_placed(carrier, arrays, names, grids) for carrier, names in list(parts.items())[:2]]
    made += [_placed("openvino", arrays, (name,), grids) for name in ("kernels", "thin", "mini")]
    made.append(_onnx({name: arrays[name] for name in parts["onnx"]}, grids))
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = key.public_key().public_bytes_raw()
    return [*made, resign(made[0], lambda signed: (public, key.sign(signed)))]


def _tensors(draw: np.random.Generator) -> tuple[dict[str, NDArray[Any]], dict[str, Grid]]:
    codes = np.clip(np.round(draw.laplace(0, 3, (16, 40))), -32, 31).astype(np.int16)
    scales = {
        "mini": np.exp2(draw.integers(-6, -2, 16)).astype(np.float32),
        "short": draw.random(16).astype(np.float16).astype(np.float32),
        "single": (0.01 + draw.random(16)).astype(np.float32),
        "one": np.array([0.1], np.float32),
    }
    grids = {name: Grid(codes, some) for name, some in scales.items()}
    book = draw.normal(size=9).astype(np.float32)
    shapes = draw.random((3, 3, 3)) < 0.5
    mask = shapes[draw.integers(0, 3, (64, 32))] & (np.arange(64) % 4 < 3)[:, None, None, None]
    thin = draw.random((120, 200)) < 0.02
    arrays: dict[str, NDArray[Any]] = {name: grid.values() for name, grid in grids.items()}
    arrays |= {
        "short": grids["short"].values().astype(np.float16),
        "constant": np.full((9, 9), 0.5, np.float32),
        "noise": draw.normal(size=70).astype(np.float32),
        "half": draw.normal(size=70).astype(np.float16).astype(np.float32),
        "steps": np.arange(300, dtype=np.int64).repeat(3),
        "whole": np.clip(codes, -9, 9).astype(np.int8),
        "kernels": np.where(mask, book[draw.integers(0, 9, mask.shape)], np.float32(0)),
        "thin": np.where(thin, book[draw.integers(0, 4, thin.shape)], np.float32(0)),
        "book": draw.choice(book, 2500),
        "few": draw.choice(book, (8, 9)),
        "truth": draw.random(900) < 0.3,
    }
    return arrays, grids


def _placed(carrier: str, arrays: Mapping[str, NDArray[Any]], names: Sequence[str], grids: Mapping[str, Grid]) -> bytes:
    weights, at = [], 10
    for name in names:
        weights.append(Weight(name, arrays[name], grids.get(name), at))
        at += arrays[name].nbytes + 10
    between = bytes(10 * (len(names) + 1))
    skeleton = b"<net/>\0" + between if carrier == "openvino" else between
    return pack(carrier, skeleton, weights, parse_manifest(MANIFEST, Path("fuzzed.toml")), Origin("0" * 64), size=at)


def _onnx(arrays: Mapping[str, NDArray[Any]], grids: Mapping[str, Grid]) -> bytes:
    """A graph that hands its weights out: all that the reader sees of a graph is where they go."""
    from onnx import helper, numpy_helper

    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in arrays]
    given = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    kinds = [(f"{one.name}_out", one.data_type, one.dims) for one in given]
    outputs = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in kinds]
    model = helper.make_model(helper.make_graph(nodes, "g", [], outputs, given))
    weights = [Weight(name, array, grids.get(name)) for name, array in arrays.items()]
    manifest = parse_manifest(MANIFEST, Path("fuzzed.toml"))
    return pack("onnx", graph.skeleton(model, arrays), weights, manifest, Origin("0" * 64))


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
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i, (content, sealed) in enumerate(mutated(count, seed)):
            begun = time.process_time()
            try:
                packed = parse(content, Path("mutated.epk"))
                packed.check()
                packed.plain()
                packed.blob()
                read += 1
                if not sealed:
                    misses.append(f"seed {seed}, file {i}: changed, and read")
            except ModelError:
                refused += 1
            except (*BUGS, Warning) as fault:  # whatever else may come ends the process, which is told as well
                misses.append(f"seed {seed}, file {i}: {type(fault).__name__}: {fault}")
            longest = max(longest, time.process_time() - begun)
    return Outcome(refused, read, tuple(misses), longest)


def hostile() -> Iterator[Row]:
    """The whole loop in two processes, half of the files each, which have no more address space than is fair, nor time;
    seeds 4 and 5.
    """
    what = f"{FILES:,} mutated files, half of them sealed again"
    with ProcessPoolExecutor(len(SEEDS), mp_context=get_context("spawn")) as pool:
        try:
            halves = list(pool.map(_bounded, SEEDS, timeout=SECONDS))
        except (BrokenProcessPool, TimeoutError) as fault:
            for process in list(pool._processes.values()):
                process.kill()
            yield Row(what, f"the reader ended or hung: {type(fault).__name__}", "neither", False)
            return
    misses = [miss for outcome in halves for miss in outcome.misses]
    for miss in misses[:5]:
        yield Row(what, miss, "a typed error or a sound model", False)
    yield at_most(f"{what}: neither refused nor sound", len(misses), 0)
    refused, read = sum(outcome.refused for outcome in halves), sum(outcome.read for outcome in halves)
    yield Row(f"{what}: refused, read", f"{refused:,}, {read:,}")
    yield at_most(f"{what}: longest", max(outcome.longest_s for outcome in halves), LONGEST_S, " s")


def _bounded(seed: int) -> Outcome:
    samples()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, used + ADDRESS_SPACE))
    return tried(FILES // len(SEEDS), seed)
