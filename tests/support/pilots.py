"""Pilots for `edge steer drive --pilot`, which fail on a word in the file that EDGE_TEST_WORD names."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

from edge.errors import EngineError

WORD = Path(os.environ.get("EDGE_TEST_WORD", "/nonexistent"))


def steer(image: Any) -> float:
    """0.5 to the right, until told otherwise."""
    assert image.ndim == 3
    word = WORD.read_text() if WORD.exists() else ""
    if word == "nan":
        return math.nan
    if word == "far":
        return 40.0
    if word == "engine":
        raise EngineError("the accelerator was unplugged")
    if word == "bug":
        raise ZeroDivisionError
    if word == "hang":
        time.sleep(3600)
    return 0.5
