"""How fast models really are, on the engines that are here."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from edge.engines.base import Engine, EngineOptions, Feed
from edge.engines.registry import load, probe
from edge.errors import EngineError, MissingError, ModelError
from edge.tools.graph import to_bytes

if TYPE_CHECKING:
    from onnx import ModelProto

WARM = 3
"""Calls of each variant before any is timed."""


@dataclass(frozen=True, slots=True)
class Latency:
    """One variant on one engine.

    ms: of a call, the median
    ratio: how often faster than the first variant on the same engine: the median over rounds of both times' quotient
    """

    variant: str
    engine: str
    ms: float
    ratio: float


def latencies(
    variants: Mapping[str, ModelProto],
    feed: Feed,
    engines: Sequence[str] = ("onnxruntime", "openvino"),
    threads: int = 1,
    rounds: int = 50,
) -> tuple[Latency, ...]:
    """Time variants of a model through our engines, call by call in turn, so that what else the machine does hits all.

    One thread: while it runs, what engines keep goes to a folder of its own, not into the user's cache.

    Args:
        variants: the float model first; ratios are to it.
        engines: those that are not here, and those that cannot run the first variant, are left out; so is a variant
            that an engine cannot run.
    """
    found: list[Latency] = []
    with tempfile.TemporaryDirectory(prefix="edge-latency-") as name, _cache(Path(name) / "cache"):
        files = {}
        for number, (variant, model) in enumerate(variants.items()):
            files[variant] = Path(name) / f"{number}.onnx"
            files[variant].write_bytes(to_bytes(model))
        for engine in engines:
            if probe(engine).available:
                found += _timed(files, feed, engine, threads, rounds)
    return tuple(found)


def _timed(files: Mapping[str, Path], feed: Feed, engine: str, threads: int, rounds: int) -> Iterator[Latency]:
    with ExitStack() as stack:
        loaded: dict[str, Engine] = {}
        for variant, file in files.items():
            try:
                loaded[variant] = load(engine, file, EngineOptions(threads=threads))
                stack.callback(loaded[variant].close)
                for _ in range(WARM):
                    loaded[variant].run(feed)
            except (ModelError, EngineError, MissingError):
                loaded.pop(variant, None)
                if not loaded:
                    return
        times: dict[str, list[float]] = {variant: [] for variant in loaded}
        for _ in range(rounds):
            for variant, runner in loaded.items():
                begun = perf_counter()
                runner.run(feed)
                times[variant].append(perf_counter() - begun)
        first = next(iter(times.values()))
        for variant, mine in times.items():
            ratio = statistics.median(a / b for a, b in zip(first, mine, strict=True))
            yield Latency(variant, engine, 1000 * statistics.median(mine), ratio)


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("EDGE_CACHE")
    os.environ["EDGE_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["EDGE_CACHE"]
        else:
            os.environ["EDGE_CACHE"] = before
