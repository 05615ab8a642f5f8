"""Clips and made-up cameras: pictures as they are, faults in one line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge.capture import container
from edge.capture.ahead import decode_ahead
from edge.capture.base import Shot
from edge.capture.container import ContainerSource
from edge.capture.file import open_file
from edge.capture.latest import Latest
from edge.capture.sources import open_source
from edge.errors import CameraError, EdgeError, SourceError, UserError
from edge.types import I420, Frame


def write_clip(path: Path, frames: int = 20, size: tuple[int, int] = (160, 120), pixels: str = "yuv420p") -> Path:
    """A clip at 10 pictures a second whose picture number i has luma about 40 + 8 i."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4" if pixels == "yuv420p" else "mjpeg", rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.time_base = Fraction(1, 10)
        for i in range(frames):
            grey = np.full((size[1], size[0], 3), 40 + 8 * i, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24").reformat(format=pixels)):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def test_a_clip_gives_every_picture_at_its_own_time(tmp_path: Path) -> None:
    source = open_file(write_clip(tmp_path / "a.mp4"))
    shots = list(source.shots())
    source.close()
    assert [round(shot.time, 3) for shot in shots] == [round(i / 10, 3) for i in range(20)]
    assert source.fps == 10
    lumas = [shot.picture.y.mean() for shot in shots]
    assert all(a < b for a, b in itertools.pairwise(lumas))


def test_pictures_stay_right_after_the_decoder_went_on(tmp_path: Path) -> None:
    source = open_file(write_clip(tmp_path / "a.mp4"))
    kept = [(shot, shot.picture.y.copy()) for shot in source.shots()]
    source.close()
    assert all(np.array_equal(shot.picture.y, copy) for shot, copy in kept)


@pytest.mark.parametrize(("name", "pixels"), [("a.mp4", "yuv420p"), ("a.avi", "yuvj420p")])
def test_pictures_that_are_too_large_are_refused_in_one_line(
    name: str, pixels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / name, size=(640, 480), pixels=pixels)
    monkeypatch.setattr(container, "LARGEST", (640, 480))
    assert len(list(open_file(clip).shots())) == 20
    monkeypatch.setattr(container, "LARGEST", (160, 120))
    source = open_file(clip)
    with pytest.raises(SourceError, match=r"a\.\w+: its pictures have more than 160 x 120 pixels"):
        list(source.shots())
    source.close()


@pytest.mark.parametrize("size", [(160, 120), (166, 126), (322, 242)])
def test_planes_have_the_pictures_size_whatever_the_rows_are_padded_to(tmp_path: Path, size: tuple[int, int]) -> None:
    source = open_file(write_clip(tmp_path / "a.mp4", size=size))
    picture = next(source.shots()).picture
    source.close()
    assert (picture.width, picture.height) == size
    assert picture.u.shape == picture.v.shape == ((size[1] + 1) // 2, (size[0] + 1) // 2)
    assert picture.bgr().shape == (size[1], size[0], 3)


def test_full_range_pictures_are_brought_to_limited_range(tmp_path: Path) -> None:
    source = open_file(write_clip(tmp_path / "a.avi", frames=1, pixels="yuvj420p"))
    picture = next(source.shots()).picture
    source.close()
    assert abs(int(picture.bgr().mean()) - 40) <= 3


@pytest.mark.parametrize("size", [(5, 7), (6, 7), (5, 8), (16, 12)])
def test_a_picture_of_any_size_becomes_bgr(size: tuple[int, int]) -> None:
    w, h = size
    half = ((h + 1) // 2, (w + 1) // 2)
    picture = I420(np.full((h, w), 235, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8))
    assert picture.bgr().shape == (h, w, 3)
    assert picture.bgr().min() >= 253


@pytest.mark.parametrize("content", [b"", b"this is no clip\n" * 100])
def test_what_is_no_clip_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"no\.mp4.*cannot be opened") as fault:
        open_file(path)
    assert "\n" not in str(fault.value)


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such clip"):
        open_source(f"file:{tmp_path / 'gone.mp4'}")


def test_a_sound_file_holds_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        for packet in stream.encode(sound):
            out.mux(packet)
    with pytest.raises(SourceError, match="holds no video"):
        open_file(path)


@pytest.mark.parametrize("name", ["labels.txt", "labels.nfo", "weights.idf"])
def test_what_ffmpeg_draws_as_text_is_no_video(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"".join(b"tench %d\n" % k for k in range(1000)) + bytes(1000))
    with pytest.raises(SourceError, match=r"not a video \(FFmpeg takes it for `\w+`\); give"):
        open_file(path)


def test_a_drawing_that_cannot_be_decoded_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>')
    with pytest.raises(SourceError, match=r"no video that can be decoded|cannot be opened|no picture"):
        list(open_file(path).shots())


def test_a_missing_camera_is_one_clear_line() -> None:
    with pytest.raises(CameraError, match="/dev/video99: no such device"):
        open_source("v4l2:/dev/video99")


def test_an_unknown_kind_lists_the_kinds() -> None:
    with pytest.raises(UserError, match="there are: file, rtsp"):
        open_source("floppy:a")


def test_the_synthetic_camera_is_the_same_in_every_run_and_moves() -> None:
    first, second = (list(itertools.islice(open_source("synthetic:").shots(), 30)) for _ in range(2))
    assert all(np.array_equal(a.picture.y, b.picture.y) for a, b in zip(first, second, strict=True))
    assert np.abs(first[29].picture.y.astype(int) - first[0].picture.y).max() > 40


def frame(index: int) -> Frame:
    plane = np.zeros((2, 2), np.uint8)
    return Frame("a", index, index / 10, index / 10, I420(plane, plane[:1, :1], plane[:1, :1]))


def test_the_newest_frame_wins_and_drops_are_counted() -> None:
    slot = Latest()
    for index in range(5):
        slot.put(frame(index))
    taken = slot.take(0)
    assert taken is not None
    assert taken.index == 4
    assert slot.dropped == 4
    assert slot.take(0) is None


def test_a_closed_slot_gives_what_it_holds_and_then_nothing() -> None:
    slot = Latest()
    slot.put(frame(0))
    slot.close()
    assert not slot.closed
    assert slot.take(1) is not None
    assert slot.take(1) is None
    assert slot.closed


def test_decoding_ahead_keeps_order_and_tells_what_went_wrong_after_the_pictures_before_it() -> None:
    class Breaks:
        fps, live = 10.0, False

        def shots(self):  # type: ignore[no-untyped-def]
            for i in range(10):
                yield Shot(i / 10, frame(i).picture)
            raise SourceError("it broke")

        def close(self) -> None:
            pass

    times: list[float] = []
    seen: list[float] = []
    with pytest.raises(EdgeError, match="it broke"):
        seen.extend(shot.time for shot in decode_ahead(Breaks(), 3, times.append))
    assert len(times) == 10
    got = []
    with pytest.raises(EdgeError):  # noqa: PT012 - the loop is what raises
        for shot in decode_ahead(Breaks(), 3, times.append):
            got.append(shot.time)
    assert got == [i / 10 for i in range(10)]


def test_a_bug_in_a_decoder_reaches_who_asked_for_the_picture() -> None:
    class Broken:
        fps, live = 10.0, False

        def shots(self) -> Iterator[Shot]:
            yield Shot(0.0, frame(0).picture)
            raise MemoryError

        def close(self) -> None: ...

    shots = decode_ahead(Broken(), 3, lambda _: None)
    assert next(shots).time == 0
    with pytest.raises(MemoryError):
        next(shots)


def with_sound(path: Path, metadata: dict[str, str] | None = None) -> Path:
    """One picture, then ten seconds of sound alone."""
    with av.open(str(path), "w", metadata_encoding="latin-1") as out:
        out.metadata.update(metadata or {})
        video, audio = out.add_stream("mjpeg", rate=10), out.add_stream("pcm_s16le", rate=8000)
        video.width, video.height, video.pix_fmt = 160, 120, "yuvj420p"
        grey = np.full((120, 160, 3), 128, np.uint8)
        out.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="bgr24").reformat(format="yuvj420p")))
        for i in range(100):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            sound.sample_rate, sound.pts = 8000, i * 800
            out.mux(audio.encode(sound))
        for stream in (video, audio):
            out.mux(stream.encode())
    return path


def test_a_source_whose_pictures_stop_is_at_fault_though_its_sound_goes_on(tmp_path: Path) -> None:
    ticks = itertools.count()  # a second a look at the clock
    path = with_sound(tmp_path / "a.mkv")
    source = ContainerSource(
        str(path), name="gate", fault=CameraError, live=True, stall=20, now=lambda: float(next(ticks))
    )
    shots = source.shots()
    next(shots)
    with pytest.raises(CameraError, match="gate: no picture for 20 s"):
        next(shots)
    source.close()


def test_a_title_in_an_old_encoding_does_not_matter(tmp_path: Path) -> None:
    path = with_sound(tmp_path / "a.mkv", {"title": "Gar\u00e7on"})
    assert b"Gar\xe7on" in path.read_bytes()
    source = open_file(path)
    assert len(list(source.shots())) == 1
    source.close()
