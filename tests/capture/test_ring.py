"""The newest seconds of a stream, as it came."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.container import ContainerSource
from edge.capture.file import open_file
from edge.capture.ring import Ring, attach
from edge.capture.synthetic import open_synthetic
from edge.types.packet import TICKS, Packet
from tests.support.film import film, play


class Ticking:
    """A clock that goes on by `step` seconds each time that it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def filled(path: Path, ring: Ring) -> Ring:
    source = open_file(path)
    attach(source, ring)
    play(source)
    return ring


def kept(ring: Ring) -> list[Packet]:
    return ring.after(0, 1 << 40)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_it_reaches_back_to_a_key_picture_before_the_time_that_is_asked_for(tmp_path: Path, codec: str) -> None:
    ring = filled(film(tmp_path / "a.mp4", codec), Ring(Ticking(0.1), keep_s=5.0))
    packets = kept(ring)
    assert packets[0].key
    newest = packets[-1].time
    assert 5.0 <= newest - packets[0].time <= 6.1, "no more than one group of pictures too much"
    since = ring.since(newest - 1.0, 2.0)
    first = next(packet for packet in packets if packet.serial == since)
    assert first.key
    assert newest - 4.1 <= first.time <= newest - 3.0
    assert ring.since(-100.0, 5.0) == packets[0].serial


def test_pictures_that_came_late_are_counted_in_the_streams_own_time(tmp_path: Path) -> None:
    clock = Ticking(0.1)
    ring = Ring(clock, keep_s=1000.0)
    source = open_file(film(tmp_path / "a.mp4", b=0))
    attach(source, ring)
    for count, _ in enumerate(source.shots()):
        clock.step = 0.3 if count > 70 else 0.1  # a busy device: ten pictures take three seconds
    packets = kept(ring)
    newest = packets[-1]
    since = ring.since(newest.time, 5.0)
    first = next(packet for packet in packets if packet.serial == since)
    assert newest.dts - first.dts >= 5.0 * TICKS
    assert newest.dts - first.dts <= 6.1 * TICKS
    source.close()


