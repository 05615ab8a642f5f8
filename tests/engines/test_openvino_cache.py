"""Compiled models of OpenVINO come from the cache only as what they are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.engines import kept, registry
from edge.engines.base import EngineOptions
from tests.support.nets import onnx_file

ONE = EngineOptions(threads=1)
X = {"x": np.zeros((1, 4), np.float32)}


def adding(path: Path, number: float) -> Path:
    spec = ((1, 4), TensorProto.FLOAT)
    node = helper.make_node("Add", ["x", "number"], ["y"])
    return onnx_file(path, [node], {"x": spec}, {"y": spec}, {"number": np.full(4, number, np.float32)})


def run(model: Path, options: EngineOptions = ONE) -> float:
    engine = registry.load("openvino", model, options)
    assert [s.name for s in (*engine.inputs, *engine.outputs)] == ["x", "y"]
    made = engine.run(X)["y"]
    engine.close()
    return float(made[0, 0])


def blobs(cache: Path) -> list[Path]:
    return sorted((cache / "openvino").glob("*.blob"))


def test_a_model_replaced_under_its_name_and_time_is_not_the_old_one(tmp_path: Path, own_cache: Path) -> None:
    model = adding(tmp_path / "m.onnx", 1)
    written = model.stat()
    assert run(model) == 1
    adding(model, 2)
    os.utime(model, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert (model.stat().st_size, model.stat().st_mtime_ns) == (written.st_size, written.st_mtime_ns)
    assert run(model) == 2
    assert len(blobs(own_cache)) == 2


def test_what_was_compiled_is_fetched_from_wherever_the_file_lies(tmp_path: Path, own_cache: Path) -> None:
    model = adding(tmp_path / "m.onnx", 1)
    run(model)
    (blob,) = blobs(own_cache)
    before = blob.stat().st_mtime_ns
    (tmp_path / "elsewhere").mkdir()
    assert run(model.rename(tmp_path / "elsewhere" / "m.onnx")) == 1
    assert blobs(own_cache) == [blob]
    assert blob.stat().st_mtime_ns == before


def test_shapes_and_threads_have_compiled_models_of_their_own(tmp_path: Path, own_cache: Path) -> None:
    model = adding(tmp_path / "m.onnx", 1)
    run(model)
    run(model, EngineOptions(threads=2))
    assert len(blobs(own_cache)) == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "zeros", "empty"])
def test_a_damaged_blob_is_compiled_anew(damage: str, tmp_path: Path, own_cache: Path) -> None:
    model = adding(tmp_path / "m.onnx", 1)
    run(model)
    (blob,) = blobs(own_cache)
    whole = blob.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    blob.write_bytes({"cut": whole[:-100], "flip": flipped, "zeros": bytes(len(whole)), "empty": b""}[damage])
    assert run(model) == 1
    assert kept.fetch(blob) is not None


def test_a_blob_that_openvino_does_not_take_is_compiled_anew(tmp_path: Path, own_cache: Path) -> None:
    model = adding(tmp_path / "m.onnx", 1)
    run(model)
    (blob,) = blobs(own_cache)
    kept.keep(blob, b"of another release")
    assert run(model) == 1
