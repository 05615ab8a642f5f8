"""Pixels get into integer inputs as the numbers that the model was trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engines.base import TensorSpec
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.models.quantized import input_of, real
from edge.preprocess import Fit, Input

PIXELS = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
"""Every value there is, in every channel."""


def described(quantized: dict[str, tuple[float, int]] | None = None, **keys: object) -> Manifest:
    made = replace(Input("x", 16, 16, colour="BGR"), **keys)  # type: ignore[arg-type]
    return Manifest("mine", "classify", "classes", made, {"scores": 0}, quantized=quantized or {})


def told(dtype: str, scale: float | None = None, zero: int | None = None) -> TensorSpec:
    return TensorSpec("x", (1, 16, 16, 3), dtype, scale, zero)


def fed(to: Input) -> np.ndarray:  # type: ignore[type-arg]
    """What arrives in the tensor, by pixel value."""
    fit = Fit.of((16, 16), to)
    tensor = fit.blank()
    fit.bgr(PIXELS, tensor)
    return tensor[0, :, :, 0].reshape(-1).astype(int)


def test_bytes_go_in_as_they_are_and_signed_ones_shifted() -> None:
    assert input_of(described(), told("uint8", 0.0078125, 128)) == described().input
    assert fed(input_of(described(dtype="int8"), told("int8", 1 / 255, -128))).tolist() == list(range(-128, 128))
    float_input = described(dtype="float32", scale=1 / 255)
    assert input_of(float_input, told("float32")) == float_input.input


@pytest.mark.parametrize(
    ("dtype", "scale", "zero", "keys"),
    [
        ("int8", 0.003921568859368563, -128, {"scale": 1 / 255}),
        ("int8", 0.0078125, 0, {"mean": (127.5,) * 3, "std": (127.5,) * 3}),
        ("uint8", 0.0078125, 128, {"mean": (127.5,) * 3, "std": (127.5,) * 3}),
        ("uint8", 0.02, 110, {"scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}),
    ],
)
@pytest.mark.parametrize("by", ["engine", "manifest"])
def test_real_numbers_are_quantized(dtype: str, scale: float, zero: int, keys: dict[str, object], by: str) -> None:
    given_ = described({"input": (scale, zero)} if by == "manifest" else None, dtype=dtype, **keys)
    to = input_of(given_, told(dtype, scale, zero) if by == "engine" else told(dtype))
    plain = given_.input
    wanted = ((np.arange(256) * plain.scale - plain.mean[0]) / plain.std[0]) / scale + zero
    limits = np.iinfo(dtype)
    np.testing.assert_allclose(fed(to), np.clip(wanted, limits.min, limits.max), atol=0.51)


def test_what_comes_out_as_bytes_goes_in_without_a_detour() -> None:
    given_ = described(scale=1 / 255, dtype="uint8")
    assert input_of(given_, told("uint8", 0.003921568859368563, 0)) == described().input


def test_integers_that_the_manifest_makes_itself_are_let_be() -> None:
    given_ = described(dtype="int8", mean=(128.0,) * 3)
    assert input_of(given_, told("int8", 1 / 255, -128)) == given_.input


def test_real_numbers_without_a_scale_are_told() -> None:
    with pytest.raises(
        ModelError, match=r"input `x` is int8, .* `\[quantized\]` input = \[scale, zero point\]"
    ) as fault:
        input_of(described(dtype="int8", scale=1 / 255), told("int8"))
    assert "\n" not in str(fault.value)


@given(
    scale=st.floats(1e-4, 10),
    zero=st.integers(-128, 127),
    numbers=st.lists(st.integers(-128, 127), min_size=1, max_size=20),
)
def test_integers_come_back_as_real_numbers(scale: float, zero: int, numbers: list[int]) -> None:
    array = np.array(numbers, np.int8)
    given_back = real(array, (scale, zero))
    assert given_back.dtype == np.float32
    np.testing.assert_allclose(given_back, (array.astype(float) - zero) * scale, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(array, np.array(numbers, np.int8))
