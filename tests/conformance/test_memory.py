"""Neither runs nor loads keep memory."""

from __future__ import annotations

import ctypes
import gc
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from edge.engines.base import Engine
from tests.conformance.engines import CASES, LOCAL, Case, each
from tests.support.nets import Tensor, onnx_file, tflite_file

MB = 1 << 20
RUNS = 10_000


@each(CASES)
def test_many_runs_do_not_grow_memory(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    engine = load(case.adding(tmp_path, (1, 2000)))
    feed = {"x": np.zeros((1, 2000), np.float32)}
    for _ in range(RUNS // 10):
        engine.run(feed)
    before = resident()
    for _ in range(RUNS):
        engine.run(feed)
    # One leaked output a run would be 8 kB, 80 MB in all.
    assert resident() - before < 5 * MB


@each(LOCAL)
def test_closing_frees_the_model(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    model = heavy(case, tmp_path)
    assert model.stat().st_size > 20 * MB

    def turn() -> int:
        engine = load(model)
        engine.run({"x": np.zeros((1, 2048), np.float32)})
        engine.close()
        del engine
        return resident()

    levels = [turn() for _ in range(24)]
    # What each kept would be 320 MB. Allocators give back what was freed when they like, and never all of it.
    assert min(levels[-8:]) - min(levels[:8]) < 80 * MB


def heavy(case: Case, folder: Path) -> Path:
    """y = x W with 20 MB of weights."""
    weights = np.full((2048, 2600), 0.5, np.float32)
    if case.suffix == ".tflite":
        from ai_edge_litert import schema_py_generated as schema

        options = schema.FullyConnectedOptionsT()
        tensors = [
            Tensor("x", (1, 2048)),
            Tensor("w", (2600, 2048), data=np.ascontiguousarray(weights.T)),
            Tensor("b", (2600,), data=np.zeros(2600, np.float32)),
            Tensor("y", (1, 2600)),
        ]
        operators = [("FULLY_CONNECTED", options, (0, 1, 2), (3,))]
        return tflite_file(folder / "heavy.tflite", tensors, operators, (0,), (3,))
    return onnx_file(
        folder / "heavy.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": ((1, 2048), TensorProto.FLOAT)},
        {"y": ((1, 2600), TensorProto.FLOAT)},
        {"w": weights},
    )


def resident() -> int:
    """Bytes of this process in memory, once what was freed is given back."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
