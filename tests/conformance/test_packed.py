"""A model out of a packed file gives what its plain file gives, on every back end, and leaves nothing on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, Unpacked
from edge.errors import ModelError
from tests.conformance.engines import CASES, LOCAL, Case, each, each_graph
from tests.conformance.graphs import GRAPHS, QUANTIZED, weights
from tests.conformance.test_broken_files import CONTENTS
from tests.support.nets import Tensor, ir_adding, tflite_file
from tests.support.packing import damaged, packed, same, unpacked

NO_NUMBERS = ("movidius", "kserve")
"""Those that do not read these types, or compute by the oracle on a file that the test gives them."""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files; the working folder has no file that a skeleton could find."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    return folder


@each_graph(GRAPHS, without="kserve")
def test_an_unpacked_graph_gives_what_the_file_gives(
    case: Case, graph: str, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    model = GRAPHS[graph].file(tmp_path / "net.onnx")
    check_same(load, model, weights(*GRAPHS[graph].takes))
    assert not list(temporary.iterdir())


@each(CASES)
def test_any_back_end_takes_an_unpacked_model(
    case: Case, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    check_same(load, case.adding(tmp_path), np.arange(4, dtype=np.float32).reshape(1, 4))
    assert not list(temporary.iterdir())


@each(tuple(case for case in CASES if case.suffix == ".onnx" and case.name not in NO_NUMBERS))
def test_weights_of_8_and_16_bits_stay_what_they_are(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    check_same(load, QUANTIZED.file(tmp_path / "qdq.onnx"), weights(*QUANTIZED.takes))
    half = GRAPHS["convolution"].file(tmp_path / "half.onnx", "float16")
    check_same(load, half, weights(*GRAPHS["convolution"].takes).astype("float16"))


@each(tuple(case for case in LOCAL if case.name in ("tflite", "openvino")))
def test_an_unpacked_flatbuffer_gives_what_the_file_gives(
    case: Case, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    check_same(load, convolution(tmp_path / "c.tflite"), weights(1, 6, 6, 3))
    assert not list(temporary.iterdir())


@each(tuple(case for case in CASES if case.name in ("movidius", "openvino")))
def test_an_unpacked_ir_gives_what_the_files_give(
    case: Case, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    check_same(load, ir_adding(tmp_path / "add.xml", weights(1, 100)), weights(1, 100))
    assert not list(temporary.iterdir())


@each(LOCAL)
def test_a_real_packed_file_gives_what_the_plain_file_gives(
    case: Case, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    if case.suffix == ".tflite":
        check_same(load, convolution(tmp_path / "c.tflite"), weights(1, 6, 6, 3), packed)
    else:
        check_same(load, GRAPHS["neck"].file(tmp_path / "net.onnx"), weights(*GRAPHS["neck"].takes), packed)
    assert not list(temporary.iterdir())


@each(tuple(case for case in CASES if case.name == "openvino"))
def test_a_real_packed_ir_gives_what_the_plain_files_give(
    load: Callable[..., Engine], case: Case, tmp_path: Path
) -> None:
    check_same(load, ir_adding(tmp_path / "add.xml", weights(1, 100)), weights(1, 100), packed)


@each(LOCAL)
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_is_no_model_inside_is_one_line_that_names_the_packed_file(
    case: Case, content: bytes, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    packed = damaged(tmp_path / f"bad{case.suffix}", content)
    with pytest.raises(ModelError, match=f"not a model that {case.name} can read") as fault:
        load(packed)
    assert str(fault.value).startswith(f"{packed.path}: ")
    assert "\n" not in str(fault.value)
    assert not list(temporary.iterdir())


@each(tuple(case for case in CASES if case.name != "kserve"))
def test_a_fault_found_in_decoding_reaches_the_user_as_it_is(
    case: Case, load: Callable[..., Engine], tmp_path: Path, temporary: Path
) -> None:
    def fail() -> bytes:
        raise ModelError("broken.epk: block 3 is not what it says")

    packed = damaged(case.adding(tmp_path), b"")
    with pytest.raises(ModelError, match=r"^broken\.epk: block 3 is not what it says$"):
        load(type(packed)(packed.path, packed.suffix, packed.sha256, fail, skeleton=None))
    assert not list(temporary.iterdir())


def test_openvino_compiles_an_unpacked_model_once(tmp_path: Path, own_cache: Path) -> None:
    calls: list[int] = []
    packed = unpacked(GRAPHS["convolution"].file(tmp_path / "net.onnx"))

    def plain() -> bytes:
        calls.append(1)
        return packed.plain()

    counted = type(packed)(packed.path, packed.suffix, packed.sha256, plain)
    x = {"x": weights(*GRAPHS["convolution"].takes)}
    first = registry.load("openvino", counted, EngineOptions(threads=1)).run(x)["y"]
    again = registry.load("openvino", counted, EngineOptions(threads=1)).run(x)["y"]
    assert len(calls) == 1
    assert same(first, again)
    other = type(packed)(packed.path, packed.suffix, "0" * 64, plain)
    registry.load("openvino", other, EngineOptions(threads=1))
    assert len(calls) == 2
    assert len(list((own_cache / "openvino").glob("net-*.blob"))) == 2


def test_a_skeleton_reads_no_file_even_where_one_lies(tmp_path: Path, temporary: Path) -> None:
    graph = GRAPHS["convolution"]
    packed = unpacked(graph.file(tmp_path / "net.onnx"))
    assert packed.skeleton is not None
    skeleton, _ = packed.skeleton()
    (temporary / "w").write_bytes(bytes(1000))
    lacking = type(packed)(packed.path, ".onnx", packed.sha256, packed.plain, skeleton=lambda: (skeleton, iter(())))
    x = {"x": weights(*graph.takes)}
    wanted = registry.load("reference", packed).run(x)["y"]
    got = registry.load("onnxruntime", packed, EngineOptions(threads=1)).run(x)["y"]
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6)
    (temporary / "w").unlink()
    with pytest.raises(ModelError, match=r"net\.epk: not a model that onnxruntime can read"):
        registry.load("onnxruntime", lacking)


def check_same(
    load: Callable[..., Engine], model: Path, x: NDArray[Any], way: Callable[[Path], Unpacked] = unpacked
) -> None:
    """Load a file, and what a packed one would give with the file gone; both are to compute the same bits."""
    inside = way(model)
    wanted = load(model).run({"x": x})
    model.unlink()
    loaded = load(inside)
    got = loaded.run({"x": x})
    assert got.keys() == wanted.keys()
    for name, array in got.items():
        assert same(np.ascontiguousarray(array), np.ascontiguousarray(wanted[name])), name


def convolution(path: Path) -> Path:
    """A TFLite file with weights enough to be cut out."""
    kernel, bias = weights(8, 3, 3, 3), weights(8)
    tensors = [
        Tensor("x", (1, 6, 6, 3)),
        Tensor("w", kernel.shape, data=kernel),
        Tensor("b", (8,), data=bias),
        Tensor("y", (1, 4, 4, 8)),
    ]
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, 1, 1
    options.dilationHFactor = options.dilationWFactor = 1
    return tflite_file(path, tensors, [("CONV_2D", options, (0, 1, 2), (3,))], (0,), (3,))
