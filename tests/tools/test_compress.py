"""Compressing to a bound in bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import UserError
from edge.tools.compress import Settings, check


@pytest.mark.parametrize(
    "wanted",
    [
        Settings(quantize="int8", calibrate=Path("a"), max_bytes=10),
        Settings(quantize="int6", max_bytes=10),
        Settings(quantize="int6", calibrate=Path("a"), max_bytes=10, max_drop=0.1),
        Settings(quantize="int6", calibrate=Path("a"), max_bytes=0),
    ],
)
def test_a_bound_in_bytes_is_of_grids_alone(wanted: Settings) -> None:
    with pytest.raises(UserError, match="max_bytes"):
        check(wanted)


def test_a_bound_in_bytes_goes_with_grids_and_pictures() -> None:
    check(Settings(quantize="int6", calibrate=Path("a"), max_bytes=10))
