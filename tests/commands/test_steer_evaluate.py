"""`edge steer evaluate` and `edge steer imitate`, as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.models.manifest import read_manifest
from edge.models.packed.read import read
from edge.steer.pilot import FILE, open_pilot
from tests.support.command import Edge


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def test_the_model_that_ships_comes_round_where_who_never_steers_does_not(edge: Edge) -> None:
    done = edge("steer", "evaluate", "mainsqueeze", "--sim", "ours", "--tracks", "1", "--seed", "3", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["sim"], told["seed"], told["tracks"]) == ("ours", 3, 1)
    rows = {row["pilot"]: row for row in told["rows"]}
    assert {"model", "expert", "steer-0"} <= set(rows)
    assert rows["model"]["laps"] == rows["expert"]["laps"] == 1
    assert rows["model"]["cross_track_rms_m"] <= 0.35
    assert rows["steer-0"]["laps"] == 0
    assert rows["steer-0"]["off_track"] == 1
    assert rows["expert"]["cross_track_rms_m"] < rows["expert"]["cross_track_worst_m"]
    assert rows["model"]["jerk"] > 0


def test_people_get_a_table(edge: Edge) -> None:
    done = edge("steer", "evaluate", "mainsqueeze", "--tracks", "1", "--seed", "3", "--delay-ms", "200")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("pilot")
    assert any(line.startswith("model") and "1/1" in line for line in lines)
    assert any(line.startswith("steer-0") and "0/1" in line for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [("no-such-model",), ("mainsqueeze", "--tracks", "0"), ("mainsqueeze", "--seed", "-1"), ("README.md",)],
)
def test_a_mistake_gives_a_few_lines(edge: Edge, arguments: tuple[str, ...]) -> None:
    done = edge("steer", "evaluate", *arguments, "--json")
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.splitlines()) <= 3


def test_a_model_that_does_not_steer_is_told_so(edge: Edge) -> None:
    done = edge("steer", "evaluate", str(FILE.parents[1] / "posture" / "temporal.epk"), "--tracks", "1")
    assert done.code == 2
    assert "does not steer" in done.err


def test_the_model_that_ships_has_52_parameters_in_less_than_3_kb() -> None:
    packed = read(FILE)
    assert sum(array.size for _, array in packed.weights()) == 52
    assert FILE.stat().st_size < 3000
    assert packed.manifest.input.colour == "HSV-S"


def test_a_taught_model_is_written_and_drives_what_it_can(edge: Edge, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    path = tmp_path / "short.epk"
    done = edge("steer", "imitate", "-o", path, "--tracks", "1", "--rounds", "0", "--steps", "10", "10", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["parameters"] == 52
    assert told["bytes"] == path.stat().st_size
    assert "round 0" in done.err
    pilot = open_pilot(str(path))
    assert -1 <= pilot.steer(np.full((160, 320, 3), 90, np.uint8)) <= 1
    pilot.close()


@pytest.mark.parametrize(("suffix", "engine"), [("onnx", "onnxruntime"), ("tflite", "tflite")])
def test_a_taught_model_is_written_plain_with_its_manifest(
    edge: Edge, tmp_path: Path, suffix: str, engine: str
) -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    path = tmp_path / f"short.{suffix}"
    done = edge("steer", "imitate", "-o", path, "--tracks", "1", "--rounds", "0", "--steps", "2", "2", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["bytes"] == path.stat().st_size
    assert read_manifest(path.with_suffix(".toml")).input.rows == (0.4375, 0.875)
    pilot = open_pilot(str(path), engine)
    assert -1 <= pilot.steer(np.full((160, 320, 3), 90, np.uint8)) <= 1
    pilot.close()


def test_a_files_name_tells_its_format(edge: Edge, tmp_path: Path) -> None:
    done = edge("steer", "imitate", "-o", tmp_path / "model.pth")
    assert done.code == 2
    assert "NAME.epk, NAME.onnx or NAME.tflite" in done.err
    (tmp_path / "edge.toml").write_text("[node]\n")
    done = edge("steer", "imitate", "-o", tmp_path / "edge.onnx")
    assert done.code == 2
    assert "edge.toml: is there already" in done.err
    assert (tmp_path / "edge.toml").read_text() == "[node]\n"
