"""Which detection is which object: ids over time.

Two-stage association after ByteTrack (Zhang et al., ECCV 2022): confident detections are matched first, then the
tracks left over look among the weak ones, so that a half-hidden person keeps the id. Boxes are compared by buffered IoU
(Yang et al., "Hard to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by Buffering the
Matching Space", WACV 2023), which still overlaps when somebody crosses a slow camera's picture in a few frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import kalman
from edge.assign import Pairs, assign
from edge.types import F32, Box, Detections, Track

F64 = NDArray[np.float64]
AnyBoxes = NDArray[Any]
"""float (n, 4), x1 y1 x2 y2 in pixels."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What the tracker believes. Scores are 0..1, times seconds.

    strong: a detection at or above it may start a track; lower ones only continue one
    weak: detections below it are not looked at
    confirm_hits, confirm_s, confirm_score: a track is told about once this many strong detections, over at least this
        time, have this median score; higher values lose brief visitors, lower ones tell of passing errors
    still_score: the same for a track that was never seen to move: a coat on a hook scores like a distant person
    decide_s: a track that is not confirmed by then is dropped
    nested: a young track that lies in an older one by this part of the smaller box is the same object seen twice
    lost_s: how long an unseen object may stay away and come back with its id
    shown_s: how long an object that was not found again is still reported where the filter expects it
    missed_every, still_every: when nothing moves, how often to look again for an object that was just missed, and for
        one that stands still
    """

    strong: float = 0.4
    weak: float = 0.15
    confirm_hits: int = 4
    confirm_s: float = 0.3
    confirm_score: float = 0.5
    still_score: float = 0.7
    decide_s: float = 3.0
    nested: float = 0.7
    lost_s: float = 2.0
    shown_s: float = 0.35
    missed_every: float = 0.5
    still_every: float = 1.0


@dataclass(slots=True)
class _Life:
    """The history of one track, beside its filter."""

    number: int
    kind: int
    score: float
    first: tuple[float, float]
    last: tuple[float, float]
    strong: list[float] = field(default_factory=list)
    moved: bool = False
    confirmed: bool = False
    misses: int = 0


class Tracker:
    """The tracks of one camera. Not thread-safe: owned by its pipeline.

    Args:
        labels: the detector's, in the contract's spelling; classes index into them
        wanted: the labels to follow; other detections are ignored
    """

    def __init__(self, labels: Sequence[str], wanted: Sequence[str], settings: TrackerSettings | None = None) -> None:
        self._labels = tuple(labels)
        self._wanted = np.array([label in wanted for label in self._labels], bool)
        self._settings = settings or TrackerSettings()
        self._boxes = kalman.none()
        self._lives: list[_Life] = []
        self._time: float | None = None
        self._looked: float | None = None
        self._born = 0

    def due(self, time: float) -> bool:
        """Whether the tracks want a look at this frame although nothing moves: on the very first frame, while a track
        is not decided, and at a low rate for objects that stand still or were just missed."""
        if self._looked is None:
            return True
        away = time - self._looked
        settings = self._settings
        return any(
            not life.confirmed or away >= (settings.missed_every if life.misses else settings.still_every) - 1e-6
            for life in self._lives
        )

    def coast(self, time: float) -> list[Track]:
        """The tracks at a frame that was not looked at: where they were, since nothing moved."""
        return self._report(time, looked=False)

    def update(self, seen: Detections, time: float, wall: float, moving: Sequence[Box] | None = None) -> list[Track]:
        """Take in what a detector saw at `time`; return the tracks, oldest first.

        Args:
            seen: of the whole frame; empty if nothing was found
            moving: where the gate saw motion. A track starts only there, so that what a detector mistakes for a
                person in a picture that stands still is not told about; on the first frame it starts anywhere.
                None: everything may move.
        """
        first_look = self._looked is None
        if self._time is not None:
            kalman.predict(self._boxes, max(time - self._time, 0.0))
        self._time = self._looked = time
        seen = seen.keep(self._wanted[seen.classes] & (seen.scores >= self._settings.weak)) if len(seen) else seen
        matched = self._match(seen)
        self._take(seen, matched, time, wall, moving)
        self._start(seen, {d for _, d in matched}, time, wall, None if first_look else moving)
        self._forget(time)
        return self._report(time)

    def _match(self, seen: Detections) -> Pairs:
        """(track, detection) pairs: strong detections near, weak ones near, strong ones farther off."""
        if not len(seen) or not self._lives:
            return []
        strong = seen.scores >= self._settings.strong
        kinds = np.array([life.kind for life in self._lives])
        other_kind = kinds[:, None] != seen.classes[None, :]
        places = _corners(self._boxes.place)
        tracks, found = np.ones(len(places), bool), np.ones(len(seen), bool)
        pairs: Pairs = []
        for mask, buffer, limit in ((strong, 0.1, 0.8), (~strong, 0.1, 0.6), (strong, 0.5, 0.9)):
            rows, columns = tracks.nonzero()[0], (found & mask).nonzero()[0]
            if not len(rows) or not len(columns):
                continue
            cost = 1.0 - overlap(_grown(places[rows], buffer), _grown(seen.boxes[columns], buffer))
            cost[other_kind[np.ix_(rows, columns)]] = 1.0
            for r, c in assign(cost, limit):
                row, column = int(rows[r]), int(columns[c])
                tracks[row] = found[column] = False
                pairs.append((row, column))
        return pairs

    def _take(self, seen: Detections, matched: Pairs, time: float, wall: float, moving: Sequence[Box] | None) -> None:
        """Correct the matched tracks, count a miss for the others."""
        for life in self._lives:
            life.misses += 1
        if not matched:
            return
        rows, found = (np.array(side, np.intp) for side in zip(*matched, strict=True))
        kalman.correct(self._boxes, rows, _centres(seen.boxes[found]))
        for detection, row in zip(found, rows, strict=True):
            life, score = self._lives[row], float(seen.scores[detection])
            life.score, life.last, life.misses = score, (time, wall), 0
            if not life.confirmed:
                life.moved = life.moved or bool(_touch(seen.boxes[detection : detection + 1], moving)[0])
                if score >= self._settings.strong:
                    life.strong.append(score)
                life.confirmed = self._convinces(life, time)

    def _convinces(self, life: _Life, time: float) -> bool:
        """Whether a track was seen often, long and well enough to be told about."""
        settings = self._settings
        return (
            len(life.strong) >= settings.confirm_hits
            and time - life.first[0] >= settings.confirm_s - 1e-6
            and median(life.strong) >= (settings.confirm_score if life.moved else settings.still_score)
        )

    def _start(self, seen: Detections, used: set[int], time: float, wall: float, moving: Sequence[Box] | None) -> None:
        """New tracks from strong, unmatched detections where something moves and no track stands already."""
        free = [d for d in range(len(seen)) if d not in used and seen.scores[d] >= self._settings.strong]
        if not free:
            return
        touching = _touch(seen.boxes[free], moving)
        for d, moves in zip(free, touching, strict=True):
            box, kind, score = seen.boxes[d : d + 1], int(seen.classes[d]), float(seen.scores[d])
            same = np.array([life.kind == kind for life in self._lives], bool)
            if not moves or np.any(nested(box, _corners(self._boxes.place))[0, same] > self._settings.nested):
                continue
            kalman.add(self._boxes, _centres(box))
            self._born += 1
            self._lives.append(
                _Life(self._born, kind, score, (time, wall), (time, wall), strong=[score], moved=moving is not None)
            )

    def _forget(self, time: float) -> None:
        """Drop what stayed away too long, what could not be decided, and young doubles of older tracks."""
        settings, corners = self._settings, _corners(self._boxes.place)
        inside = None if all(life.confirmed for life in self._lives) else nested(corners, corners)
        keep = np.ones(len(self._lives), bool)
        for i, life in enumerate(self._lives):
            away = time - life.last[0] - 1e-6
            if life.confirmed or inside is None:
                keep[i] = away <= settings.lost_s
                continue
            double = any(
                keep[j] and other.kind == life.kind and inside[i, j] > settings.nested
                for j, other in enumerate(self._lives)
                if other.confirmed or j < i
            )
            keep[i] = away <= settings.shown_s and time - life.first[0] <= settings.decide_s and not double
        if not keep.all():
            self._boxes.keep(keep)
            self._lives = [life for life, stays in zip(self._lives, keep, strict=True) if stays]

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all live tracks, those included that are away and may come back."""
        return frozenset(life.number for life in self._lives)

    def _report(self, time: float, *, looked: bool = True) -> list[Track]:
        """The tracks as values; those that were missed only for a short while."""
        shown: list[Track] = []
        for life, (x1, y1, x2, y2) in zip(self._lives, _corners(self._boxes.place).tolist(), strict=True):
            if life.misses == 0 or time - life.last[0] <= self._settings.shown_s + 1e-6:
                shown.append(
                    Track(
                        number=life.number,
                        label=self._labels[life.kind],
                        score=life.score,
                        box=(x1, y1, x2, y2),
                        confirmed=life.confirmed,
                        seen=looked and life.misses == 0,
                        first_time=life.first[0],
                        last_time=life.last[0],
                        first_wall=life.first[1],
                        last_wall=life.last[1],
                    )
                )
        return shown


