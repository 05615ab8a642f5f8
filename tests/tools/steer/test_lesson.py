"""Lessons are parted by time, balanced, and seen as the pilot sees the road."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UserError
from edge.preprocess.fit import Fit
from edge.preprocess.image import read_image
from edge.tools.steer.augment import Variety, varied
from edge.tools.steer.families import MAINSQUEEZE, PILOTNET
from edge.tools.steer.lesson import BINS, GAP, ZERO, Balance, balanced, binned, loaded, parted
from edge.tools.steer.network import SEEN
from edge.tools.steer.recordings import Place, Sample, read
from edge.tools.steer.squeeze import saturation
from tests.support.recordings import road, tub, udacity

PLACES: tuple[Place, ...] = ("centre", "left", "right")


def samples(count: int) -> list[Sample]:
    return [Sample(Path(f"{k}{place}"), 0.0, k, place) for k in range(count) for place in PLACES]


@given(st.integers(0, 400), st.floats(0, 1))
def test_no_moment_is_near_one_that_validates(count: int, validated: float) -> None:
    train, check = parted(samples(count), validated)
    learned, validating = {one.moment for one in train}, {one.moment for one in check}
    assert all(abs(one - other) > GAP for one in learned for other in validating)
    assert {one.place for one in check} <= {"centre"}
    assert len(train) == 3 * len(learned), "all cameras of a moment on one side"
    assert len(learned) + len(validating) >= count - GAP


def test_the_last_part_validates() -> None:
    train, check = parted(samples(100), 0.2)
    assert [one.moment for one in check] == list(range(80, 100))
    assert max(one.moment for one in train) == 79 - GAP


def test_nine_in_ten_zeros_are_left_out_and_full_bins_are_capped() -> None:
    rng = np.random.default_rng(1)
    angles = np.concatenate([np.zeros(2000), rng.normal(0.3, 0.05, 3000), rng.uniform(-1, 1, 500)]).astype(np.float32)
    kept = angles[balanced(angles, Balance(zeros=0.1, cap=0), np.random.default_rng(2))]
    assert 150 < (kept == 0).sum() < 250
    assert (np.abs(kept) > ZERO).sum() == (np.abs(angles) > ZERO).sum()
    kept = angles[balanced(angles, Balance(zeros=0.1, cap=2.0), np.random.default_rng(2))]
    counts = np.bincount(binned(kept), minlength=BINS)
    before = np.bincount(binned(angles), minlength=BINS)
    assert counts.max() < before.max() / 3
    assert (counts > 0).sum() == (before > 0).sum(), "what is rare stays"


@given(st.lists(st.floats(-1, 1, width=32), max_size=60), st.floats(0, 1), st.floats(0, 5))
def test_what_is_kept_is_some_of_what_there_was_in_its_order(angles: list[float], zeros: float, cap: float) -> None:
    kept = balanced(np.array(angles, np.float32), Balance(zeros, cap), np.random.default_rng(0))
    assert (np.diff(kept) > 0).all()
    assert set(kept) <= set(range(len(angles)))


def test_a_network_learns_what_the_pilot_will_feed_it(tmp_path: Path) -> None:
    found = read(udacity(tmp_path, [0.3]))
    fed = MAINSQUEEZE.manifest("regression", "m", SEEN).input
    lesson, kept, faults = loaded(found.samples, fed)
    assert [one.place for one in kept] == list(PLACES)
    assert not faults
    image = read_image(found.samples[0].picture)
    np.testing.assert_array_equal(lesson.seen[0, :, :, 0], saturation(image))
    fed = PILOTNET.manifest("regression", "p", (0.5, 1.0)).input
    wanted = Fit.of((320, 160), fed)
    tensor = wanted.blank()
    wanted.bgr(image, tensor)
    np.testing.assert_array_equal(loaded(found.samples, fed)[0].seen[0], tensor[0])


def test_a_broken_picture_is_told_and_left_out(tmp_path: Path) -> None:
    found = read(tub(tmp_path, [0.1, 0.2, 0.3]))
    found.samples[1].picture.write_bytes(b"")
    lesson, kept, faults = loaded(found.samples, MAINSQUEEZE.manifest("regression", "m", SEEN).input)
    assert [one.moment for one in kept] == [0, 2]
    assert lesson.said == pytest.approx([0.1, 0.3])
    assert faults == [f"{found.samples[1].picture}: not an image that can be read (JPEG, PNG, BMP, WebP, TIFF)"]


def test_more_pictures_than_memory_holds_are_told_in_a_line() -> None:
    endless = cast("Sequence[Sample]", range(1 << 40))
    with pytest.raises(UserError, match=r"1099511627776 pictures of 160x66 want .* give fewer recordings"):
        loaded(endless, PILOTNET.manifest("regression", "p", SEEN).input)


def test_a_mirrored_picture_is_steered_the_other_way() -> None:
    seen = road(0.5)[None]
    pixels, said = varied(seen, np.array([0.5], np.float32), Variety(1.0, 0.0), np.random.default_rng(0), lit=False)
    np.testing.assert_array_equal(pixels, seen[:, :, ::-1])
    assert said == pytest.approx([-0.5])


@given(st.integers(0, 1000), st.sampled_from([0.0, 1.0]))
def test_a_road_further_to_the_right_is_steered_further_to_the_right(seed: int, flip: float) -> None:
    seen = np.repeat(road(0.1)[None], 8, 0)
    kind = Variety(flip, 0.2, 1.28, 1.0)
    pixels, said = varied(seen, np.full(8, 0.1, np.float32), kind, np.random.default_rng(seed), lit=True)
    red = pixels[:, 60, :, 2].astype(int) - pixels[:, 60, :, 0]
    places = np.array([np.flatnonzero(row > 100).mean() for row in red])
    by_place = (places - places.mean()) / 160 * 1.28
    np.testing.assert_allclose(said - said.mean(), by_place, atol=0.01)
    assert np.abs(said).max() <= 1


def test_light_changes_colours_and_never_wraps_around() -> None:
    seen = np.full((64, 4, 4, 3), 200, np.uint8)
    kind = Variety(0.0, 0.0, 0.0, 1.6)
    pixels, _ = varied(seen, np.zeros(64, np.float32), kind, np.random.default_rng(0), lit=True)
    assert 120 <= pixels.min() < 150
    assert pixels.max() == 255
    same, _ = varied(seen, np.zeros(64, np.float32), kind, np.random.default_rng(0), lit=False)
    np.testing.assert_array_equal(same, seen)
