"""An installed packed model that cannot be read, verified or loaded makes way for what was installed before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines.base import Engine, EngineOptions, ModelFile
from edge.engines.links import Change
from edge.errors import EdgeError, ModelError, StorageError
from edge.models import trust
from edge.models.install import install
from edge.models.slots import Mark, Slots
from edge.models.store import Model
from edge.opening import open_predictor, prove
from edge.predictor import Predictor
from tests.support.epk import packed_grid

ONE = EngineOptions(threads=1)


@pytest.fixture
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slots:
    """A model of two versions: 1 works, 2 is in slot b and serves."""
    monkeypatch.setattr(trust, "SYSTEM", tmp_path / "system-keys")
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    install(packed_grid(tmp_path, 1), Path("old.epk"), prove)
    return Slots(tmp_path / "cache" / "models", "grid")


def second(tmp_path: Path, broken: str = "") -> None:
    """Install version 2, sound or not: it may have worked where and when it was installed."""
    install(packed_grid(tmp_path, 2, broken=broken), Path("new.epk"), lambda model: None)


def version(opened: Predictor) -> int:
    packed = opened.model.packed
    assert packed is not None
    opened.predict(np.zeros((32, 32, 3), np.uint8))
    opened.close()
    return packed.origin.version


def test_a_sound_one_serves_and_nothing_is_told(tmp_path: Path, slots: Slots) -> None:
    second(tmp_path)
    told: list[str] = []
    assert version(open_predictor("grid", options=ONE, passed_over=told.append)) == 2
    assert (told, slots.active) == ([], "b")


def test_a_damaged_one_is_gone_back_from_for_good(tmp_path: Path, slots: Slots) -> None:
    second(tmp_path)
    content = slots.file("b").read_bytes()
    slots.file("b").write_bytes(content[:-1])
    told: list[str] = []
    assert version(open_predictor("grid", options=ONE, passed_over=told.append)) == 1
    (line,) = told
    assert "grid.b.epk: is damaged" in line
    assert line.endswith("version 1 of grid, installed before, serves instead")
    assert (slots.active, slots.filled) == ("a", ("a",))
    assert "grid.b.epk: is damaged" in slots.aside
    assert (slots.folder / "grid.aside.epk").read_bytes() == content[:-1], "kept, to be looked at"
    told.clear()
    assert version(open_predictor("grid", options=ONE, passed_over=told.append)) == 1
    assert not told, "once is enough"


def test_one_that_cannot_be_loaded_is_gone_back_from_with_the_reason(tmp_path: Path, slots: Slots) -> None:
    second(tmp_path, broken="manifest")
    told: list[str] = []
    assert version(open_predictor("grid", options=ONE, passed_over=told.append)) == 1
    assert "it has no output `nothing`" in told[0]
    assert "it has no output `nothing`" in slots.aside
    assert slots.active == "a"


def test_a_chain_goes_back_too(tmp_path: Path, slots: Slots) -> None:
    second(tmp_path, broken="manifest")
    changes: list[Change] = []
    opened = open_predictor("grid", ["onnxruntime", "openvino"], ONE, on_change=changes.append)
    assert (version(opened), slots.active) == (1, "a")


def test_where_only_the_wanted_engine_cannot_load_it_it_keeps_its_place(
    tmp_path: Path, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    second(tmp_path)
    from edge.engines import openvino

    real = openvino.load

    def only_the_first(model: ModelFile, options: EngineOptions) -> Engine:
        if "grid.b" in str(getattr(model, "path", model)):
            raise ModelError("an operator that this release does not know")
        return real(model, options)

    monkeypatch.setattr(openvino, "load", only_the_first)
    told: list[str] = []
    assert version(open_predictor("grid", "openvino", ONE, passed_over=told.append)) == 1
    assert "an operator that this release does not know; version 1 of grid" in told[0]
    assert (slots.active, slots.aside) == ("b", "")
    assert version(open_predictor("grid", options=ONE)) == 2


def test_if_neither_can_be_loaded_the_fault_is_that_of_the_one_that_should(tmp_path: Path, slots: Slots) -> None:
    second(tmp_path)
    with pytest.raises(ModelError, match="tflite does not read"):
        open_predictor("grid", "tflite", ONE)
    slots.file("a").write_bytes(b"")
    slots.file("b").write_bytes(b"")
    with pytest.raises(ModelError, match=r"grid\.b\.epk: is no packed model"):
        open_predictor("grid", options=ONE)
    assert (slots.active, slots.aside) == ("b", "")


def test_a_manifest_given_by_the_user_that_does_not_fit_is_the_users_mistake(tmp_path: Path, slots: Slots) -> None:
    second(tmp_path)
    from tests.support.nets import GRID_MANIFEST

    (tmp_path / "wrong.toml").write_text(GRID_MANIFEST.replace('"output"', '"nothing"'))
    with pytest.raises(ModelError, match="it has no output `nothing`"):
        open_predictor("grid", options=ONE, manifest=tmp_path / "wrong.toml")
    assert slots.active == "b"


def test_who_may_not_write_uses_the_sound_one_and_switches_nothing(
    tmp_path: Path, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    second(tmp_path)
    slots.file("b").write_bytes(b"")

    def refused(self: Slots, letter: str, reason: str, mark: Mark) -> None:
        raise StorageError("cannot be written: Read-only file system")

    monkeypatch.setattr(Slots, "set_aside", refused)
    told: list[str] = []
    assert version(open_predictor("grid", options=ONE, passed_over=told.append)) == 1
    assert "serves instead" in told[0]
    assert (slots.active, slots.aside) == ("b", "")


@pytest.mark.parametrize("broken", ["manifest", "nan"])
def test_trying_out_tells_what_would_not_serve(tmp_path: Path, broken: str) -> None:
    from edge.models.store import packed_model

    path = tmp_path / "bad.epk"
    path.write_bytes(packed_grid(tmp_path, broken=broken))
    model: Model = packed_model(path)
    with pytest.raises(EdgeError, match="no output `nothing`" if broken == "manifest" else "is not finite"):
        prove(model)
