"""What people do upright: raise their hands, wave for help, run."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from edge.posture.geometry import HEAD, HIPS, SHOULDERS, SURE, Shape
from edge.posture.settings import PostureSettings
from edge.types import F32, Activity

WRISTS = (9, 10)
_UP = 0.12
"""So far above the shoulders a raised hand is, as a part of the stature: about the height of the chin."""
_LAPSE_S = 0.4
_GAP_S = 1.5
"""Longer between two looks, and what held at both need not have lasted."""


class Lasting:
    """Something that must last before it is told, and may be missed for a moment. One thread."""

    def __init__(self, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._since: float | None = None
        self._last = -math.inf
        self._confirmed_at: float | None = None

    def look(self, holds: bool, time: float) -> tuple[float, float | None] | None:
        """Since when it holds, and when it had lasted; None while it does not."""
        if time - self._last > _GAP_S:
            self._since = self._confirmed_at = None
        if holds:
            self._since = time if self._since is None else self._since
            self._last = time
        elif time - self._last > _LAPSE_S:
            self._since = self._confirmed_at = None
        if self._since is None:
            return None
        if self._confirmed_at is None and time - self._since >= self._lasts_s - 1e-6:
            self._confirmed_at = time
        return self._since, self._confirmed_at


class Hands:
    """Both hands up, and a hand that waves above the shoulder. One thread."""

    def __init__(self, settings: PostureSettings) -> None:
        self._settings = settings
        self._raised = Lasting(settings.raised_s)
        self._waved = Lasting(0.0)
        self._ways: dict[int, deque[tuple[float, float]]] = {wrist: deque() for wrist in WRISTS}

    def look(self, joints: F32, shape: Shape, time: float) -> Activity | None:
        """What the hands of joints, float32 (17, 3), do; waving before raised hands."""
        shoulders = joints[SHOULDERS]
        known = shoulders[:, 2].min() >= SURE and shape.lean < 60
        top = float(shoulders[:, 1].mean()) - _UP * shape.height
        up = [known and joints[wrist, 2] >= SURE and joints[wrist, 1] < top for wrist in WRISTS]
        middle = float(shoulders[:, 0].mean())
        for wrist, raised in zip(WRISTS, up, strict=True):
            way = self._ways[wrist]
            if raised:
                way.append((time, (float(joints[wrist, 0]) - middle) / shape.height))
            while way and time - way[0][0] > self._settings.wave_s:
                way.popleft()
        waves = max(self._turns(way) for way in self._ways.values()) >= self._settings.waves
        waved = self._waved.look(waves, time)
        raised = self._raised.look(all(up) and bool(known), time)
        head = joints[HEAD, 2].max()
        score = round(float(min(joints[WRISTS, 2].max(), max(shoulders[:, 2].min(), head))), 3)
        if waved is not None:
            return Activity("waving", score, *waved)
        return None if raised is None else Activity("hands_up", score, *raised)

    def _turns(self, way: deque[tuple[float, float]]) -> int:
        """How often a hand turned about, each time after `wave` at least."""
        turns, goes, far = 0, 0, math.nan
        for _, x in way:
            if math.isnan(far):
                far = x
            elif (goes >= 0 and x > far) or (goes <= 0 and x < far):
                if not goes and abs(x - far) >= self._settings.wave:
                    goes = 1 if x > far else -1
                if goes:
                    far = x
            elif goes and abs(x - far) >= self._settings.wave:
                turns, goes, far = turns + 1, -goes, x
        return turns


class Running:
    """Going on faster than people walk. One thread."""

    def __init__(self, settings: PostureSettings) -> None:
        self._settings = settings
        self._runs = Lasting(settings.run_s)
        self._way: deque[tuple[float, float, float]] = deque()
        self.speed = 0.0

    def look(self, joints: F32, shape: Shape, time: float) -> Activity | None:
        """Whether the hips of joints, float32 (17, 3), move on like a runner's, along the picture."""
        hips = joints[HIPS]
        if hips[:, 2].max() < SURE or not np.isfinite(hips[:, :2]).any():
            return self._told(self._runs.look(False, time))
        x, y = np.nanmean(hips[:, :2], axis=0).tolist()
        self._way.append((time, x, y))
        while time - self._way[0][0] > 0.5:
            self._way.popleft()
        t, x0, y0 = self._way[0]
        # Sideways alone: who falls moves down as fast, and who comes nearer hardly moves in the picture.
        self.speed = abs(x - x0) / shape.height / (time - t) if time - t >= 0.2 else 0.0
        steep = abs(y - y0) > 0.5 * abs(x - x0)
        return self._told(self._runs.look(self.speed > self._settings.run and not steep and shape.lean < 45, time))

    def _told(self, runs: tuple[float, float | None] | None) -> Activity | None:
        return (
            None
            if runs is None
            else Activity("running", round(min(1.0, self.speed / 2 / self._settings.run + 0.3), 3), *runs)
        )