def test_stamps_rise_and_pictures_are_never_shown_before_they_are_decoded(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    ring = Ring(Ticking(0.1), keep_s=1000.0)
    for _ in range(3):
        filled(path, ring)  # a camera that comes back with the same stream continues the old one
    packets = kept(ring)
    assert len(packets) == 300
    assert [packet.serial for packet in packets] == list(range(300))
    assert all(a.dts < b.dts for a, b in itertools.pairwise(packets))
    assert all(packet.pts >= packet.dts for packet in packets)
    assert packets[-1].dts - packets[0].dts == pytest.approx(29.9 * TICKS, rel=0.02)


def test_a_stream_that_is_coded_otherwise_starts_the_ring_anew(tmp_path: Path) -> None:
    ring = filled(film(tmp_path / "a.mp4"), Ring(Ticking(0.1), 1000.0))
    first = kept(ring)[0].coding
    filled(film(tmp_path / "b.mp4", w=320, pictures=30), ring)
    assert len(kept(ring)) == 30
    assert kept(ring)[0].coding != first
    assert kept(ring)[0].serial == 100, "a reader that is behind sees that something is missing"


@pytest.mark.parametrize(("away", "first"), [(4.0, 0), (6.0, 100), (18000.0, 100)])
def test_a_stream_that_was_long_away_does_not_go_on_with_what_was_before(
    tmp_path: Path, away: float, first: int
) -> None:
    path, clock = film(tmp_path / "a.mp4"), Ticking(0.1)
    ring = filled(path, Ring(clock, 1000.0))
    clock.now += away
    filled(path, ring)
    assert (kept(ring)[0].serial, kept(ring)[-1].serial) == (first, 199)
    assert ring.since(clock.now - 9.0, 5.0) == first + (0 if first else 90)


@pytest.mark.parametrize(("gop", "full"), [(10, False), (1000, True)])
def test_bytes_bound_it_and_a_group_too_large_for_it_is_said(tmp_path: Path, gop: int, full: bool) -> None:
    path = film(tmp_path / "a.mp4", gop=gop)
    most = path.stat().st_size // 3
    ring = filled(path, Ring(Ticking(0.1), 1000.0, most))
    assert sum(len(packet.data) for packet in kept(ring)) == ring.status()["bytes"] <= most
    assert kept(ring)
    assert (ring.since(0.0, 1.0) is None) is full
    assert "clips may begin late" in ring.status()["reason"]


def test_before_a_source_was_opened_nothing_is_said_of_it() -> None:
    assert Ring(lambda: 0.0, 5.0).status()["reason"] is None


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    ring = filled(film(tmp_path / "a.avi", "mjpeg"), Ring(Ticking(0.1), 5.0))
    assert kept(ring) == []
    assert "mjpeg is not kept" in ring.status()["reason"]
    ring = Ring(Ticking(0.1), 5.0)
    assert ring.status()["reason"] is None, "what was never opened is not known to have none"
    attach(open_synthetic(""), ring)
    assert ring.since(0.0, 1.0) is None
    assert "no compressed pictures" in ring.status()["reason"]


def test_a_stream_without_key_pictures_is_said(stub_coding: Callable[[Ring], None]) -> None:
    ring = Ring(Ticking(0.5), keep_s=5.0)
    stub_coding(ring)
    for number in range(40):
        ring.packet(Stub(number, number, key=False, size=10))  # type: ignore[arg-type]
    assert ring.since(0.0, 5.0) is None
    assert "no key picture in the last 2" in ring.status()["reason"]
    ring.packet(Stub(41, 41, key=True, size=10))  # type: ignore[arg-type]
    assert ring.status()["reason"] is None


class Stub:
    """A demuxer's packet with stamps that a test makes up."""

    def __init__(self, dts: int | None, pts: int | None, *, key: bool, size: int) -> None:
        self.dts, self.pts, self.is_keyframe, self.size, self.time_base = dts, pts, key, size, None

    def __bytes__(self) -> bytes:
        return b"x" * self.size


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**40), 2**40), st.none() | st.integers(-(2**40), 2**40), st.booleans(),
            st.integers(1, 400), st.floats(0, 20),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_whatever_stamps_a_camera_sends_clips_have_good_ones(
    stub_coding: Callable[[Ring], None], sent: list[tuple[int | None, int | None, bool, int, float]]
) -> None:
    clock = Ticking(0.0)
    ring = Ring(clock, keep_s=5.0, most_bytes=1000)
    stub_coding(ring)
    for dts, pts, key, size, wait in sent:
        clock.now += wait
        ring.packet(Stub(dts, pts, key=key, size=size))  # type: ignore[arg-type]
        packets = kept(ring)
        assert all(a.dts < b.dts and b.serial == a.serial + 1 for a, b in itertools.pairwise(packets))
        assert all(packet.pts >= packet.dts for packet in packets)
        assert all(b.dts - a.dts <= (b.time - a.time + 10.1) * TICKS for a, b in itertools.pairwise(packets))
        assert sum(len(packet.data) for packet in packets) == ring.status()["bytes"] <= 1000
        keys = [packet.serial for packet in packets if packet.key]
        assert ring.since(-1.0, 1.0) == (keys[0] if keys else None)


@pytest.fixture(scope="module")
def stub_coding(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Ring], None]:
    """Opens a ring as a film of H.264 does."""
    path = film(tmp_path_factory.mktemp("film") / "a.mp4", pictures=5)

    class Opened:
        def __init__(self, ring: Ring) -> None:
            self._ring = ring

        def opened(self, stream: object) -> None:
            self._ring.opened(stream)  # type: ignore[arg-type]

        def packet(self, packet: object) -> None:
            """Those of the film are none of the test's."""

    def open_it(ring: Ring) -> None:
        source = open_file(path)
        assert isinstance(source, ContainerSource)
        source.tap = Opened(ring)
        play(source)

    return open_it
