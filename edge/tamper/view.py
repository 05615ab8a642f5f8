"""One look at a camera's view beside its reference: a pure function of two small grey pictures.

The pictures are compared block by block, so that people and shadows, which change some blocks, are not taken for a
change of view, which changes all of them. Only when most blocks disagree is the costly question asked: where did the
reference go? ORB features (Rublee et al., ICCV 2011) and a homography by USAC (Raguram et al., TPAMI 2013) answer it,
and the enhanced correlation coefficient (Evangelidis and Psarakis, TPAMI 2008) where there are too few features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import F32, U8, Box

WIDTH = 320
BLOCK = 16
Verdict = Literal["same", "moved", "covered", "blurred", "blinded", "dark", "unknown"]
F64 = NDArray[np.float64]

DARK = 46
"""The lights are off where the brightest twentieth of a picture is darker. Luma of limited range: black is 16."""
BRIGHT = 228
BLIND_SHARE = 0.6
"""A picture is blinded where so much of it is as bright as can be."""
STRUCTURE = 3.0
"""A block has something to compare where its brightness varies by so many levels."""
AGREES = 0.5
SAME_SHARE = 0.5
"""A block agrees where it correlates so well with the reference; a view is the same where so many blocks agree."""
SHARP, BLUR = 0.65, 0.5
"""Fine detail, as a part of the reference's and relative to contrast: below the one, a view that is known block by
block is blurred; below the other, one that is known only on the whole."""
SHARP_AGAIN = 0.8
"""What was blurred is sharp again from here on, so that it does not come and go at the border."""
KNOWN = 0.6
"""A blurred view is still the same one where its coarse picture correlates so well."""
LOST_SHARE = 0.7
"""A view is covered where so many blocks that had structure have none."""
LEAST_BLOCKS = 8
LEAST_MATCHES = 12
LEAST_FEATURES = 60
_MARGIN = 0.15
STILL = 0.02
"""Corners that moved by less than this part of the picture's width did not move."""


def height_of(w: int, h: int) -> int:
    """How high the small picture of a frame of w by h pixels is."""
    return max(2 * BLOCK, round(h * WIDTH / w))


def hidden_by(busy: Sequence[Box], size: tuple[int, int]) -> U8 | None:
    """255 in the small picture where people and moving things are, with a margin; None where nothing is."""
    if not busy:
        return None
    w, h = size
    height = height_of(w, h)
    hidden = np.zeros((height, WIDTH), np.uint8)
    for x1, y1, x2, y2 in busy:
        dx, dy = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
        left, right = (int(min(max(x / w, 0.0), 1.0) * WIDTH) for x in (x1 - dx, x2 + dx))
        top, bottom = (int(min(max(y / h, 0.0), 1.0) * height) for y in (y1 - dy, y2 + dy))
        hidden[top:bottom, left:right] = 255
    return hidden


