"""Clips: which events get which, how long they are, and what is left of them when the power or the disk goes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from edge.capture.file import open_file
from edge.capture.ring import Ring, attach
from edge.evidence.clips import Clips, ClipSettings, Permit
from edge.evidence.mp4 import ClipFile, repair
from edge.evidence.shelf import Shelf
from edge.paths import clip_path
from edge.types import Event
from edge.types.packet import TICKS, Packet
from tests.support.disk import small_disk
from tests.support.events import event
from tests.support.film import contents, film, play

WALL = 1_700_000_000.0


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL + self.now


class Stage:
    """A camera of ten pictures a second with a key picture every second, and the clips of what happens before it."""

    def __init__(self, folder: Path, path: Path, **settings: object) -> None:
        self.hands = Hands()
        self.camera = Camera(path, Ring(self.hands.monotonic, 15.0))
        self.folder = folder
        self.room: str | None = None
        self.permit: Permit = "record"
        self.written = 0
        given = ClipSettings(**settings)  # type: ignore[arg-type]
        self.clips = Clips(
            folder, {"porch": self.camera.ring}, given, self.hands, lambda: self.permit, lambda: self.room, self._count
        )

    def _count(self) -> None:
        self.written += 1

    def pass_(self, seconds: float) -> None:
        """The camera sends, and the clips' thread has its turns."""
        for _ in range(round(seconds * 10)):
            self.hands.now += 0.1
            self.camera.send()
            self.clips._turn(finish=False)

    def away(self, seconds: float, path: Path) -> None:
        """The camera sends nothing for a while, and then comes back."""
        for _ in range(min(round(seconds), 200)):
            self.hands.now += seconds / min(round(seconds), 200)
            self.clips._turn(finish=False)
        self.camera.opens(path)

    def happen(self, kind: str, name: str, started: float = 0.0, **more: object) -> Event:
        """An event that began so many seconds ago."""
        made = event(kind, name, at=self.hands.wall(), **more)  # type: ignore[arg-type]
        after = replace(made.after, start_time=self.hands.wall() - started)
        return self.clips.noted(replace(made, after=after))

    def length(self, name: str) -> float:
        """Seconds of a clip that begins with a key picture and can be decoded to its end."""
        pictures, seconds, key = contents(clip_path(self.folder, name))
        assert key
        assert pictures == round(seconds * 10) + 1
        return seconds + 0.1


class Camera:
    """Fills a ring with a film, again and again."""

    def __init__(self, path: Path, ring: Ring) -> None:
        self.ring = ring
        self._sent = 0
        self.opens(path)

    def opens(self, path: Path) -> None:
        """Its stream begins, which may be another one than before."""
        self._film = packets_of(path)
        with av.open(str(path)) as container:
            self.ring.opened(container.streams.video[0])

    def send(self) -> None:
        """The stream's next packet."""
        self.ring.packet(Sent(self._film[self._sent % len(self._film)], self._sent * 9000))  # type: ignore[arg-type]
        self._sent += 1


class Sent:
    """A demuxer's packet with the data of another one, and its own stamp."""

    def __init__(self, packet: Packet, stamp: int) -> None:
        self.pts = self.dts = stamp
        self.time_base, self.is_keyframe, self.size = Fraction(1, TICKS), packet.key, len(packet.data)
        self._data = packet.data

    def __bytes__(self) -> bytes:
        return self._data


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of H.264 without B pictures."""
    return film(tmp_path_factory.mktemp("film") / "a.mp4", b=0)


@pytest.fixture(scope="module")
def packets(path: Path) -> list[Packet]:
    """The film's."""
    return packets_of(path)


def packets_of(path: Path) -> list[Packet]:
    ring = Ring(lambda: 0.0, 1000.0)
    source = open_file(path)
    attach(source, ring)
    play(source)
    return ring.after(0, 1 << 40)


@pytest.fixture
def stage(tmp_path: Path, path: Path) -> Callable[..., Stage]:
    def make(**settings: object) -> Stage:
        return Stage(tmp_path, path, **settings)

    return make


def test_a_clip_begins_before_the_event_and_ends_after_it(stage: Callable[..., Stage]) -> None:
    scene = stage()
    scene.pass_(14)
    assert scene.happen("new", "1-a", started=2.0).after.has_clip
    scene.pass_(4)
    assert scene.happen("update", "1-a").before is not None
    told = scene.happen("end", "1-a")
    assert told.after.has_clip
    assert told.before is not None
    assert told.before.has_clip
    assert scene.clips.recording("1-a")
    assert not clip_path(scene.folder, "1-a").exists(), "what is not complete is not called a clip"
    scene.pass_(6)
    assert not scene.clips.recording("1-a")
    # 5 before, 1 before it was known, 2 until it was told, 4 of it, 5 after, and up to 1 back to a key picture
    assert 16.9 <= scene.length("1-a") <= 18.2
    assert scene.written == 1
    assert [path.name for path in (scene.folder / "clips").iterdir()] == ["1-a.mp4"]


