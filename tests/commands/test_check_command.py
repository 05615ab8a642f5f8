"""`edge check` tells all that is wrong, and nothing when nothing is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from edge.judging import FILE
from tests.support.command import Edge
from tests.support.daemon import EDGE

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
        (CAMERA + '[model]\nengine = "tflite"\n', 5, "tflite does not read .pb files; try openvino"),
        (CAMERA + '[model]\nengine = ["auto", "tflite"]\n', 5, "`auto` stands alone, not in a list"),
        (CAMERA + '[model]\nengine = ["autto", "tflite"]\n', 5, "there are onnxruntime, tflite"),
        (CAMERA + '[model]\nengine = ["autto"]\n', 5, "did you mean `auto`?"),
        (CAMERA + '[model]\nname = "pose-landmark-full"\n', 5, "cameras need one that detects"),
        (CAMERA + '[model]\nname = "ssdlite-pedestrain"\n', 5, "`ssdlite-pedestrian`"),
        (CAMERA + 'labels = ["motion",\n "perron"]\n', 5, "`person`"),
        (CAMERA + 'labels = ["person", "car"]\n', 4, "yolox-nano"),
        (CAMERA + 'labels = ["unicorn"]\n', 4, "there are person"),
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


def test_an_alarm_that_nothing_sets_off_is_noted(edge: Edge, tmp_path: Path) -> None:
    cars = 'labels = ["car"]\n[model]\nname = "yolox-nano"\n'
    assert "nothing sets it off" in edge("check", "--config", write(tmp_path, CAMERA + cars)).out
    for text in (cars + '[alarm]\nlabels = ["car"]\n', 'labels = ["motion"]\n', ""):
        assert "nothing sets it off" not in edge("check", "--config", write(tmp_path, CAMERA + text)).out


@pytest.mark.parametrize(
    "text",
    [
        'labels = ["motion"]\n',
        'labels = ["motion"]\n[model]\nname = "pose-landmark-full"\n',  # never loaded
        'enabled = false\n[model]\nengine = "tflite"\n',
        '[model]\nengine = ["tensorrt", "openvino"]\n',  # the second is tried
    ],
)
def test_what_would_start_is_fine(edge: Edge, tmp_path: Path, text: str) -> None:
    assert edge("check", "--config", write(tmp_path, CAMERA + text)).code == 0


@pytest.mark.parametrize(
    ("model", "code"),
    [('engine = "tflite"', 2), ('name = "pose-landmark-full"', 2), ('engine = "openvno"', 2)],
)
def test_what_the_check_refuses_the_daemon_refuses_at_once(edge: Edge, tmp_path: Path, model: str, code: int) -> None:
    path = write(tmp_path, f'[node]\ndata = "data"\n{CAMERA}[model]\n{model}\n')
    checked = edge("check", "--config", path)
    # A process of its own: `edge run` sets the logging up for its whole process.
    started = subprocess.run([EDGE, "run", "--config", path], capture_output=True, text=True, timeout=60)
    assert (checked.code, started.returncode) == (2, code)
    assert checked.err == started.stderr
    assert not (tmp_path / "data").exists()


def test_the_pose_model_is_checked_and_told(edge: Edge, tmp_path: Path) -> None:
    done = edge("check", "--config", write(tmp_path, CAMERA + "[pose]\nenabled = true\n"))
    assert done.code == 0
    assert "pose-landmark-full" in done.out
    done = edge("check", "--config", write(tmp_path, CAMERA + '[pose]\nenabled = true\nmodel = "pose-detection"\n'))
    assert done.code == 2
    assert "finds no joints" in done.err


def test_an_engine_that_cannot_read_the_pose_model_is_told_at_its_line(edge: Edge, tmp_path: Path) -> None:
    done = edge("check", "--config", write(tmp_path, CAMERA + '[pose]\nenabled = true\nengine = "onnxruntime"\n'))
    assert done.code == 2
    assert "edge.toml:6:" in done.err
    assert "onnxruntime does not read .tflite files; try tflite or openvino" in done.err


def test_what_is_set_about_postures_and_does_nothing_is_said(edge: Edge, tmp_path: Path) -> None:
    bed = '[[camera.zone]]\nname = "bed"\npoints = [[0, 0], [1, 0], [1, 1]]\nrest = true\n'
    path = write(tmp_path, CAMERA + bed + "[pose]\ncrowd = 4\n")
    done = edge("check", "--config", path)
    assert done.code == 0, done.err
    assert "`pose.crowd`, `rest` of zone bed: without effect while `pose.enabled` is false" in done.out
    path = write(tmp_path, CAMERA + 'labels = ["motion"]\n' + "[pose]\nenabled = true\n")
    assert "camera porch looks for no `person`" in edge("check", "--config", path).out
    path = write(tmp_path, CAMERA + "pose = false\n" + bed + "[pose]\nenabled = true\n")
    assert "`rest` of zone bed of camera porch: without effect where nobody's" in edge("check", "--config", path).out
    for idle, why in (
        (f'network = "{FILE}"', 'judge = "rules"'),
        ('alert_for = ["fall"]', 'alert = "never"'),
    ):
        path = write(tmp_path, f"{CAMERA}[pose]\nenabled = true\n{idle}\n{why}\n")
        told = edge("check", "--config", path).out
        assert f"`pose.{idle.split()[0]}`: without effect with `pose.{why}`" in told
        path = write(tmp_path, f"{CAMERA}[pose]\nenabled = true\n{idle}\n")
        assert "without effect" not in edge("check", "--config", path).out
    path = write(tmp_path, CAMERA)
    assert "postures" not in edge("check", "--config", path).out


def test_a_file_that_is_no_network_of_falls_is_told_at_its_line(edge: Edge, tmp_path: Path) -> None:
    other = Path(__file__).parents[2] / "edge" / "steer" / "mainsqueeze.epk"
    path = write(tmp_path, CAMERA + f'[pose]\nenabled = true\nnetwork = "{other}"\n')
    done = edge("check", "--config", path)
    assert done.code == 2
    assert f"{path}:6:11" in done.err
    assert "does not judge falls" in done.err
    path = write(tmp_path, CAMERA + '[pose]\nenabled = true\nnetwork = "none.epk"\n')
    assert "no file" in edge("check", "--config", path).err
