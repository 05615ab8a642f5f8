"""What a packed file gives to engines: private while it is a file, gone afterwards, held no longer than needed."""

from __future__ import annotations

import gc
import stat
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.engines import child_engine, kept, registry
from edge.engines.base import EngineOptions, Unpacked, content_of, path_of, suffix_of
from edge.engines.plain import as_file
from edge.errors import EngineError, ModelError, StorageError
from tests.support.children import run_again
from tests.support.nets import add_one, ir_adding
from tests.support.old_openvino import python_with_openvino
from tests.support.packing import unpacked
from tests.support.servers import ROOT

NUMBERS = np.arange(100, dtype=np.float32).reshape(1, 100)


def test_a_file_is_there_for_its_block_alone_and_for_this_user_alone(tmp_path: Path) -> None:
    inside = unpacked(ir_adding(tmp_path / "add.xml", NUMBERS))
    with as_file(inside) as file:
        assert file.suffix == ".xml"
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert file.read_bytes() == inside.plain()
        assert file.with_suffix(".bin").read_bytes() == (tmp_path / "add.bin").read_bytes()
        folder = file.parent
    assert not folder.exists()


def test_a_plain_file_is_taken_where_it_is(tmp_path: Path) -> None:
    model = add_one(tmp_path / "a.onnx")
    with as_file(model) as file:
        assert file == model
    assert model.exists()


def test_no_room_for_the_file_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    inside = unpacked(add_one(tmp_path / "a.onnx"))

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with (
        pytest.raises(StorageError, match=r"a\.epk: cannot be unpacked to .*: .*No space left") as fault,
        as_file(inside),
    ):
        pass
    assert "\n" not in str(fault.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_names_and_messages_are_those_of_the_packed_file(tmp_path: Path) -> None:
    model = add_one(tmp_path / "a.onnx")
    inside = unpacked(model)
    assert path_of(inside) == tmp_path / "a.epk"
    assert (suffix_of(inside), suffix_of(model)) == (".onnx", ".onnx")
    assert content_of(model) == model.read_bytes()
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read: .*No such file"):
        content_of(tmp_path / "gone.onnx")
    with pytest.raises(ModelError, match=r"tflite does not read \.onnx files"):
        registry.load("tflite", inside)


def test_what_is_made_of_it_is_kept_by_the_packed_files_digest(tmp_path: Path) -> None:
    one = Unpacked(tmp_path / "m.epk", ".onnx", "ab" * 32, bytes)
    other = Unpacked(tmp_path / "m.epk", ".onnx", "cd" * 32, bytes)
    places = [kept.entry(model, "here", "engine", ".made") for model in (one, one, other)]
    assert places[0] == places[1] != places[2]
    assert places[0] is not None
    assert places[0].name.startswith("m-")


def test_onnxruntime_holds_no_array_once_the_session_is_made(tmp_path: Path) -> None:
    inside = unpacked(add_one(tmp_path / "a.onnx"), least=1)
    given: list[weakref.ref[NDArray[Any]]] = []

    def skeleton() -> tuple[bytes, Iterator[tuple[str, NDArray[Any]]]]:
        assert inside.skeleton is not None
        content, weights = inside.skeleton()
        arrays = dict(weights)
        given.extend(weakref.ref(array) for array in arrays.values())
        return content, iter(arrays.items())

    watched = Unpacked(inside.path, inside.suffix, inside.sha256, inside.plain, skeleton=skeleton)
    engine = registry.load("onnxruntime", watched, EngineOptions(threads=1))
    gc.collect()
    assert len(given) == 1
    assert given[0]() is None
    np.testing.assert_array_equal(engine.run({"x": np.ones((1, 4), np.float32)})["y"], 2)


def test_a_child_that_was_lost_is_given_the_model_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_engine, "BETWEEN_STARTS_S", 0.0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    options = EngineOptions(threads=1, device="CPU", python=python_with_openvino())
    engine: Any = registry.load("movidius", unpacked(add_one(tmp_path / "a.onnx")), options)
    (tmp_path / "a.onnx").unlink()
    engine._child.shoot()
    feed = {"x": np.ones((1, 4), np.float32)}
    with pytest.raises(EngineError):
        engine.run(feed)
    np.testing.assert_array_equal(run_again(engine, feed)["y"], 2)
    engine.close()
    assert not list(tmp_path.iterdir())


def test_what_loads_a_model_waits_for_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys; from edge.engines import registry; from edge.models.packed.read import read;"
        "registry.usable('onnxruntime', '.onnx');"
        "print({'cv2', 'importlib.metadata', 'cryptography', 'numpy.ma', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("set()\n", "")
