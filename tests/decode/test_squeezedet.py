"""ConvDet as the paper has it, one anchor after the other, against the decoder, at the size of the KITTI model."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from edge.decode import squeezedet
from edge.models.manifest import Manifest, read_manifest
from edge.preprocess import Fit
from edge.types import F32
from tests.decode.test_nms_oracle import plainest

DOWN, ACROSS, ANCHORS, CLASSES = 24, 78, 9, 3


@pytest.fixture
def kitti(tmp_path: Path) -> Manifest:
    """The manifest that the reference shows."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "models.md"
    (shown,) = re.findall(r'^```ini\n(name = "squeezedet-kitti".*?)^```$', page.read_text(), re.M | re.S)
    (tmp_path / "kitti.toml").write_text(shown)
    return read_manifest(tmp_path / "kitti.toml")


def by_hand(grid: F32, manifest: Manifest, min_score: float) -> list[tuple[float, ...]]:
    """Boxes of score >= min_score as x1 y1 x2 y2 score class, the best 64; less what lies beside the picture."""
    found = []
    for y in range(DOWN):
        for x in range(ACROSS):
            for anchor in range(ANCHORS):
                cell = grid[0, y, x].astype(float)
                logits = cell[anchor * CLASSES : (anchor + 1) * CLASSES]
                confidence = 1 / (1 + math.exp(-cell[ANCHORS * CLASSES + anchor]))
                dx, dy, dw, dh = cell[ANCHORS * (CLASSES + 1) + 4 * anchor :][:4]
                w, h = manifest.anchors[0][2 * anchor : 2 * anchor + 2]
                probabilities = np.exp(logits) / np.exp(logits).sum()
                score = confidence * probabilities.max()
                if score < min_score:
                    continue
                cx = (x + 1) * 1248 / (ACROSS + 1) + dx * w
                cy = (y + 1) * 384 / (DOWN + 1) + dy * h
                w *= math.exp(dw) if dw <= 1 else math.e * dw
                h *= math.exp(dh) if dh <= 1 else math.e * dh
                corners = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
                clipped = [min(max(v, 0), end) for v, end in zip(corners, (1248, 384) * 2, strict=True)]
                found.append((*clipped, score, float(probabilities.argmax())))
    best = sorted(found, key=lambda row: -row[4])[:64]
    return [row for row in best if row[0] < row[2] and row[1] < row[3]]


@pytest.mark.parametrize(("shift", "candidates"), [(-2, 37), (-1.7, 64), (2, 64)])
def test_the_decoder_sees_what_the_paper_says(shift: float, candidates: int, kitti: Manifest) -> None:
    random = np.random.default_rng(5)
    grid = random.normal(0, 0.7, (1, DOWN, ACROSS, 72)).astype(np.float32)
    grid[..., 27:36] += shift  # confidences: at first some candidates, then more than go into the suppression
    wanted = np.array(by_hand(grid, kitti, 0.3), np.float32)
    kept = plainest(wanted[:, :4], wanted[:, 4], wanted[:, 5], 0.4)
    assert candidates - 8 < len(wanted) <= candidates
    seen = squeezedet.decode({"grid": grid}, kitti, Fit.of((1248, 384), kitti.input), 0.3)
    np.testing.assert_allclose(seen.scores, wanted[kept, 4], atol=1e-5)
    np.testing.assert_allclose(seen.boxes, wanted[kept, :4], atol=0.01)
    np.testing.assert_array_equal(seen.classes, wanted[kept, 5])
