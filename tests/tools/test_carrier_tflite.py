"""Weights cut out of TFLite files and put back, byte by byte; what is no TFLite file is refused."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.models.packed.carriers import fill_holes
from edge.tools.carrier_tflite import cut_tflite
from tests.support.nets import Tensor, tflite_file
from tests.support.packing import pieces, same
from tests.support.shared_data import MODELS, needs_data

KERNEL = np.random.default_rng(1).normal(size=(8, 3, 3, 3)).astype(np.float32)
BIAS = np.arange(8, dtype=np.float32)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    tensors = [
        Tensor("x", (1, 6, 6, 3)),
        Tensor("kernel", KERNEL.shape, data=KERNEL),
        Tensor("bias", (8,), data=BIAS),
        Tensor("y", (1, 4, 4, 8)),
    ]
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    file = tmp_path_factory.mktemp("tflite") / "c.tflite"
    return tflite_file(file, tensors, [("CONV_2D", options, (0, 1, 2), (3,))], (0,), (3,)).read_bytes()


def test_weights_have_their_names_shapes_and_values_and_small_ones_stay(content: bytes) -> None:
    left, weights = cut_tflite(content)
    assert [weight.name for weight in weights] == ["kernel"]
    assert same(weights[0].array, KERNEL)
    assert content[weights[0].at : (weights[0].at or 0) + KERNEL.nbytes] == KERNEL.tobytes()
    assert BIAS.tobytes() in left
    assert fill_holes(left, len(content), pieces(weights)) == content


def test_two_tensors_of_one_name_or_one_buffer_are_told_apart(tmp_path: Path) -> None:
    tensors = [Tensor("w", KERNEL.shape, data=KERNEL + n) for n in range(3)]
    file = tflite_file(tmp_path / "w.tflite", tensors, [], (), (0, 1, 2))
    model = schema.ModelT.InitFromPackedBuf(file.read_bytes(), 0)
    left, weights = cut_tflite(file.read_bytes())
    assert len({weight.name for weight in weights}) == 3
    assert fill_holes(left, file.stat().st_size, pieces(weights)) == file.read_bytes()
    assert len(model.subgraphs[0].tensors) == 3


@needs_data
@pytest.mark.parametrize("name", [path.name for path in sorted(MODELS.glob("*.tflite"))])
def test_real_files_come_back_byte_by_byte(name: str) -> None:
    whole = (MODELS / name).read_bytes()
    left, weights = cut_tflite(whole)
    assert fill_holes(left, len(whole), pieces(weights)) == whole
    assert len(weights) > 10
    assert len(left) < 0.4 * len(whole)
    assert len({weight.name for weight in weights}) == len(weights)


@given(st.integers(0, 1 << 30))
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_refused_or_comes_back_byte_by_byte(content: bytes, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    broken = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        broken[rng.randrange(len(broken))] = rng.randrange(256)
    whole = bytes(broken[: rng.choice((len(broken), rng.randrange(len(broken))))])
    with contextlib.suppress(ModelError):
        left, weights = cut_tflite(whole)
        assert fill_holes(left, len(whole), pieces(weights)) == whole


@pytest.mark.parametrize(
    "whole", [b"", b"TFL3", b"\x08\x08\x00\x00TFL3", b"\xff" * 4 + b"TFL3" + bytes(40), bytes(100)]
)
def test_what_is_none_is_one_line(whole: bytes) -> None:
    with pytest.raises(ModelError, match="not a TFLite file") as fault:
        cut_tflite(whole)
    assert "\n" not in str(fault.value)
