"""`edge check` tells all that is wrong, and nothing when nothing is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Edge

CAMERA = '[[camera]]\nname = "porch"\nsource = "rtsp://me:hunter2@cam/1"\n'


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def test_a_good_file_is_one_line_and_a_summary_without_secrets(edge: Edge, tmp_path: Path) -> None:
    path = write(tmp_path, CAMERA + '[mqtt]\nhost = "broker"\n')
    done = edge("check", "--config", path)
    assert done.code == 0
    assert done.out.splitlines()[0] == f"{path}: fine"
    for said in ("porch", "rtsp://***@cam/1", "broker:1883", "ssdlite-pedestrian", "127.0.0.1:8099"):
        assert said in done.out
    assert "hunter2" not in done.out + done.err


def test_every_error_has_its_place(edge: Edge, tmp_path: Path) -> None:
    path = write(tmp_path, '[[camera]]\nname = "a"\nsorce = "file:x.mp4"\n[mqtt]\nport = "many"\n')
    done = edge("check", "--config", path)
    assert done.code == 2
    assert f"{path}:3:1" in done.err
    assert "`source`" in done.err
    assert f"{path}:5:8" in done.err
    assert "Nothing was started" in done.err


def test_a_program_gets_the_same_as_json(edge: Edge, tmp_path: Path) -> None:
    path = write(tmp_path, CAMERA + "loop = 1\n")
    done = edge("check", "--config", path, "--json")
    found = json.loads(done.out)
    assert (done.code, found["ok"], found["errors"][0]["line"], found["errors"][0]["key"]) == (
        2,
        False,
        4,
        "camera[0].loop",
    )
    path = write(tmp_path, CAMERA)
    done = edge("check", "--config", path, "--json")
    assert (done.code, json.loads(done.out)) == (0, {"ok": True, "errors": []})


def test_no_file_is_the_users_mistake(edge: Edge, tmp_path: Path) -> None:
    done = edge("check", "--config", tmp_path / "none.toml")
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (CAMERA + '[model]\nengine = "onxruntime"\n', 5, "`onnxruntime`"),
        (CAMERA + '[model]\nengine = ["onnxruntime", "tensorrt"]\n', 5, "later release"),
        (CAMERA + '[model]\nname = "ssdlite-pedestrain"\n', 5, "`ssdlite-pedestrian`"),
        (CAMERA + 'labels = ["motion",\n "perron"]\n', 5, "`person`"),
        (CAMERA.replace("rtsp://me:hunter2@cam/1", "file:gone.mp4"), 3, "gone.mp4"),
        (CAMERA + '[model]\nname = "text.onnx"\n', 5, "no manifest"),
        (CAMERA + '[model]\nname = "gone.onnx"\n', 5, "gone.onnx"),
    ],
)
def test_what_does_not_fit_together_is_found(edge: Edge, tmp_path: Path, text: str, line: int, said: str) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    path = write(tmp_path, text)
    done = edge("check", "--config", path)
    assert done.code == 2
    assert f"{path}:{line}:" in done.err
    assert said in done.err
    assert "1 error in" in done.err


def test_a_camera_of_motion_alone_needs_no_label_of_a_model(edge: Edge, tmp_path: Path) -> None:
    assert edge("check", "--config", write(tmp_path, CAMERA + 'labels = ["motion"]\n')).code == 0
