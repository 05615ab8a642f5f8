"""The handwritten digits that training is measured on."""

from __future__ import annotations

import importlib.util

from bench.places import DATA
from bench.table import Missing
from edge.tools.train.data import Data, read_data

DIGITS = DATA / "digits" / "mnist.npz"
SHAPE = (1, 28, 28)


def digits() -> Data:
    """60,000 to train on and 10,000 to test with. Raises Missing without them or without torch."""
    if not DIGITS.is_file():
        raise Missing("the digits beside the checkout, in ../shared/data")
    if importlib.util.find_spec("torch") is None:
        raise Missing("torch: pip install 'edge-runtime[train]'")
    return read_data(DIGITS, SHAPE)
