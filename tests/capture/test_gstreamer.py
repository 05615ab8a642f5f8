"""Real GStreamer pipelines, through the class that a Jetson's camera goes through as well."""

from __future__ import annotations

import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.capture.base import Shot
from edge.capture.gstreamer import GstSource, bindings, open_jetson
from edge.capture.sources import open_source
from edge.errors import CameraError, EdgeError, MissingError, UserError
from tests.capture.test_sources import write_clip
from tests.support.rtsp import RtspCamera
from tests.support.system_gi import gstreamer

LIVE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width={w},height={h},framerate=30/1"


@pytest.fixture(autouse=True)
def _gi() -> None:
    gstreamer()


def shots(source: GstSource, count: int) -> list[Shot]:
    try:
        return list(itertools.islice(source.shots(), count))
    finally:
        source.close()


@pytest.mark.parametrize("size", [(640, 480), (322, 242), (321, 241)])
def test_pictures_have_the_pictures_size_whatever_the_rows_are_padded_to(size: tuple[int, int]) -> None:
    source = open_source("gst:" + LIVE.format(w=size[0], h=size[1]) + ",format=BGR")
    seen = shots(source, 5)  # type: ignore[arg-type]
    assert (source.live, source.fps) == (True, 30)
    assert {(shot.picture.width, shot.picture.height) for shot in seen} == {size}
    assert seen[0].picture.u.shape == ((size[1] + 1) // 2, (size[0] + 1) // 2)
    assert seen[0].picture.bgr().shape == (size[1], size[0], 3)
    assert seen[0].time == 0
    assert all(a.time < b.time for a, b in itertools.pairwise(seen))
    assert (seen[0].picture.y != seen[-1].picture.y).any()


def test_rows_that_hardware_padded_are_cropped_as_the_buffer_says() -> None:
    """Columns are coloured by their place: a row that began a few bytes off would show it."""
    gi = gstreamer()
    source = GstSource("videotestsrc num-buffers=1 ! video/x-raw,width=64,height=48", name="gst")
    w, h, stride = 60, 34, 96
    rows = np.zeros((h + h // 2 + h // 2, stride), np.uint8)
    rows[:h, :w] = np.arange(w)
    rows[h : h + h // 2, : w // 2] = 100
    rows[h + h // 2 :, : w // 2] = 200
    buffer = gi.gst.Buffer.new_wrapped(rows.tobytes())
    offsets = [0, h * stride, (h + h // 2) * stride, 0]
    video = gi.video
    video.buffer_add_video_meta_full(
        buffer, video.VideoFrameFlags.NONE, video.VideoFormat.I420, w, h, 3, offsets, [stride] * 3 + [0]
    )
    caps = gi.gst.Caps.from_string(f"video/x-raw,format=I420,width={w},height={h},framerate=30/1")
    picture = source._picture(gi.gst.Sample.new(buffer, caps, None, None), buffer)
    source.close()
    assert (picture.y == np.arange(w)).all()
    assert (picture.u == 100).all()
    assert (picture.v == 200).all()


def test_full_range_pictures_are_brought_to_limited_range() -> None:
    full = "videotestsrc pattern=white ! video/x-raw,width=64,height=48,format=I420,colorimetry=1:4:0:0"
    assert abs(int(shots(GstSource(full, name="gst"), 1)[0].picture.y.max()) - 235) <= 1


def test_pictures_stay_right_after_the_pipeline_went_on() -> None:
    source = GstSource(LIVE.format(w=160, h=120), name="gst")
    kept = [(shot, shot.picture.y.copy()) for shot in itertools.islice(source.shots(), 10)]
    source.close()
    assert all(np.array_equal(shot.picture.y, copy) for shot, copy in kept)


def test_the_newest_picture_is_given_and_older_ones_are_dropped() -> None:
    source = GstSource("videotestsrc is-live=true ! video/x-raw,framerate=50/1", name="gst")
    stream = source.shots()
    next(stream)
    time.sleep(0.5)
    late = [next(stream).time, next(stream).time]
    source.close()
    assert late[0] > 0.3
    assert late[1] > late[0]


@pytest.mark.parametrize(
    ("pipeline", "kind", "says"),
    [
        ("nvarguscamerasrc", MissingError, "gst: GStreamer has no element `nvarguscamerasrc` here; .*JetPack"),
        ("videotestsrc ! no_such_thing", MissingError, "no element `no_such_thing` here; `gst-inspect-1.0"),
        ("videotestsrc ! ! identity", CameraError, "not a pipeline: syntax error"),
        ("videotestsrc colour=3", CameraError, 'no property "colour" in element "videotestsrc"'),
        ("videotestsrc ! audioconvert", CameraError, "could not link"),
        ("filesrc location=/nowhere ! jpegdec", CameraError, r"filesrc\d: Resource not found"),
        ("videotestsrc ! identity error-after=2", CameraError, r"identity\d: Failed after iterations"),
        ("videotestsrc num-buffers=3 is-live=true", CameraError, "gst: the pipeline ended its stream"),
    ],
)
def test_what_goes_wrong_is_one_clear_line(pipeline: str, kind: type[EdgeError], says: str) -> None:
    with pytest.raises(kind, match=says) as fault:
        shots(GstSource(pipeline, name="gst"), 1000)
    assert "\n" not in str(fault.value)


def test_a_pipeline_that_gives_nothing_is_given_up_in_time() -> None:
    begun = time.monotonic()
    with pytest.raises(CameraError, match="gst: no picture for 1 s"):
        shots(GstSource("videotestsrc is-live=true ! valve drop=true", name="gst", first=1), 1)
    assert time.monotonic() - begun < 4


def test_a_pipeline_that_freezes_after_a_picture_is_given_up_in_time() -> None:
    source = GstSource(LIVE.format(w=64, h=48) + " ! valve name=tap", name="gst", patience=0.5)
    stream = source.shots()
    next(stream)
    source._pipeline.get_by_name("tap").set_property("drop", True)
    begun = time.monotonic()
    with pytest.raises(CameraError, match="no picture for"):
        list(stream)
    source.close()
    assert time.monotonic() - begun < 4


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting is all that is wanted


def test_ten_pipelines_one_after_another_leave_nothing_behind() -> None:
    def once() -> None:
        shots(GstSource(LIVE.format(w=160, h=120) + " ! queue", name="gst"), 2)

    once()
    once()
    before = _threads(), _open_files()
    for _ in range(10):
        once()
    until = time.monotonic() + 5
    while time.monotonic() < until and (_threads(), _open_files()) > before:
        threading.Event().wait(0.05)
    assert _threads() <= before[0] + 1  # GLib keeps an idle thread of its pool for a while
    assert _open_files() <= before[1]


def test_closing_twice_is_safe_and_reading_then_is_one_line() -> None:
    source = GstSource(LIVE.format(w=64, h=48), name="gst")
    stream = source.shots()
    next(stream)
    source.close()
    source.close()
    with pytest.raises(CameraError, match="closed"):
        next(stream)


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    camera = RtspCamera()
    camera.start()
    yield camera
    camera.kill()


def _rtsp(url: str, more: str = "") -> str:
    return f"rtspsrc location={url} protocols=tcp {more}! rtph264depay ! h264parse ! openh264dec"


def test_a_network_camera_that_freezes_is_given_up_and_taken_back(camera: RtspCamera) -> None:
    if gstreamer().gst.ElementFactory.find("openh264dec") is None:
        pytest.skip("no H.264 decoder of GStreamer here (apt-get install gstreamer1.0-plugins-bad)")
    source = GstSource(_rtsp(camera.url), name="gst", patience=1)
    stream = source.shots()
    seen = list(itertools.islice(stream, 5))
    assert (seen[0].picture.width, seen[0].picture.height) == (640, 480)
    assert (seen[0].picture.y != seen[-1].picture.y).any()
    camera.freeze()
    begun = time.monotonic()
    with pytest.raises(CameraError, match="no picture for 1 s"):
        list(stream)
    source.close()
    assert time.monotonic() - begun < 6
    camera.thaw()
    assert len(shots(GstSource(_rtsp(camera.url), name="gst"), 3)) == 3
    camera.kill()
    with pytest.raises(CameraError, match="rtspsrc"):
        shots(GstSource(_rtsp(camera.url), name="gst"), 1)


def test_a_server_that_never_answers_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = GstSource(_rtsp(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/x"), name="gst", first=0.5)
        begun = time.monotonic()
        with pytest.raises(CameraError, match="no picture for"):
            next(source.shots())
        source.close()
    assert time.monotonic() - begun < 5


def test_a_decoder_that_is_missing_is_named_with_what_brings_it(tmp_path: Path) -> None:
    if gstreamer().gst.ElementFactory.find("avdec_mpeg4") is not None:
        pytest.skip("every decoder is here")
    clip = write_clip(tmp_path / "a.mp4")
    with pytest.raises(CameraError, match=r"MPEG-4 Video.*decoder.*apt-get install gstreamer1.0-libav"):
        shots(GstSource(f"filesrc location={clip} ! decodebin", name="gst"), 1)


def test_no_password_is_told() -> None:
    with pytest.raises(CameraError) as fault:
        shots(GstSource(_rtsp("rtsp://me:s3cret@127.0.0.1:1/x", "user-pw=s3cret "), name="gst"), 1)
    assert "s3cret" not in str(fault.value)
    with pytest.raises(CameraError) as fault:
        GstSource(_rtsp("rtsp://h/x", "user-pw=s3cret colour=red "), name="gst")
    assert "s3cret" not in str(fault.value)


@pytest.mark.parametrize("name", ["gi", "gi.repository.GstVideo"])
def test_bindings_that_are_missing_are_one_line_with_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    bindings.cache_clear()
    with pytest.raises(MissingError, match="apt-get install python3-gi") as fault:
        open_source("gst:videotestsrc")
    assert "\n" not in str(fault.value)
    assert name != "gi" or "--system-site-packages" in str(fault.value)


def test_a_jetsons_camera_elsewhere_is_one_line_with_what_it_wants() -> None:
    if gstreamer().gst.ElementFactory.find("nvarguscamerasrc") is not None:
        pytest.skip("this is a Jetson")
    with pytest.raises(MissingError, match=r"jetson:0: .*nvarguscamerasrc.*JetPack"):
        open_jetson("0")
    with pytest.raises(UserError, match="jetson:x: `jetson:` needs the number"):
        open_jetson("x")
