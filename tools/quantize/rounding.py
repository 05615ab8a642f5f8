"""Weights onto a grid so that the layer's output, rather than each weight, is near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.tools.quantize.plan import Feed

if TYPE_CHECKING:
    import onnx


def round_weights(
    model: onnx.ModelProto,
    feeds: Sequence[Feed],
    grids: dict[str, NDArray[np.float32]],
    levels: int = 127,
) -> dict[str, NDArray[np.int16]]:
    """Codes of weights, chosen by what they do to the layer's output on the feeds.

    GPTQ (Frantar et al. 2022, arXiv:2210.17323, section 3): columns are rounded one by one, and each one's error is
    spread over those not yet rounded by the inverse of the inputs' second moments.

    Args:
        grids: for each weight by its initializer's name the scales, float32 (1,) or (output channels,).
        levels: the largest code.

    Returns:
        Codes by the initializer's name, int16, of the weight's shape; value = code * scale.
    """
    raise NotImplementedError
