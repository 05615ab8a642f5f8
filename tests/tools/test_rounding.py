"""Rounding, sharing and pruning: what holds of every weight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import UserError
from edge.tools import grids, layers, prune, share
from edge.tools.rounding import entropy_bits, masked, rounded
from edge.types import F32
from tests.support.small_cnn import small_cnn, small_feeds

WHOLE = np.arange(-127.0, 128.0)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, zeros: float = 0.0) -> tuple[F32, layers.F64]:
    """A layer of 6 filters, and moments of inputs that depend on one another."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((1, 6, 12)).astype(np.float32)
    rows[random.random(rows.shape) < zeros] = 0
    inputs = random.standard_normal((200, 4)) @ random.standard_normal((4, 12)) + 0.1 * random.standard_normal(
        (200, 12)
    )
    return rows, (inputs.T @ inputs / len(inputs))[None]


def error(rows: F32, made: F32, moment: layers.F64) -> float:
    off = (rows - made).astype(np.float64)
    return float(np.einsum("gfi,gij,gfj->", off, moment, off))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, frugal=st.sampled_from([0.0, 0.5, 1.0]))
def test_codes_are_allowed_ones_and_masked_values_are_0(seed: int, frugal: float) -> None:
    rows, moment = drawn(seed, zeros=0.5)
    made = rounded(rows, np.array([0.1]), moment, WHOLE, frugal, rows != 0)
    assert np.isin(made.codes, WHOLE).all()
    assert not made.codes[rows == 0].any()


def test_errors_made_up_for_are_smaller_than_those_of_the_nearest_code() -> None:
    better = []
    for seed in range(20):
        rows, moment = drawn(seed)
        step = np.array([0.3])
        made = rounded(rows, step, moment, WHOLE, 0.0).codes * np.float32(0.3)
        nearest = np.rint(rows / 0.3) * np.float32(0.3)
        better.append(error(rows, made, moment) < error(rows, nearest, moment))
    assert np.mean(better) > 0.9


def test_what_is_frugal_takes_fewer_bits() -> None:
    rows, moment = drawn(3)
    bits = [rounded(rows, np.array([0.2]), moment, WHOLE, frugal).bits for frugal in (0.0, 1.0, 8.0)]
    assert bits[0] >= bits[1] > bits[2]


def test_the_entropy_of_codes_is_that_of_their_histogram() -> None:
    assert entropy_bits(np.array([0, 0, 1, 1])) == pytest.approx(4.0)
    assert entropy_bits(np.zeros(9)) == 0


def test_what_is_left_makes_up_for_what_was_dropped() -> None:
    rows, moment = drawn(5)
    mask = np.abs(rows) > 0.6
    assert error(rows, masked(rows, mask, moment).astype(np.float32), moment) < error(rows, rows * mask, moment)
    assert np.array_equal(masked(rows, mask, None), rows * mask)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, bits=st.integers(1, 5), frugal=st.sampled_from([0.0, 1.0]))
def test_shared_values_are_few_and_zeros_stay(seed: int, bits: int, frugal: float) -> None:
    random = np.random.default_rng(seed)
    array = random.standard_normal((8, 20)).astype(np.float32)
    array[random.random(array.shape) < 0.3] = 0
    made = share.shared(array, bits, random.uniform(0, 1, 20), frugal)
    assert made.shape == array.shape
    assert len(np.unique(made)) <= 2**bits
    assert not made[array == 0].any()


