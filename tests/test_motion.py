"""The gate on made scenes and on real footage: open for people, closed for noise and light."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from bench.scenes import score
from edge.capture.file import open_file
from edge.motion import Gate, shrink
from tests.support.scenes import KINDS, Kind, Scene
from tests.support.shared_data import DATA, needs_data

Luma = np.typing.NDArray[np.uint8]
H, W = 360, 640


def wall(seed: int = 0) -> np.typing.NDArray[np.float32]:
    """A textured background."""
    random = np.random.default_rng(seed)
    return np.kron(random.integers(60, 180, (H // 20, W // 20)), np.ones((20, 20))).astype(np.float32)


def played(frames: Iterator[np.typing.NDArray[np.floating]], fps: float = 10.0) -> list[bool]:
    gate = Gate()
    return [bool(gate.moved(frame.clip(0, 255).astype(np.uint8), i / fps)) for i, frame in enumerate(frames)]


def test_sensor_noise_is_no_motion_once_it_is_known() -> None:
    random = np.random.default_rng(1)
    open_ = played(wall() + random.normal(0, 10, (H, W)) for _ in range(100))
    assert not any(open_[10:])


def test_a_light_that_goes_on_is_no_motion_but_for_a_moment() -> None:
    open_ = played(wall() * (1.25 if i >= 50 else 1.0) for i in range(100))
    assert not any(open_[:50])
    assert not any(open_[55:])


def test_slow_exposure_drift_is_no_motion() -> None:
    assert not any(played(wall() * (1 + 0.004 * i) for i in range(100)))


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_a_walker_opens_the_gate_at_any_frame_rate(fps: float) -> None:
    def scene() -> Iterator[np.typing.NDArray[np.floating]]:
        for i in range(int(6 * fps)):
            frame = wall()
            if i >= fps:
                x = int(20 + 60 * (i / fps - 1))
                frame[120:280, x : x + 50] += 40
            yield frame

    open_ = played(scene(), fps)
    assert not any(open_[: int(fps) - 1])
    assert np.mean(open_[int(fps) + 1 :]) > 0.95


def test_regions_box_what_moves_in_pixels_of_the_frame() -> None:
    gate = Gate()
    gate.moved(wall().astype(np.uint8), 0.0)
    frame = wall()
    frame[120:240, 300:360] += 60
    boxes = gate.moved(frame.astype(np.uint8), 0.2)
    assert len(boxes) == 1
    x1, y1, x2, y2 = boxes[0]
    assert 260 <= x1 <= 300
    assert 360 <= x2 <= 400
    assert 80 <= y1 <= 120
    assert 240 <= y2 <= 280


def test_a_change_of_resolution_starts_anew() -> None:
    gate = Gate()
    gate.moved(np.zeros((480, 640), np.uint8), 0.0)
    assert gate.moved(np.full((240, 320), 200, np.uint8), 0.1) == []


@pytest.mark.parametrize("size", [(1080, 1920), (576, 768), (480, 640), (360, 640), (121, 161), (40, 60)])
def test_any_size_shrinks_to_its_local_means(size: tuple[int, int]) -> None:
    luma = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    small, factor = shrink(luma, 72)
    h, w = small.shape
    means = luma[: h * factor, : w * factor].reshape(h, factor, w, factor).mean((1, 3))
    assert np.abs(small - means).max() <= 2
    assert h >= min(72, size[0] // 2)


def test_padded_rows_are_read_right() -> None:
    padded = np.random.default_rng(0).integers(0, 255, (480, 704)).astype(np.uint8)
    ours, _ = shrink(padded[:, :640], 72)
    packed, _ = shrink(np.ascontiguousarray(padded[:, :640]), 72)
    assert np.array_equal(ours, packed)


@needs_data
def test_real_visits_open_the_gate_and_empty_frames_do_not() -> None:
    clip = DATA / "footage" / "onebyone_A.mp4"
    visits = json.loads(clip.with_suffix(".json").read_text())["visits_frames"]
    source, gate = open_file(clip), Gate()
    open_ = [bool(gate.moved(shot.picture.y, shot.time)) for shot in source.shots()]
    source.close()
    empty = [i for i in range(30, len(open_)) if all(not a - 12 <= i <= b + 12 for a, b in visits)]
    assert np.mean([open_[i] for i in empty]) <= 0.05
    for start, end in visits:
        assert any(open_[start - 5 : start + 4])
        assert np.mean(open_[start : end + 1]) >= 0.35


@pytest.mark.parametrize("kind", KINDS)
def test_a_walker_is_seen_in_every_made_scene_and_its_nuisance_is_not(kind: Kind) -> None:
    ours = score(Gate, kind, range(100, 103))
    assert ours.recall >= 0.98
    assert ours.false <= 0.08


def test_a_scene_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    first, again, other = (list(Scene("all", seed, seconds=1.0).play()) for seed in (1, 1, 2))
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].luma, other[0].luma)


def test_motion_in_a_mask_counts_for_nothing_and_beside_it_it_does() -> None:
    left = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    gate = Gate(masks=[left])
    x1s = []
    for i in range(60):
        frame = wall()
        x = 10 * i
        frame[120:280, x : x + 50] += 60
        x1s += [x1 for x1, *_ in gate.moved(frame.clip(0, 255).astype(np.uint8), i / 10)]
    assert x1s
    assert min(x1s) >= W / 2 - 2 * 4 - 4  # regions are grown by two pixels of the small picture


@pytest.mark.parametrize("gain", [1.25, 0.8])
def test_light_that_is_switched_opens_the_gate_for_nothing_even_over_strong_contrasts(gain: float) -> None:
    stripes = (np.indices((H, W))[1] // 40 % 2 * 100 + 60).astype(np.float32)
    assert sum(played(stripes * (gain if i >= 40 else 1.0) for i in range(80))) <= 3