class View:
    """A camera's picture as it is compared: grey, 320 pixels wide. What is derived from it is made once, when asked.

    Args:
        grey: uint8 (h, 320)
    """

    def __init__(self, grey: U8) -> None:
        self.grey = grey

    @classmethod
    def of(cls, luma: U8) -> View:
        """The view of a frame's luma plane, uint8 (h, w)."""
        height = height_of(luma.shape[1], luma.shape[0])
        while luma.shape[1] >= 4 * WIDTH:  # halving is several times the speed of any other factor
            luma = np.asarray(cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        return cls(np.asarray(cv2.resize(luma, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8))

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Columns and rows of blocks."""
        return self.grey.shape[1] // BLOCK, max(1, self.grey.shape[0] // BLOCK)

    @cached_property
    def smooth(self) -> F32:
        """Without the finest noise."""
        return np.asarray(cv2.GaussianBlur(self.grey.astype(np.float32), (0, 0), 1.0), np.float32)

    @cached_property
    def coarse(self) -> F32:
        """A pixel a block: the means."""
        return self.blocks(self.smooth)

    @cached_property
    def spread(self) -> F32:
        """How much brightness varies in each block, standard deviation in levels."""
        return np.sqrt(np.maximum(self.blocks(self.smooth * self.smooth) - self.coarse * self.coarse, 0.0))

    @cached_property
    def detail(self) -> F32:
        """How much fine detail there is in each block."""
        return self.blocks(np.abs(cv2.Laplacian(self.smooth, cv2.CV_32F)))

    @cached_property
    def brighter(self) -> F64:
        """The part of the picture that is at least as bright as each level, float64 (256,)."""
        counts = np.bincount(self.grey.ravel(), minlength=256)
        return np.cumsum(counts[::-1])[::-1] / self.grey.size

    @cached_property
    def level(self) -> float:
        """Mean brightness above black."""
        return max(float(self.coarse.mean()) - 16.0, 0.0)

    @cached_property
    def features(self) -> tuple[F32, U8]:
        """ORB keypoints, float32 (n, 2) x y in pixels of `grey`, and their descriptors."""
        orb = cv2.ORB.create(nfeatures=300, nlevels=4, fastThreshold=10, edgeThreshold=15, patchSize=25)
        points, found = orb.detectAndCompute(cv2.equalizeHist(self.grey), None)
        if not points:
            return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
        return np.array([point.pt for point in points], np.float32).reshape(-1, 2), np.asarray(found, np.uint8)

    def blocks(self, picture: F32) -> F32:
        """The means of a picture's blocks."""
        return np.asarray(cv2.resize(picture, self.grid, interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True, slots=True)
class Shift:
    """Where the reference went.

    homography: float64 (3, 3), maps a point of the reference to where it is now: (x, y, 1) in pixels of the small
        picture. What was in the picture's middle and is now to its right has turned the picture right, so that the
        camera turned left.
    corners: mean motion of the picture's four corners, dx and dy as parts of its width
    far: the largest motion of a corner, as a part of the width
    """

    homography: F64
    corners: tuple[float, float]
    far: float


def shift_between(reference: View, now: View, hidden: U8 | None = None) -> Shift | None:
    """How the view moved from the reference to now; None where that cannot be told.

    Args:
        hidden: uint8 like `grey`, not 0 where people or moving things are now; their features do not count
    """
    found = _by_features(reference, now, hidden)
    return found if found is not None else _by_correlation(reference, now)


def judge(
    reference: View, now: View, hidden: U8 | None = None, sharp_from: float = SHARP
) -> tuple[Verdict, Shift | None]:
    """What became of the view. `hidden` as in `shift_between`; the shift is given where one was looked for and found.

    `unknown` is what cannot be told: too little is seen, or too little is left of what was.

    Args:
        sharp_from: a view of less fine detail, in units of the reference's, is blurred
    """
    if now.brighter[BRIGHT] >= max(BLIND_SHARE, 2 * reference.brighter[BRIGHT]):
        return "blinded", None
    known = _correlation(reference.coarse, now.coarse)
    if now.brighter[DARK] < 0.05 or (now.brighter[2 * DARK] < 0.05 and now.level < 0.3 * reference.level):
        flat = float(now.spread.max()) < 0.5 and known < 0.3
        return ("covered" if flat and reference.level > 2 * now.level + 10 else "dark"), None
    usable = reference.spread > STRUCTURE
    if hidden is not None:
        usable &= now.blocks((hidden > 0).astype(np.float32)) < 0.25
    if np.count_nonzero(usable) < LEAST_BLOCKS:
        return "unknown", None
    return _compared(reference, now, hidden, usable, known, sharp_from)


def _compared(
    reference: View, now: View, hidden: U8 | None, usable: NDArray[np.bool_], known: float, sharp_from: float
) -> tuple[Verdict, Shift | None]:
    """The verdict on a picture that is neither dark nor blinded, by the blocks that can be compared."""
    both = now.blocks(reference.smooth * now.smooth) - reference.coarse * now.coarse
    agreement = both / np.maximum(reference.spread * now.spread, 1.0)
    agree = float(np.mean(agreement[usable] > AGREES))
    contrast = float(np.median(now.spread[usable] / reference.spread[usable]))
    detail = float(np.median(now.detail[usable] / np.maximum(reference.detail[usable], 0.1)))
    sharp = detail / min(max(contrast, 0.25), 1.0)
    lost = float(np.mean(now.spread[usable] < np.minimum(0.25 * reference.spread[usable], STRUCTURE)))
    if agree >= SAME_SHARE:
        return ("same" if sharp >= sharp_from else "blurred"), None
    if sharp < BLUR and known >= KNOWN:
        return "blurred", None
    if lost >= LOST_SHARE and known < KNOWN:
        return "covered", None
    shift = shift_between(reference, now, hidden)
    if shift is not None:
        return ("moved" if shift.far >= STILL else "same"), shift
    if min(len(reference.features[0]), len(now.features[0])) < LEAST_FEATURES or agree > 0.15:
        return "unknown", None
    # As much to be seen as before, and nothing of it where it was: something near the lens is out of focus.
    return ("covered" if sharp < BLUR else "moved"), None


def _by_features(reference: View, now: View, hidden: U8 | None) -> Shift | None:
    points, words = now.features
    if hidden is not None and len(points):
        seen = hidden[points[:, 1].astype(int), points[:, 0].astype(int)] == 0
        points, words = points[seen], words[seen]
    before, known = reference.features
    if min(len(points), len(before)) < LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(known, words)
    pairs = [pair for pair in pairs if pair.distance <= 56]
    if len(pairs) < LEAST_MATCHES:
        return None
    source = before[[pair.queryIdx for pair in pairs]]
    target = points[[pair.trainIdx for pair in pairs]]
    # Where nothing matches, plain RANSAC makes all of its 2,000 tries, for tens of milliseconds in a camera's thread.
    matrix, inliers = cv2.findHomography(source, target, cv2.USAC_FAST, 2.5)
    if matrix is None or int(inliers.sum()) < max(LEAST_MATCHES, 0.3 * len(pairs)):
        return None
    return _shift(np.asarray(matrix, np.float64), reference.grey.shape)


def _by_correlation(reference: View, now: View) -> Shift | None:
    """A translation by phase correlation, refined by ECC; None where the two do not correlate in the end."""
    window = cv2.createHanningWindow(reference.grey.shape[::-1], cv2.CV_32F)
    # Multiplied here: given the window, phaseCorrelate multiplies its inputs in place.
    (dx, dy), response = cv2.phaseCorrelate(reference.smooth * window, now.smooth * window)
    if response < 0.1:
        return None
    warp = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
    everywhere = np.full(now.grey.shape, 255, np.uint8)
    try:
        score, refined = cv2.findTransformECC(
            reference.smooth, now.smooth, warp, cv2.MOTION_TRANSLATION, criteria, everywhere, 5
        )
    except cv2.error:  # its way to say that it did not converge
        return None
    if score < 0.8:
        return None
    return _shift(np.vstack([refined, [0, 0, 1]]).astype(np.float64), reference.grey.shape)


def _shift(homography: F64, shape: tuple[int, ...]) -> Shift | None:
    """What a homography does to the picture's corners; None for one that no turn of a camera makes."""
    h, w = shape
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float64)
    moved = np.column_stack([corners, np.ones(4)]) @ homography.T
    if np.any(moved[:, 2] < 0.2):
        return None
    moved = moved[:, :2] / moved[:, 2:]
    area = float(cv2.contourArea(moved.astype(np.float32)))
    if not (cv2.isContourConvex(moved.astype(np.float32)) and 0.25 < area / (w * h) < 4):
        return None
    motion = (moved - corners) / w
    dx, dy = motion.mean(0)
    return Shift(homography, (float(dx), float(dy)), float(np.hypot(motion[:, 0], motion[:, 1]).max()))


def _correlation(a: F32, b: F32) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))
