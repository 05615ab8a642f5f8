"""Which models a configuration means, and what of them has to be here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge import wiring
from edge.chosen import chosen
from edge.config.load import default_config
from edge.config.schema import Config
from edge.errors import ConfigError, MissingError
from edge.models import catalogue, store
from tests.support.shared_data import SSD, needs_data

STREET, BODIES = catalogue.DEFAULTS


def here(name: str) -> Path | None:
    entry = catalogue.by_name(name)
    return None if entry is None else store.cached(entry)


needs_both = pytest.mark.skipif(not (here(STREET) and here(BODIES)), reason="needs `edge models pull`")


def config(*settings: tuple[str, object]) -> Config:
    return default_config({"a": "synthetic:"}, list(settings))


@pytest.fixture
def only_street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of before: one model was pulled."""
    file = here(STREET)
    assert file is not None
    (tmp_path / "models").mkdir()
    shutil.copy(file, tmp_path / "models")
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path))


@needs_both
def test_who_names_none_has_both_each_on_its_own_engine() -> None:
    many = chosen(config())
    assert [one.model.manifest.name for one in many] == [STREET, BODIES]
    with_both = wiring.open_model(config(), config().camera)
    assert [part.ref.engine for part in with_both.parts] == ["openvino", "tflite"]
    assert with_both.ref.name == STREET
    assert with_both.labels == ("person",)
    assert with_both.usual_score == 0.5
    with_both.close()


@needs_both
def test_a_named_engine_serves_the_models_that_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.engines for one in chosen(config(("model.engine", "openvino")))] == [("openvino",), ("openvino",)]
    first, second = chosen(config(("model.engine", ["kserve", "openvino"]), ("model.device", "CPU")))
    assert (first.engines, second.engines) == (("kserve", "openvino"), ("openvino",))
    assert chosen(config(("model.engine", "kserve")))[1].engines == ("auto",)


@needs_both
@pytest.mark.usefixtures("only_street")
def test_who_has_the_first_alone_goes_on_with_it_and_is_told_how_to_get_the_other() -> None:
    said: list[str] = []
    assert [one.model.manifest.name for one in chosen(config(), done_without=said.append)] == [STREET]
    assert len(said) == 1
    assert f"edge models pull {BODIES}" in said[0]
    detector = wiring.open_model(config(), config().camera, passed_over=said.append)
    assert len(detector.parts) == 1
    detector.close()


@needs_both
@pytest.mark.usefixtures("only_street")
def test_who_names_a_model_that_is_not_here_is_not_started_without_it() -> None:
    with pytest.raises(MissingError, match=f"edge models pull {BODIES}"):
        chosen(config(("model.name", [STREET, BODIES])))


def test_the_first_of_the_default_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=f"edge models pull {STREET}"):
        chosen(config())


@pytest.mark.parametrize("name", [[], [""], ["yolox-nano", 3], 5, ["yolox-nano", "yolox-nano"]])
def test_a_name_is_a_text_or_different_ones(name: object) -> None:
    with pytest.raises(ConfigError, match=r"model\.name"):
        config(("model.name", name))


def test_one_name_is_one_model_also_in_a_list() -> None:
    assert config(("model.name", "yolox-nano")).model.names == ("yolox-nano",)
    assert config(("model.name", ["yolox-nano"])).model == config(("model.name", "yolox-nano")).model
    assert not config(("model.name", "yolox-nano")).model.by_default
    assert config().model.by_default


@needs_both
@needs_data
def test_other_models_join_as_well_and_the_labels_of_all_are_known() -> None:
    named = config(("model.name", [str(SSD), BODIES]), ("camera.0.labels", ["person", "car"]))
    detector = wiring.open_model(named, named.camera)
    assert set(named.camera[0].objects) <= set(detector.labels)
    assert detector.min_score == pytest.approx(wiring.WEAK * detector.usual_score)
    detector.close()
