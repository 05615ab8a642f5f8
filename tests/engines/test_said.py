"""What a vendor, a server, another process or a file says, before it reaches a log or a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engines.base import one_line


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("two\r\n  lines\t", "two lines"),
        ("\x1b[2J\x1b]0;mine\x07red", "[2J]0;minered"),
        ("\u202eright to left\u2028on", "right to left on"),
        ("half a pair \ud800 and a bell \x9b", "half a pair and a bell"),
        ("größer, σκύλος, 犬, नमस्ते, كلب", "größer, σκύλος, 犬, नमस्ते, كلب"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError("\x1b"), "RuntimeError"),
        ("", ""),
        ("x" * 500_057, "x" * 199 + "…"),
    ],
)
def test_it_is_one_line_that_can_be_printed(said: BaseException | str, told: str) -> None:
    assert one_line(said) == told


@given(st.text(), st.integers(1, 50))
def test_nothing_else_comes_through(said: str, limit: int) -> None:
    told = one_line(said, limit)
    assert told.isprintable()
    assert len(told) <= limit