def overlap(a: AnyBoxes, b: AnyBoxes) -> F64:
    """Intersection over union of boxes a (n, 4) and b (m, 4), x1 y1 x2 y2: float64 (n, m)."""
    both = _both(a, b)
    union: F64 = _area(a)[:, None] + _area(b)[None, :] - both
    return np.divide(both, np.maximum(union, 1e-9))


def nested(a: AnyBoxes, b: AnyBoxes) -> F64:
    """Intersection over the smaller of boxes a (n, 4) and b (m, 4): float64 (n, m), 1 where one holds the other."""
    smaller = np.minimum(_area(a)[:, None], _area(b)[None, :])
    return np.divide(_both(a, b), np.maximum(smaller, 1e-9))


def _touch(boxes: F32, moving: Sequence[Box] | None) -> NDArray[np.bool_]:
    """Which boxes (n, 4) meet a moving region; all where `moving` is None."""
    if moving is None:
        return np.ones(len(boxes), bool)
    shared = _both(boxes, np.array(moving, np.float32).reshape(-1, 4))
    touching: NDArray[np.bool_] = shared.max(1, initial=0.0) > 0
    return touching


def _both(a: AnyBoxes, b: AnyBoxes) -> F64:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    side = np.maximum(high - low, 0).astype(np.float64)
    both: F64 = side[..., 0] * side[..., 1]
    return both


def _area(boxes: AnyBoxes) -> F64:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float64)


def _centres(boxes: F32) -> F64:
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    return np.concatenate([(low + high) / 2, np.maximum(high - low, 1.0)], 1)


def _corners(places: F64) -> F64:
    half = places[:, 2:] / 2
    return np.concatenate([places[:, :2] - half, places[:, :2] + half], 1)


def _grown(boxes: AnyBoxes, buffer: float) -> F64:
    margin = (boxes[:, 2:] - boxes[:, :2]) * buffer
    return np.asarray(np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], 1), np.float64)
