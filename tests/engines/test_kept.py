"""What engines made of models is kept whole, bounded, and never taken for that of another model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge.engines import kept, registry
from edge.engines.base import EngineOptions
from tests.support.fake_tensorrt import Fake
from tests.support.nets import add_one

CONTENT = b"made in minutes"


def entry(model: Path, circumstances: str = "here") -> Path:
    made = kept.entry(model, circumstances, "engine", ".made")
    assert made is not None
    return made


def with_weights_beside(model: Path, number: float, location: str = "weights") -> Path:
    """y = x + number, the number in a file of its own."""
    read = onnx.load(str(add_one(model)))
    read.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.full(4, number, np.float32), "one"))
    (model.parent / location).unlink(missing_ok=True)  # onnx appends
    onnx.save(read, str(model), save_as_external_data=True, location=location, size_threshold=0)
    assert (model.parent / location).stat().st_size == 16
    return model


def test_what_was_kept_is_fetched_and_nothing_else_lies_there(tmp_path: Path, own_cache: Path) -> None:
    model = add_one(tmp_path / "m.onnx")
    assert kept.fetch(entry(model)) is None
    kept.keep(entry(model), CONTENT)
    assert kept.fetch(entry(model)) == CONTENT
    assert kept.fetch(entry(model, "elsewhere")) is None
    assert list((own_cache / "engine").iterdir()) == [entry(model)]


@pytest.mark.parametrize("damage", ["cut", "flip", "zeros", "empty", "digest alone"])
def test_what_is_damaged_is_not_fetched(damage: str, tmp_path: Path) -> None:
    place = entry(add_one(tmp_path / "m.onnx"))
    kept.keep(place, CONTENT)
    whole = place.read_bytes()
    place.write_bytes(
        {
            "cut": whole[:-1],
            "flip": whole[:-1] + b"?",
            "zeros": bytes(len(whole)),
            "empty": b"",
            "digest alone": whole[: kept.DIGEST],
        }[damage]
    )
    assert kept.fetch(place) is None


def test_those_unused_for_longest_go_first_and_other_kinds_stay(tmp_path: Path, own_cache: Path) -> None:
    other = kept.place("engine", "timing.cache")
    kept.keep(other, CONTENT)
    models = [add_one(tmp_path / f"{number}.onnx", (1, 1 + number)) for number in range(kept.KEPT + 3)]
    for age, model in enumerate(models[: kept.KEPT]):
        kept.keep(entry(model), CONTENT)
        os.utime(entry(model), (age, age))
    assert kept.fetch(entry(models[0])) == CONTENT
    for model in models[kept.KEPT :]:
        kept.keep(entry(model), CONTENT)
    assert len(list((own_cache / "engine").glob("*.made"))) == kept.KEPT
    gone = [model for model in models if kept.fetch(entry(model)) is None]
    assert gone == models[1:4]
    assert kept.fetch(other) == CONTENT


def test_drafts_that_a_power_cut_left_are_cleaned_and_those_being_written_stay(tmp_path: Path, own_cache: Path) -> None:
    (own_cache / "engine").mkdir(parents=True)
    drafts = {name: own_cache / "engine" / f"{name}.draft" for name in ("old", "of the future", "fresh")}
    for draft in drafts.values():
        draft.write_bytes(CONTENT)
    now = time.time()
    os.utime(drafts["old"], (now - 2 * kept.ABANDONED_S,) * 2)
    os.utime(drafts["of the future"], (now + 2 * kept.ABANDONED_S,) * 2)
    kept.keep(entry(add_one(tmp_path / "m.onnx")), CONTENT)
    assert [draft for draft in drafts.values() if draft.exists()] == [drafts["fresh"]]


@pytest.mark.parametrize("where", ["none", "a file", "a folder that takes nothing"])
def test_without_room_nothing_is_kept_and_nothing_fails(
    where: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add_one(tmp_path / "m.onnx")
    if where == "a folder that takes nothing":
        monkeypatch.setenv("EDGE_CACHE", "/proc/self")
    elif where == "a file":
        own_cache.write_text("no folder")
    else:
        for name in ("EDGE_CACHE", "CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"):
            monkeypatch.delenv(name, raising=False)
    place = kept.entry(model, "here", "engine", ".made")
    assert (place is None) is (where == "none")
    kept.keep(place, CONTENT)
    assert kept.fetch(place) is None


def test_weights_beside_a_model_are_part_of_it(tmp_path: Path) -> None:
    model = with_weights_beside(tmp_path / "m.onnx", 1)
    first, graph = entry(model), model.read_bytes()
    with_weights_beside(model, 2)
    assert model.read_bytes() == graph
    assert entry(model) != first
    with_weights_beside(model, 1)
    assert entry(model) == first


@pytest.mark.parametrize("location", ["w" * 128, "gone", "folder", "../weights", "/dev/zero", "value before key"])
def test_a_model_whose_parts_cannot_be_told_is_not_kept(location: str, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(bytes(16))
    (tmp_path / "models" / "folder").mkdir(parents=True)
    model = with_weights_beside(tmp_path / "models" / "m.onnx", 1, "w" * 100)
    data = model.read_bytes()
    named = b"\x0a\x08location\x12\x64" + b"w" * 100
    assert data.count(named) == 1
    length = b"\x80\x01" if len(location) == 128 else bytes([len(location)])
    other = b"\x0a\x08location\x12" + length + location.encode()
    if location == "value before key":
        other = named[10:] + named[:10]
    model.write_bytes(data.replace(named, other))
    assert kept.entry(model, "here", "engine", ".made") is None


def test_an_ir_is_its_two_files(tmp_path: Path) -> None:
    model, weights = tmp_path / "m.xml", tmp_path / "m.bin"
    model.write_text("<net/>")
    assert kept.entry(model, "here", "engine", ".made") is None
    weights.write_bytes(b"1")
    first = entry(model)
    weights.write_bytes(b"2")
    assert entry(model) != first


@pytest.mark.parametrize("engine", ["openvino", "tensorrt"])
def test_no_engine_runs_with_weights_of_yesterday(
    engine: str, tmp_path: Path, own_cache: Path, install: Callable[[str], Fake]
) -> None:
    if engine == "tensorrt":
        install("10.16.1.11")
    model = tmp_path / "m.onnx"
    for number in (1.0, 2.0, 1.0):
        loaded = registry.load(engine, with_weights_beside(model, number), EngineOptions(threads=1))
        np.testing.assert_array_equal(loaded.run({"x": np.zeros((1, 4), np.float32)})["y"], number)
        loaded.close()
    suffix = {"openvino": ".blob", "tensorrt": ".built"}[engine]
    assert len(list((own_cache / engine).glob(f"*{suffix}"))) == 2
