"""The command that owners prove settings with: what it finds, that it repeats itself, how it fails."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.capture.base import Shot
from edge.capture.synthetic import Synthetic
from edge.config.load import default_config
from edge.errors import ModelError
from edge.replay import Outputs, replay
from tests.capture.test_sources import write_clip
from tests.support.command import Edge
from tests.support.figures import Poses
from tests.support.shared_data import DATA, SSD, needs_data

MOTION = ("--set", 'camera.0.labels=["motion"]')


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_replays_write_the_same_bytes_and_a_summary(edge: Edge, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=25)
    outputs = []
    for name in ("one", "two"):
        files = {kind: tmp_path / f"{name}.{kind}" for kind in ("events", "trace", "summary")}
        done = edge("replay", clip, *(part for kind, path in files.items() for part in (f"--{kind}", path)), *MOTION)
        assert done.code == 0
        assert done.out == ""
        outputs.append((files["events"].read_bytes(), files["trace"].read_bytes()))
        summary = json.loads(files["summary"].read_text())
        assert summary["frames"] == len(lines(files["trace"])) == 25
        assert summary["fps_clip"] == 10
        assert summary["stage_ms"]["capture"].keys() == {"p50", "p95", "sum"}
        assert (summary["engine"], summary["model"], summary["inferences"]) == (None, None, 0)
    assert outputs[0] == outputs[1]


def test_holding_the_last_frame_lets_time_go_on(edge: Edge, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=10)
    edge("replay", clip, "--events", tmp_path / "e", "--trace", tmp_path / "t", "--hold", "2", *MOTION)
    trace = lines(tmp_path / "t")
    assert len(trace) == 30
    assert trace[-1]["time"] == pytest.approx(2.9)


def test_times_are_the_clips_and_nothing_is_of_this_machine(edge: Edge, tmp_path: Path) -> None:
    clip = tmp_path / "walk.mp4"
    write_walk(clip)
    done = edge("replay", clip, "--events", tmp_path / "e", *MOTION)
    assert done.code == 0
    events = lines(tmp_path / "e")
    assert [event["type"] for event in events][:1] == ["new"]
    assert [event["type"] for event in events][-1:] == ["end"]
    for event in events:
        assert event["boot_id"] == event["node"] == "replay"
        assert event["published_at"] == event["captured_at"]
        assert 0 <= float(str(event["captured_at"])) < 10
        assert event["armed"] == "armed_away"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def write_walk(path: Path) -> None:
    """A bright block that crosses a dark room."""
    import av
    import numpy as np

    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for i in range(60):
            room = np.full((240, 320, 3), 60, np.uint8)
            if 10 <= i < 40:
                room[80:200, (i - 10) * 8 : (i - 10) * 8 + 50] = 200
            out.mux(stream.encode(av.VideoFrame.from_ndarray(room, format="bgr24").reformat(format="yuv420p")))
        out.mux(stream.encode())


@needs_data
def test_a_clip_cut_off_in_the_middle_is_said_and_what_was_found_is_kept(edge: Edge, tmp_path: Path) -> None:
    whole = (DATA / "footage" / "onebyone_A.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 3])
    done = edge("replay", cut, "--events", tmp_path / "e", *MOTION)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert "cut.mp4" in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none.mp4", "--events", "e"), "no such clip"),
        (("none.mp4",), "--events"),
        (("clip.mp4", "--events", "/proc/none/e", *MOTION), "/proc/none/e"),
        (("none.mp4", "--events", "e", "--config", "none.toml"), "none.toml"),
        (("none.mp4", "--events", "e", "--set", "camera.0.lables=[]"), "labels"),
        (("clip.mp4", "--events", "e", "--set", 'camera.0.labels=["dog"]'), "ssdlite-pedestrian knows no `dog`"),
        (("clip.mp4", "--events", "e", "--config", "edge.toml"), "edge.toml:4:11"),
        (("clip.mp4", "--events", "e", "--model", "yolo"), "no model is called `yolo`"),
        (("clip.mp4", "--events", "e", "--engine", "tflite"), "tflite does not read .pb files"),
    ],
)
def test_a_mistake_is_a_line_and_exit_code_2(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", frames=3)
    (tmp_path / "edge.toml").write_text('[[camera]]\nname = "a"\nsource = "synthetic:"\nlabels = ["dog"]\n')
    done = edge("replay", *arguments)
    assert done.code == 2
    assert says in done.err
    assert "--config" in arguments or len(done.err.strip().splitlines()) <= 3


def test_an_engine_that_is_not_installed_is_a_missing_part(edge: Edge, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    done = edge("replay", clip, "--events", tmp_path / "e", "--engine", "tensorrt")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "is not installed" in done.err


@pytest.mark.parametrize("wrong", ["none.mp4", "text.mp4"])
def test_a_mistyped_clip_does_not_empty_the_files_of_the_last_run(edge: Edge, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "text.mp4").write_text("this is no video\n")
    for name in ("e", "t"):
        (tmp_path / name).write_text("kept")
    done = edge("replay", tmp_path / wrong, "--events", tmp_path / "e", "--trace", tmp_path / "t", *MOTION)
    assert done.code == 2
    assert [(tmp_path / name).read_text() for name in ("e", "t")] == ["kept", "kept"]


@needs_data
def test_the_zones_of_the_named_camera_apply(edge: Edge, tmp_path: Path) -> None:
    clip = tmp_path / "walk.mp4"
    write_walk(clip)
    config = tmp_path / "edge.toml"
    config.write_text(
        '[[camera]]\nname = "a"\nsource = "synthetic:"\n'
        '[[camera]]\nname = "b"\nsource = "synthetic:"\nlabels = ["motion"]\n'
        '[[camera.zone]]\nname = "east"\npoints = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]\n'
    )
    done = edge("replay", clip, "--events", tmp_path / "e", "--config", config, "--camera", "b")
    assert done.code == 0
    last = lines(tmp_path / "e")[-1]["after"]
    assert isinstance(last, dict)
    assert (last["camera"], last["entered_zones"]) == ("b", ["east"])
    assert edge("replay", clip, "--events", tmp_path / "e", "--config", config, "--camera", "c").code == 2


def test_a_replay_says_who_entered_which_zone(edge: Edge, tmp_path: Path) -> None:
    clip = tmp_path / "walk.mp4"
    write_walk(clip)
    zones = (
        'camera.0.zone=[{name="east",points=[[0.5,0],[1,0],[1,1],[0.5,1]]},{name="sky",points=[[0,0],[1,0],[1,0.1]]}]'
    )
    files = ("--events", tmp_path / "e", "--trace", tmp_path / "t", "--summary", tmp_path / "s")
    done = edge("replay", clip, *files, *MOTION, "--set", zones)
    assert "  alerts, motion      1\n  zone east, entered  motion 1\n  zone sky, entered   0\n" in done.err
    summary = json.loads((tmp_path / "s").read_text())
    assert summary["zones"] == {"east": {"entered": {"motion": 1}}, "sky": {"entered": {}}}
    assert (summary["lines"], summary["alerts"]) == ({}, {"motion": 1})
    first = (tmp_path / "e").read_bytes(), (tmp_path / "t").read_bytes()
    edge("replay", clip, *files, *MOTION, "--set", zones)
    assert first == ((tmp_path / "e").read_bytes(), (tmp_path / "t").read_bytes())


@needs_data
def test_the_labelled_visits_are_found(edge: Edge, tmp_path: Path) -> None:
    clip = DATA / "footage" / "onebyone_A.mp4"
    wanted = json.loads(clip.with_suffix(".json").read_text())["visits_frames"]
    assert edge("replay", clip, "--events", tmp_path / "e", "--model", SSD, "--engine", "tflite").code == 0
    ends = [event["after"] for event in map(json.loads, (tmp_path / "e").read_text().splitlines())
            if event["type"] == "end"]  # fmt: skip
    assert len(ends) == len(wanted)
    for end, (first, last) in zip(ends, wanted, strict=True):
        assert abs(end["start_time"] * 10 - first) <= 8
        assert abs(end["end_time"] * 10 - last) <= 8


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_a_replay_that_is_interrupted_lets_its_decoder_end_before_the_clip_is_closed(
    monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    class Slow(Synthetic):
        reading = closed_while_reading = False

        def shots(self) -> Iterator[Shot]:
            for shot in Synthetic.shots(self):
                self.reading = True
                time.sleep(0.02)
                self.reading = False
                yield shot

        def close(self) -> None:
            Slow.closed_while_reading = self.reading

    def interrupt(frame: int) -> None:
        if frame == 3:
            raise stop

    config = default_config({"a": "synthetic:"}, ['camera.0.labels=["motion"]'])
    monkeypatch.setattr("edge.replay.open_file", lambda _: Slow())
    with pytest.raises(stop):
        replay(Path("any"), config, config.camera[0], None, Outputs(io.BytesIO()), progress=interrupt)
    assert not Slow.closed_while_reading
    assert not any("decode-ahead" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("which", ["--events", "--trace", "--summary"])
def test_a_full_disk_is_one_line_that_names_the_file(edge: Edge, tmp_path: Path, which: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=25)
    if which == "--events":
        write_walk(clip)
    done = edge("replay", clip, "--events", tmp_path / "e", which, "/dev/full", *MOTION)
    assert done.code == 1
    assert done.err == "edge: /dev/full: cannot be written: No space left on device\n"


def test_a_missing_model_leaves_the_events_of_the_last_run_alone(edge: Edge, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=5)
    events = tmp_path / "e"
    events.write_text("of the last run\n")
    done = edge("replay", clip, "--events", events, "--model", tmp_path / "none.onnx")
    assert done.code == 2
    assert events.read_text() == "of the last run\n"


HOUSE = """
[mqtt]
host = "broker"
username = "u"
password = "${NOT_OURS}"
[email]
host = "mail"
username = "u"
password = "${NOT_OURS}"
from = "${NOT_OURS}"
to = "me@example.org"
[[alarm.code]]
name = "Anna"
code = "${NOT_OURS}"
[[alarm.siren]]
topic = "a/b"
[[camera]]
name = "door"
source = "rtsp://cam/1"
username = "u"
password = "${NOT_OURS}"
labels = ["motion"]
[[camera]]
name = "hall"
source = "rtsp://u:${NOT_OURS}@cam/1"
labels = ["motion"]
"""


def test_the_secrets_of_a_house_are_not_wanted(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(HOUSE)
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    done = edge("replay", clip, "--events", tmp_path / "e", "--config", tmp_path / "edge.toml")
    assert done.code == 0, done.err


def test_set_changes_the_camera_that_is_replayed_by_its_name_and_no_other(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(HOUSE)
    clip = tmp_path / "walk.mp4"
    write_walk(clip)
    base = ("replay", clip, "--events", tmp_path / "e", "--config", tmp_path / "edge.toml", "--camera", "hall")
    for key in ("camera.hall", "camera.1"):
        assert edge(*base, "--set", f"{key}.motion_mask=[[[0,0],[1,0],[1,1],[0,1]]]").code == 0
        assert lines(tmp_path / "e") == []
    for key in ("camera.door", "camera.0"):
        done = edge(*base, "--set", f"{key}.min_score=0.5")
        assert done.code == 2
        assert "this is camera `door`, and `hall` is replayed; write `camera.hall.min_score=...`" in done.err
    assert "`camera` has 2 entries: door, hall; none is `yard`" in edge(*base, "--set", "camera.yard.min_score=1").err


def test_joints_that_nobody_looks_for_cannot_be_written(edge: Edge, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=10)
    done = edge("replay", clip, "--events", tmp_path / "e", "--poses", tmp_path / "poses", *MOTION)
    assert (done.code, done.err) == (2, "edge: --poses: no joints are looked for; add --set pose.enabled=true\n")
    assert not (tmp_path / "poses").exists()


class Lent(Poses):
    """A pose model that says whether it was given back."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_network_that_is_none_leaves_no_model_open(tmp_path: Path) -> None:
    write_walk(tmp_path / "walk.avi")
    config = default_config({"hall": "synthetic:"})
    pose = config.pose.model_copy(update={"enabled": True, "network": str(tmp_path / "none.epk")})
    config, poser = config.model_copy(update={"pose": pose}), Lent(lambda time, number: None)
    with pytest.raises(ModelError, match=r"`pose\.network`.*no such file"):
        replay(tmp_path / "walk.avi", config, config.camera[0], None, Outputs(io.BytesIO()), poser=poser)
    assert poser.closed
