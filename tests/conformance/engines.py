"""The table of the suite: how a model is loaded on each back end, and what may be asked of it.

A back end joins the suite by one row. Where it is not here, `load` skips the test with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, ModelFile
from edge.engines.plain import as_file
from tests.support.nets import add_one, onnx_file, tflite_add_one, tflite_pair
from tests.support.old_openvino import python_with_openvino

Load = Callable[[ModelFile, EngineOptions, pytest.FixtureRequest], Engine]


@dataclass(frozen=True, slots=True)
class Case:
    """One back end in the suite.

    load: opens a model, as a plain file or unpacked; it may ask the request for fixtures, e.g. a server
    suffix: of the files it is given; `.onnx` files are the graphs of `graphs.py`
    local: whether it reads the file in this process, so that a damaged one is tried in `test_broken_files`. Elsewhere
        the same is in `tests/engines`: for movidius in `test_movidius.py`; for tensorrt, whose parser is a fake here,
        in `test_tensorrt_engine.py`; kserve reads no file, and its damaged answers are in `test_kserve.py`
    module: of the back end's package, taken away to see what a user is told; None where there is none
    f32, f16: how far its numbers may be from the oracle's, relative and absolute, for graphs in that precision
    runs_damaged: whether it may be asked to run a damaged graph that it took; OpenVINO 2026.4 crashed then, so nothing
        but a sha256 in the manifest keeps a damaged file from doing so
    open_sizes: whether it runs a model that leaves sizes open, at any size
    f16_as: the type of the tensors that stand for those in float16
    graphs: those of `graphs.py` that it computes here, with the reason beside their list; empty for all, also where it
        computes by the oracle itself (tensorrt, kserve) and shapes, types and names are what is tested
    """

    name: str
    load: Load
    suffix: str = ".onnx"
    local: bool = True
    module: str | None = None
    f32: tuple[float, float] = (2e-5, 2e-6)
    f16: tuple[float, float] = (4e-3, 4e-3)
    runs_damaged: bool = True
    open_sizes: bool = True
    f16_as: str = "float16"
    graphs: tuple[str, ...] = ()

    def adding(self, folder: Path, shape: tuple[int, ...] = (1, 4)) -> Path:
        """A file of y = x + 1, float32, that this back end reads."""
        if self.suffix == ".tflite":
            return tflite_add_one(folder / "add.tflite", shape)
        return add_one(folder / "add.onnx", shape)

    def subtracting(self, folder: Path) -> Path:
        """A file of y = a - b, float32 (1, 4)."""
        if self.suffix == ".tflite":
            return tflite_pair(folder / "sub.tflite", "SUB", 4)
        spec = ((1, 4), TensorProto.FLOAT)
        node = helper.make_node("Sub", ["a", "b"], ["y"])
        return onnx_file(folder / "sub.onnx", [node], {"a": spec, "b": spec}, {"y": spec})


def here(name: str) -> Load:
    """Load on a back end of this process."""
    return lambda model, options, request: registry.load(name, model, options)


def on_triton(model: ModelFile, options: EngineOptions, request: pytest.FixtureRequest) -> Engine:
    """Load on a real server, which computes by the oracle itself: what is tested is the way there and back."""
    triton = request.getfixturevalue("triton")
    with as_file(model) as file:
        served = triton.serve(file)
    return registry.load("kserve", model, replace(options, server=triton.url, served=served))


def on_fake_gpu(model: ModelFile, options: EngineOptions, request: pytest.FixtureRequest) -> Engine:
    """Load on a fake TensorRT, which computes by the oracle itself, and on memory that is malloc's."""
    request.getfixturevalue("tensorrt")
    return registry.load("tensorrt", model, options)


def in_child(model: ModelFile, options: EngineOptions, request: pytest.FixtureRequest) -> Engine:
    """Load on the CPU of a real old OpenVINO, in a process of its own."""
    device = options.device or "CPU"
    return registry.load("movidius", model, replace(options, device=device, python=python_with_openvino()))


OLD_GRAPHS = (
    "convolution",
    "depthwise and dilated",
    "padded as TensorFlow does",
    "neck",
    "detection head",
    "arithmetic",
    "layer norm",
)
"""Those that OpenVINO 2021.4 has all operators for, and gives in the types of the file: it makes int32 of int64."""

CASES = (
    Case("onnxruntime", here("onnxruntime"), module="onnxruntime"),
    Case("openvino", here("openvino"), module="openvino", runs_damaged=False),
    Case("tflite", here("tflite"), suffix=".tflite", module="ai_edge_litert.interpreter"),
    Case("reference", here("reference"), module="onnx"),
    Case("tensorrt", on_fake_gpu, local=False),
    Case("movidius", in_child, local=False, graphs=OLD_GRAPHS, open_sizes=False, f16_as="float32"),
    Case("kserve", on_triton, local=False),
)
LOCAL = tuple(case for case in CASES if case.local)
GRAPH = tuple(case for case in CASES if case.suffix == ".onnx" and case.name != "reference")
"""Those that are held against the oracle on its own graphs."""


def each_graph(names: Iterable[str], without: str = "") -> pytest.MarkDecorator:
    """Run a test for each of these graphs on each back end that computes it, but for one."""
    cases = [case for case in GRAPH if case.name != without]
    pairs = [(case, name) for case in cases for name in names if not case.graphs or name in case.graphs]
    return pytest.mark.parametrize(("case", "graph"), pairs, ids=[f"{name}-{case.name}" for case, name in pairs])


def each(cases: tuple[Case, ...]) -> pytest.MarkDecorator:
    """Run a test for each of these back ends, as its `case`."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)
