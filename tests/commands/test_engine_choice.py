"""Which engine runs a model is never left open: commands name it, tell those passed over, and refuse idle settings."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.capture.test_sources import write_clip
from tests.support.command import Edge
from tests.support.nets import GRID_MANIFEST, grid_detector
from tests.support.servers import free_port


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    """The command in a folder with a tiny model, a picture and a clip."""
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    grid_detector(tmp_path / "grid.onnx")
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    cv2.imwrite("corner.png", np.full((60, 80, 3), 255, np.uint8))
    write_clip(tmp_path / "clip.mp4", frames=3)
    return Edge(monkeypatch, capsys)


def dead() -> str:
    return f"engine.kserve.url=http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("engines", "setting", "reason"),
    [
        ("openvino,onnxruntime", "model.device=NPU9", "openvino has no device NPU9 here; it has "),
        ("tensorrt,onnxruntime", "model.threads=1", "tensorrt: tensorrt is not installed"),
        ("tflite,onnxruntime", "model.threads=1", "tflite does not read .onnx files"),
        ("kserve,onnxruntime", "", "nothing listens there"),
    ],
)
@pytest.mark.parametrize("command", ["infer", "bench", "replay"])
def test_an_engine_that_is_passed_over_is_told_in_a_line(
    command: str, engines: str, setting: str, reason: str, edge: Edge
) -> None:
    words: dict[str, tuple[str, ...]] = {
        "infer": ("infer", "grid.onnx", "corner.png", "--json"),
        "bench": ("bench", "grid.onnx", "--streams", "1", "--clip", "clip.mp4", "--seconds", "0.1", "--json"),
        "replay": ("replay", "clip.mp4", "--events", "e", "--summary", "s", "--model", "grid.onnx"),
    }
    done = edge(*words[command], "--engine", engines, "--set", setting or dead())
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if "frames," not in line]
    assert len(told) == 1
    assert told[0].startswith("edge: passed over: ")
    assert engines.partition(",")[0] in told[0]
    assert reason in told[0]
    said = json.loads(Path("s").read_text() if command == "replay" else done.out)
    assert said["engine"] == "onnxruntime"


def test_where_no_engine_can_each_is_told_once(edge: Edge) -> None:
    done = edge("infer", "grid.onnx", "corner.png", "--engine", "openvino,kserve", "--set", dead(), "--set",
                "model.device=NPU9")  # fmt: skip
    assert done.code == 3
    assert len(done.err.splitlines()) == 1
    assert "no device NPU9" in done.err
    assert "nothing listens there" in done.err


def test_infer_names_model_and_engine_in_its_first_line(edge: Edge) -> None:
    done = edge("infer", "grid.onnx", "corner.png", "--engine", "openvino")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "grid on openvino"


def test_bench_times_each_of_several_engines(edge: Edge) -> None:
    words = ("bench", "grid.onnx", "--seconds", "0.1", "--engine", "tensorrt,openvino,onnxruntime")
    done = edge(*words, "--json")
    assert done.code == 0, done.err
    assert [row["engine"] for row in json.loads(done.out)["engines"]] == ["openvino", "onnxruntime"]
    assert done.err.startswith("edge: passed over: tensorrt")
    assert len(done.err.splitlines()) == 1
    table = edge(*words).out.splitlines()
    assert [row.split()[:2] for row in table] == [["model", "engine"], ["grid", "openvino"], ["grid", "onnxruntime"]]


def test_bench_of_several_passes_over_what_cannot_load_and_fails_where_none_can(edge: Edge) -> None:
    words = ("bench", "grid.onnx", "--seconds", "0.1", "--json", "--set", "model.device=NPU9", "--set", dead())
    done = edge(*words, "--engine", "openvino,onnxruntime")
    assert [row["engine"] for row in json.loads(done.out)["engines"]] == ["onnxruntime"]
    assert done.err.startswith("edge: passed over: openvino has no device NPU9")
    done = edge(*words, "--engine", "openvino,kserve")
    assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)


@pytest.mark.parametrize(
    ("setting", "instead"),
    [
        ("model.engine=openvino", "use `--engine`"),
        ("model.manifest=other.toml", "use `--manifest`"),
        ("model.min_score=0.9", "use `--min-score`"),
        (" model.name=other", "only keys of `model` and `engine`"),
        ("model.name=other", "name the model as MODEL"),
        ("model. name =other", "name the model as MODEL"),
        ("crop.policy=frame", "only keys of `model` and `engine`"),
        ("model.treads=1", "did you mean `threads`?"),
    ],
)
def test_a_setting_without_effect_is_refused_with_what_to_use(setting: str, instead: str, edge: Edge) -> None:
    done = edge("infer", "grid.onnx", "corner.png", "--set", setting)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert instead in done.err


@pytest.mark.parametrize("words", [("bench", "grid.onnx", "--set", "model.min_score=0.9"),
                                   ("engines", "--set", "model.engine=openvino")])  # fmt: skip
def test_a_command_without_the_option_says_which_settings_have_an_effect(words: tuple[str, ...], edge: Edge) -> None:
    done = edge(*words)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "of `model`, `threads`, `device`, `precision` have one" in done.err


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--engine", "kserve,onix", "no engine `onix`"),
        ("--engine", "onix", "no engine `onix`"),
        ("--model", "none", "no model is called `none`"),
        ("--threads", "999", "must be at most 256"),
    ],
)
@pytest.mark.parametrize("config", [False, True])
def test_replay_names_the_option_that_was_typed(
    option: str, value: str, complaint: str, config: bool, edge: Edge
) -> None:
    Path("edge.toml").write_text('[[camera]]\nname = "a"\nsource = "synthetic:"\n[model]\nthreads = 1\n')
    done = edge("replay", "clip.mp4", "--events", "e", option, value, *(("--config", "edge.toml") if config else ()))
    assert done.code == 2
    assert complaint in done.err
    assert f"{option} {value}" in done.err
    assert "--set" not in done.err


def test_replay_of_no_threads_takes_the_cores_again(edge: Edge) -> None:
    Path("edge.toml").write_text('[[camera]]\nname = "a"\nsource = "synthetic:"\n[model]\nname = "grid.onnx"\n')
    done = edge("replay", "clip.mp4", "--events", "e", "--config", "edge.toml", "--threads", "0")
    assert done.code == 0, done.err


def test_a_model_that_its_head_refuses_asks_for_the_decoder(edge: Edge) -> None:
    Path("grid.toml").write_text(GRID_MANIFEST.replace('"yolox"', '"yolov8"').replace("strides = [16]", ""))
    done = edge("infer", "grid.onnx", "corner.png")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "is its decoder really `yolov8`? `edge models inspect` guesses" in done.err


@pytest.mark.parametrize(
    ("engine", "setting", "said"),
    [
        ("tensorrt", "model.threads=1", "tensorrt is not installed: with JetPack: apt install"),
        (
            "movidius",
            "model.threads=1",
            "make a Python 3.6 to 3.9 with openvino==2021.4.2 and set engine.movidius.pyth",
        ),
        ("movidius", "engine.movidius.python=/none", "/none, which is no file"),
        ("kserve", "model.threads=1", "no server is named: set `engine.kserve.url`: a server of the Open"),
        ("kserve", "", "nothing listens there (connection refused)"),
    ],
)
def test_engines_says_in_a_short_row_what_is_to_be_done(engine: str, setting: str, said: str, edge: Edge) -> None:
    done = edge("engines", "--set", setting or dead())
    rows = [line for line in done.out.splitlines() if line.startswith(engine)]
    assert len(rows) == 1
    assert said in rows[0]
    assert ("Triton" in rows[0]) == ("no server is named" in rows[0])
    assert max(map(len, done.out.splitlines())) < 200