def test_events_that_overlap_share_one_file_under_a_name_each(stage: Callable[..., Stage]) -> None:
    scene = stage()
    scene.pass_(10)
    scene.happen("new", "1-a")
    scene.pass_(2)
    assert scene.happen("new", "2-b").after.has_clip
    scene.happen("end", "1-a")
    scene.pass_(7)
    assert scene.clips.status()["recording"] == 1
    scene.happen("end", "2-b")
    scene.pass_(6)
    a, b = (clip_path(scene.folder, name) for name in ("1-a", "2-b"))
    assert a.stat().st_ino == b.stat().st_ino
    assert 19.9 <= scene.length("2-b") <= 21.2


def test_a_disk_without_hard_links_gets_copies(stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    scene = stage()
    scene.pass_(10)
    for name in ("1-a", "2-b"):
        scene.happen("new", name)
    scene.pass_(1)
    for name in ("1-a", "2-b"):
        scene.happen("end", name)
    scene.pass_(6)
    assert scene.length("1-a") == scene.length("2-b")


def test_a_long_event_has_its_beginning_and_one_that_comes_late_a_clip_of_its_own(stage: Callable[..., Stage]) -> None:
    scene = stage(longest_s=20.0)
    scene.pass_(10)
    scene.happen("new", "1-a")
    scene.pass_(12)
    scene.happen("new", "2-b")
    assert scene.clips.status()["recording"] == 2
    scene.pass_(4)
    scene.happen("end", "2-b")
    scene.pass_(7)
    assert 19.8 <= scene.length("1-a") <= 20.2
    assert 14.9 <= scene.length("2-b") <= 16.2
    assert scene.happen("update", "1-a").after.has_clip
    scene.pass_(2)
    assert scene.clips.status()["recording"] == 0, "it had its clip"


def test_no_packets_no_room_or_disarmed_is_no_clip_and_said_so(stage: Callable[..., Stage]) -> None:
    scene = stage()
    assert not scene.happen("new", "1-a").after.has_clip
    scene.pass_(10)
    assert scene.happen("new", "9-z", camera="elsewhere").after.has_clip is False
    scene.permit = "wait"
    assert not scene.happen("new", "2-b").after.has_clip
    scene.permit = "record"
    assert scene.happen("update", "2-b").after.has_clip, "armed meanwhile, and it is still there"
    scene.happen("end", "2-b")
    scene.pass_(6)
    scene.room = "the disk is full"
    assert not scene.happen("new", "3-c").after.has_clip
    assert scene.clips.status()["reason"] == "the disk is full"


@pytest.mark.parametrize(("permit", "seconds"), [("wait", 6.0), ("forget", 0.0)])
def test_disarming_stops_what_is_recorded_and_what_was_seen_meanwhile_may_be_forgotten(
    stage: Callable[..., Stage], permit: Permit, seconds: float
) -> None:
    scene = stage()
    scene.pass_(10)
    scene.happen("new", "1-a")
    scene.pass_(2)
    scene.permit = permit
    scene.pass_(1)
    assert not scene.clips.recording("1-a")
    assert 7.8 <= scene.length("1-a") <= 9.2
    scene.pass_(10)
    scene.permit = "record"
    scene.pass_(1.5)
    assert scene.happen("new", "2-b").after.has_clip
    scene.happen("end", "2-b")
    scene.pass_(6)
    assert seconds + 4.9 <= scene.length("2-b") <= seconds + 6.6


def test_what_the_disk_was_too_slow_for_is_missing_and_the_clip_goes_on_with_a_key_picture(
    stage: Callable[..., Stage],
) -> None:
    scene = stage()
    scene.pass_(10)
    scene.happen("new", "1-a")
    scene.pass_(2)
    for _ in range(203):  # the thread has no turn for longer than the ring reaches back
        scene.hands.now += 0.1
        scene.camera.send()
    scene.happen("end", "1-a")
    scene.pass_(6)
    pictures, seconds, key = contents(clip_path(scene.folder, "1-a"))
    assert key
    assert pictures < seconds * 10 - 40
    assert scene.clips.status()["skipped"] > 40


def test_a_stream_that_is_coded_otherwise_ends_the_clip(stage: Callable[..., Stage], tmp_path: Path) -> None:
    scene = stage()
    scene.pass_(10)
    scene.happen("new", "1-a")
    scene.pass_(2)
    scene.camera.opens(film(tmp_path / "b.mp4", w=320, b=0))
    scene.pass_(3)
    assert not scene.clips.recording("1-a")
    assert 7.8 <= scene.length("1-a") <= 9.3


@pytest.mark.parametrize("away", [3.0, 7.0, 130.0, 5 * 3600.0])
@pytest.mark.parametrize("seen", [0.5, 4.0, 30.0])
def test_after_an_outage_a_clip_is_of_its_event_and_shows_nothing_from_before(
    stage: Callable[..., Stage], path: Path, away: float, seen: float
) -> None:
    scene = stage()
    scene.pass_(60)
    scene.away(away, path)
    scene.pass_(seen)
    assert scene.happen("new", "1-a", started=0.3).after.has_clip
    scene.pass_(10)
    assert scene.clips.recording("1-a")
    assert scene.happen("end", "1-a").after.has_clip
    scene.pass_(6)
    before = 6.3 if away < 5 else min(6.3, seen)
    _, seconds, key = contents(clip_path(scene.folder, "1-a"))
    assert key
    assert before + 14.7 <= seconds + 0.1 <= before + 17.3 + (away if away < 5 else 0)


def test_an_outage_within_an_event_is_a_gap_in_its_clip(stage: Callable[..., Stage], path: Path) -> None:
    scene = stage()
    scene.pass_(10)
    scene.happen("new", "1-a")
    scene.pass_(5)
    scene.away(20, path)
    scene.pass_(5)
    scene.happen("end", "1-a")
    scene.pass_(6)
    pictures, seconds, _ = contents(clip_path(scene.folder, "1-a"))
    assert 40.9 <= seconds <= 42.2
    assert pictures == pytest.approx((seconds - 20) * 10, abs=3)


def test_a_clock_that_jumps_makes_no_endless_clip(stage: Callable[..., Stage]) -> None:
    scene = stage()
    scene.pass_(10)
    made = event("new", "1-a", at=12.0)  # before the clock was set by years
    assert scene.clips.noted(made).after.has_clip
    ended = event("end", "1-a", at=WALL * 2)
    scene.clips.noted(ended)
    scene.pass_(6)
    assert 14.0 <= scene.length("1-a") <= 17.2


def test_a_stop_ends_what_is_open_and_a_start_settles_what_was_left(
    stage: Callable[..., Stage], packets: list[Packet]
) -> None:
    scene = stage()
    scene.pass_(10)
    scene.happen("new", "1-a")
    (scene.folder / "clips").mkdir()
    (scene.folder / "clips" / "0-x.part").write_bytes(b"\0\0\0\x08free")
    left = Shelf(scene.folder).begin("0-y", packets[0].coding)
    for packet in packets:
        left.add(packet)
    left.abandon()
    stop = threading.Event()
    thread = threading.Thread(target=scene.clips.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(5)
    assert scene.length("1-a") >= 4.9
    assert sorted(path.name for path in (scene.folder / "clips").iterdir()) == ["0-y.mp4", "1-a.mp4"]
    assert contents(clip_path(scene.folder, "0-y"))[0] >= 80


def test_a_disk_that_is_full_keeps_what_plays_and_the_next_clip_has_room_again(tmp_path: Path, path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        scene = Stage(disk, path)
        scene.pass_(10)
        scene.happen("new", "1-a")
        scene.pass_(3)
        ballast = disk / "somebody-else"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        scene.pass_(4)
        assert not scene.clips.recording("1-a")
        assert "no space left" in scene.clips.status()["reason"]
        assert scene.written == 1, "the governor was told"
        assert scene.happen("update", "1-a").after.has_clip
        assert scene.length("1-a") >= 5
        assert not list(disk.glob("clips/*.part"))
        assert not scene.happen("new", "2-b").after.has_clip, "not tried again at once"
        ballast.unlink()
        scene.pass_(11)
        assert scene.clips.status()["reason"] is None
        assert scene.happen("new", "3-c").after.has_clip
        scene.happen("end", "3-c")
        scene.pass_(6)
        assert scene.length("3-c") >= 9.9


def test_a_disk_without_any_room_leaves_nothing_and_no_event_says_otherwise(tmp_path: Path, path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        scene = Stage(disk, path)
        with contextlib.suppress(OSError), (disk / "somebody-else").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        scene.pass_(10)
        scene.happen("new", "1-a")
        scene.pass_(2)
        told = scene.happen("update", "1-a")
        assert not told.after.has_clip
        assert told.before is not None
        assert told.before.has_clip, "which was the truth as far as anybody knew"
        assert list(disk.glob("clips/*")) == []


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_wherever_the_power_goes_what_is_left_plays(tmp_path: Path, codec: str) -> None:
    packets = packets_of(film(tmp_path / "a.mp4", codec, pictures=60))
    path = tmp_path / "clip.part"
    clip = ClipFile(path, packets[0].coding)
    for packet in packets:
        clip.add(packet)
    clip.abandon()
    whole = path.read_bytes()
    played = set()
    for cut in [*range(0, len(whole), len(whole) // 40), len(whole) - 1, len(whole)]:
        path.write_bytes(whole[:cut])
        if repair(path):
            pictures, _, key = contents(path)
            assert key
            played.add(pictures)
        assert repair(path) in (0, path.stat().st_size)
    assert len(played) >= 5
    assert max(played) >= 50


def test_a_clip_that_was_ended_is_whole_and_no_repair_changes_it(tmp_path: Path, packets: list[Packet]) -> None:
    path = tmp_path / "clip.part"
    clip = ClipFile(path, packets[0].coding)
    for packet in packets:
        clip.add(packet)
    size = clip.close()
    assert repair(path) == size == path.stat().st_size
    assert contents(path)[0] == 100
    assert boxes(path) == [b"ftyp", b"free", b"mdat", b"moov"], "a plain file in the end: every player seeks in it"


def boxes(path: Path) -> list[bytes]:
    """The kinds of a file's top-level boxes."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        found.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return found
