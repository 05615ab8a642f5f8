"""`edge steer train`, as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.engines.base import EngineOptions
from edge.models.packed.read import read
from edge.steer.pilot import open_pilot
from tests.support.command import Edge
from tests.support.recordings import road, tub, udacity, wheel

pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
QUICK = ("--family", "conv63", "--epochs", "1")


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def test_a_tub_becomes_a_pilot_and_a_report(edge: Edge, tmp_path: Path) -> None:
    drive = tub(tmp_path / "drive", wheel(160), deleted=(3, 4))
    (drive / "images" / "9_cam_image_array_.jpg").unlink()
    out, folder = tmp_path / "line.epk", tmp_path / "report"
    done = edge("steer", "train", drive, "-o", out, *QUICK, "--seed", "2", "--report", folder, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["parameters"] == 63
    assert told["left_out"] == 1
    assert "catalog_0.catalog:10: picture 9_cam_image_array_.jpg is not in" in done.err
    assert "epoch 1: loss" in done.err
    assert told["validated_by"] == 32
    assert told["learned_from"] < told["recorded"] <= 160 - 3 - 32
    assert told["of_predicting_the_mean"] < 1
    assert json.loads((folder / "figures.json").read_text()) == told
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 3
    assert sum(page.count(f'src="{path.name}"') for path in folder.glob("overlay-*.jpg")) == 9
    manifest = read(out).manifest
    assert manifest.input.rows == pytest.approx((1 / 3, 1.0))
    pilot = open_pilot(str(out), options=EngineOptions(threads=1))
    assert pilot.steer(road(0.8)) > pilot.steer(road(-0.8))
    pilot.close()


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_a_simulators_log_becomes_a_pilot_of_either_format(suffix: str, edge: Edge, tmp_path: Path) -> None:
    if suffix == "tflite":
        pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not here: pip install 'edge-runtime[tflite]'")
    drive = udacity(tmp_path / "drive", wheel(110))
    out = tmp_path / f"line.{suffix}"
    done = edge("steer", "train", drive, "-o", out, *QUICK, "--head", "categorical", "--zeros", "1", "--cap", "0")
    assert done.code == 0, done.err
    assert "665 parameters" in done.out
    assert "later pictures: mean absolute error" in done.out
    pilot = open_pilot(str(out), options=EngineOptions(threads=1))
    assert abs(pilot.steer(road(0.0, 320, 160))) <= 1
    pilot.close()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("-o", "x.bin"), "call it NAME.epk, NAME.onnx or NAME.tflite"),
        (("-o", "x.epk", "--rows", "0.8", "0.2"), "--rows 0.8 0.2: the upper one comes first"),
        (("-o", "nowhere/x.epk"), "cannot be written"),
        (("-o", "x.epk"), "0 pictures to learn from and 2 that validate, of at least 20 each"),
        (("elsewhere", "-o", "x.epk"), "elsewhere: is not there"),
        (("-o", f"{'x' * 300}.epk"), "its name is too long"),
        (("-o", "made.onnx"), "made.toml: is there already"),
        (("-o", "my track.epk"), "letters, digits, `.`, `_` and `-`, not 'my track'"),
        (("-o", "x.epk", "--cap", "nan"), "'--cap': nan is no finite number"),
        (("-o", "x.epk", "--cap", "inf"), "'--cap': inf is no finite number"),
        (("-o", "x.epk", "--zeros", "nan"), "'--zeros': nan is no finite number"),
        (("-o", "x.epk", "--rows", "0", "nan"), "'--rows': nan is no finite number"),
        (("-o", "x.epk", "--seed", str(1 << 64)), "'--seed'"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    more: tuple[str, ...], told: str, edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tub(tmp_path / "drive", wheel(10))
    (tmp_path / "made.onnx").touch()
    (tmp_path / "made.toml").mkdir()
    done = edge("steer", "train", "drive", *more)
    assert done.code == 2
    assert told in done.err
    assert not (tmp_path / "x.epk").exists()


def test_of_many_faults_the_first_are_told_and_all_are_counted(edge: Edge, tmp_path: Path) -> None:
    drive = tub(tmp_path / "drive", wheel(120))
    for k in (0, 1, 2, 3, 4, 5, 6, 8):
        (drive / "images" / f"{k}_cam_image_array_.jpg").unlink()
    (drive / "images" / "110_cam_image_array_.jpg").write_bytes(b"no picture")
    (drive / "manifest.json").write_text("{")
    done = edge("steer", "train", drive, "-o", tmp_path / "x.epk", *QUICK)
    assert done.code == 0, done.err
    assert done.err.count("is not in") == 4
    assert "5 more like these; 10 in all" in done.err


def test_a_wheel_that_never_moves_teaches_nothing(edge: Edge, tmp_path: Path) -> None:
    done = edge("steer", "train", tub(tmp_path / "drive", [0.2] * 120), "-o", tmp_path / "x.epk", "--cap", "0")
    assert done.code == 2
    assert "the wheel never moves" in done.err


def test_recordings_that_show_other_rows_want_to_be_told_which(edge: Edge, tmp_path: Path) -> None:
    one, other = tub(tmp_path / "tub", wheel(3)), udacity(tmp_path / "log", wheel(3))
    done = edge("steer", "train", one, other, "-o", tmp_path / "x.epk")
    assert done.code == 2
    assert "say which: --rows TOP BOTTOM" in done.err


def test_what_a_recording_names_is_no_order_to_the_terminal(edge: Edge, tmp_path: Path) -> None:
    drive = tub(tmp_path / "drive", wheel(10))
    catalog = drive / "catalog_0.catalog"
    catalog.write_text(catalog.read_text() + json.dumps({"cam/image_array": "\x1b[2J\nx.jpg", "user/angle": 0}) + "\n")
    tub(tmp_path / "other", wheel(160))
    done = edge("steer", "train", drive, tmp_path / "other", "-o", tmp_path / "x.epk", *QUICK)
    assert done.code == 0, done.err
    assert "picture ?[2J?x.jpg is not in" in done.err