def test_more_shared_values_are_nearer() -> None:
    array = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    errors = [float(np.square(array - share.shared(array, bits, frugal=0.0)).mean()) for bits in (2, 3, 4, 5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.005


def test_a_fraction_of_all_weights_is_dropped_and_sensitive_layers_keep_more() -> None:
    model = small_cnn()
    of = layers.layers(model)
    held = {name: tensor for name, tensor in layers.graph.weights(model).items() if name in of}
    made = {**held, **prune.prune(held, of, 0.5, None, lambda arrays: 100.0 if "w3" in arrays else 1.0)}
    total = sum(array.size for array in held.values())
    zeros = sum(int((array == 0).sum()) for array in made.values())
    assert zeros / total == pytest.approx(0.5, abs=0.03)
    assert (made["w3"] == 0).mean() < 0.2 < (made["w1"] == 0).mean()
    with pytest.raises(UserError, match="cannot be pruned"):
        prune.prune(held, of, 1.5)


def test_moments_are_those_of_what_a_layer_multiplies() -> None:
    model, feeds = small_cnn(), small_feeds(3)
    of = layers.layers(model)
    seen = layers.moments(model, feeds, of)
    assert {name: moment.shape for name, moment in seen.items()} == {
        "w1": (1, 27, 27),
        "w2": (16, 9, 9),
        "w3": (1, 16, 16),
        "w4": (1, 24, 24),
    }
    pictures = np.concatenate([feed["data"] for feed in feeds])
    # The middle of a 3 x 3 filter sees every other pixel of each channel.
    assert np.einsum("gii->gi", seen["w1"])[0, 4] == pytest.approx(np.square(pictures[:, 0, ::2, ::2]).mean())


def test_finer_grids_follow_from_a_smaller_error() -> None:
    model, feeds = small_cnn(), small_feeds(4)
    of = layers.layers(model)
    held = {name: array for name, array in layers.graph.weights(model).items() if name in of}
    seen = layers.moments(model, feeds, of)
    sensitive = {name: grids.Sensitivity(1e-3, 0.5) for name in of}
    sizes = []
    for wanted in (1e-4, 1e-2):
        steps = grids.fitting(held, sensitive, wanted)
        made = {name: grids.on_grid(held[name], of[name], seen[name], steps[name]) for name in of}
        assert all(np.abs(grid.codes).max() <= grids.MOST for grid in made.values())
        sizes.append(sum(entropy_bits(grid.codes) for grid in made.values()))
    assert sizes[0] > sizes[1]


def test_a_layer_whose_weights_are_all_zero_has_a_step() -> None:
    model, feeds = small_cnn(), small_feeds(4)
    of = layers.layers(model)
    held = {name: array for name, array in layers.graph.weights(model).items() if name in of}
    held["w3"] = np.zeros_like(held["w3"])
    seen = layers.moments(model, feeds, of)
    sensitive = grids.sensitivity(held, of, seen, lambda arrays: float(sum(a.std() for a in arrays.values())))
    for wanted in (1e-6, 1.0):
        steps = grids.fitting(held, sensitive, wanted)
        made = {name: grids.on_grid(held[name], of[name], seen[name], steps[name]) for name in of}
        assert all((grid.scales > 0).all() for grid in made.values())
        assert np.array_equal(made["w3"].values(), held["w3"])
    nothing = {name: np.zeros_like(array) for name, array in held.items()}
    assert set(grids.fitting(nothing, sensitive, 1e-3)) == set(of)


def test_pruned_filters_make_up_for_errors_with_the_values_they_have() -> None:
    better = []
    for seed in range(20):
        rows, moment = drawn(seed, zeros=0.5)
        made = rounded(rows, np.array([0.3]), moment, WHOLE, 0.0, rows != 0).codes * np.float32(0.3)
        nearest = np.rint(rows / 0.3) * np.float32(0.3)
        better.append(error(rows, made, moment) / error(rows, nearest, moment))
    assert np.median(better) < 0.5


def test_the_order_of_values_is_not_that_of_the_codes() -> None:
    rows, moment = drawn(5, zeros=0.3)
    rising = moment * np.outer(np.arange(1, 13), np.arange(1, 13))
    for mask in (None, rows != 0):
        fine = rounded(rows, np.array([0.02]), rising, WHOLE, 0.0, mask).codes * np.float32(0.02)
        assert np.corrcoef(fine.ravel(), rows.ravel())[0, 1] > 0.9
