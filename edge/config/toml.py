"""TOML by the standard library, by tomli where Python 3.10 has none."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def parse(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ValueError: the text is no TOML; the message ends in `(at line L, column C)` or `(at end of document)`.
    """
    module = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        tables: dict[str, Any] = module.loads(text)
    except RecursionError:
        raise ValueError("Nested too deeply (at end of document)") from None
    return tables
