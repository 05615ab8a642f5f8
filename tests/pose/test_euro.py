"""The One-Euro filter: calm where nothing moves, quick where something does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.pose.euro import OneEuro

finite = st.floats(-1e3, 1e3, width=32)


def run(values: np.ndarray, fps: float = 30.0, **settings: float) -> np.ndarray:
    euro = OneEuro(**settings)
    return np.array([euro.smooth(np.float32([value]), i / fps)[0] for i, value in enumerate(values)])


def test_a_still_point_with_noise_is_calmed() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 300)
    assert run(noise)[60:].std() < 0.4 * noise.std()


def test_a_quick_point_is_followed_with_little_delay() -> None:
    ramp = np.maximum(0, np.arange(90) - 30) / 30 * 2.0  # two units a second, after a second of rest
    late = ramp - run(ramp, beta=3.0)
    assert late[-1] < 0.1  # 50 ms of way


def test_what_is_no_number_keeps_what_was_there_and_a_point_that_comes_starts_where_it_is() -> None:
    euro = OneEuro()
    assert np.isnan(euro.smooth(np.float32([np.nan, 1]), 0.0)[0])
    assert euro.smooth(np.float32([5, np.nan]), 0.1).tolist() == [5, 1]
    assert euro.smooth(np.float32([np.nan, 1]), 0.2).tolist() == [5, 1]


@given(arrays(np.float32, (20, 3), elements=finite), st.floats(0.1, 5), st.floats(0, 5))
def test_it_never_leaves_the_range_of_what_it_was_given(values: np.ndarray, cutoff: float, beta: float) -> None:
    euro = OneEuro(cutoff, beta)
    out = np.array([euro.smooth(row, i * 0.1) for i, row in enumerate(values)])
    assert (out <= values.max(0) + 1e-2).all()
    assert (out >= values.min(0) - 1e-2).all()


@pytest.mark.parametrize("time", [0.0, -1.0])
def test_a_time_that_does_not_go_on_tells_once_more_what_was(time: float) -> None:
    euro = OneEuro()
    euro.smooth(np.float32([1.0]), 0.0)
    assert euro.smooth(np.float32([9.0]), time).tolist() == [1.0]
