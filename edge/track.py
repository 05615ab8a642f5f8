"""Which detection is which object: ids over time.

Two-stage association after ByteTrack (Zhang et al., ECCV 2022): confident detections are matched first, then the
tracks left over look among the weak ones, so that a half-hidden person keeps the id. Boxes are compared by buffered IoU
(Yang et al., "Hard to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by Buffering the
Matching Space", WACV 2023), which still overlaps when somebody crosses a slow camera's picture in a few frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from edge import boxes
from edge.assign import assign
from edge.kalman import BoxFilter
from edge.types import Box, Detections, Seen, Track

EVERYWHERE: Box = (0.0, 0.0, math.inf, math.inf)
Moment = tuple[float, float]
"""Time on the pipeline's clock, time on the wall."""


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


@dataclass(frozen=True, slots=True)
class _Found:
    """One detection; kind is its class."""

    box: Box
    score: float
    kind: int


@dataclass(slots=True)
class _Life:
    """One object: its filter and its history.

    first, last: time and wall time of those detections
    time: up to when the filter has been moved on
    looked: whether the newest look was at its place
    asked: when a look at it was asked for, or all was looked at
    """

    number: int
    kind: int
    score: float
    filter: BoxFilter
    first: tuple[float, float]
    last: tuple[float, float]
    strong: list[float] = field(default_factory=list)
    moved: bool = False
    confirmed: bool = False
    misses: int = 0
    time: float = 0.0
    looked: bool = True
    asked: float = 0.0


class Tracker:
    """The tracks of one camera. Not thread-safe: owned by its pipeline.

    Args:
        labels: the detector's, in the contract's spelling; classes index into them
        wanted: the labels to follow; other detections are ignored
    """

    def __init__(self, labels: Sequence[str], wanted: Sequence[str], settings: TrackerSettings | None = None) -> None:
        self._labels = tuple(labels)
        self._wanted = frozenset(kind for kind, label in enumerate(self._labels) if label in wanted)
        self.settings = settings or TrackerSettings()
        self._lives: list[_Life] = []
        self._looked: float | None = None
        self._born = 0

    def due(self, time: float, moving: Sequence[Box] = ()) -> list[Box]:
        """Where the tracks want a look at this frame: everywhere on the very first one, around tracks that move or are
        not decided, and at a low rate around objects that stand still or were just missed. Empty: nowhere."""
        if self._looked is None:
            return [EVERYWHERE]
        settings = self.settings
        due = [
            life
            for life in self._lives
            if not life.confirmed
            or time - life.asked >= (settings.missed_every if life.misses else settings.still_every) - 1e-6
            or (moving and _moves(life.filter.box, moving))
        ]
        for life in due:
            life.asked = time
        return [life.filter.box for life in due]

    def coast(self, time: float) -> list[Track]:
        """The tracks at a frame that was not looked at: where they were, since nothing moved."""
        return self._report(time, looked=False)

    def update(self, seen: Seen, time: float, wall: float, moving: Sequence[Box] | None = None) -> list[Track]:
        """Take in what a detector saw at `time`; return the tracks, oldest first.

        Args:
            seen: empty if nothing was found; a track where nobody looked stays as it is
            moving: where the gate saw motion. A track starts only there, so that what a detector mistakes for a
                person in a picture that stands still is not told about; on the first frame it starts anywhere.
                None: everything may move.
        """
        if self._looked is None:
            moving = None
        self._looked = time
        for life in self._lives:
            life.looked = _covers(seen.looked, life.filter.box)
            if seen.looked is None:
                life.asked = time
            if life.looked:
                life.filter.predict(max(time - life.time, 0.0))
                life.time = time
        found = self._wanted_of(seen.detections)
        free = self._match(found, (time, wall), moving)
        self._start(free, (time, wall), moving)
        self._forget(time)
        return self._report(time)

    def _wanted_of(self, seen: Detections) -> list[_Found]:
        """The detections worth a look, best first."""
        rows = zip(seen.boxes.tolist(), seen.scores.tolist(), seen.classes.tolist(), strict=True)
        return [
            _Found((x1, y1, x2, y2), score, kind)
            for (x1, y1, x2, y2), score, kind in rows
            if kind in self._wanted and score >= self.settings.weak
        ]

    def _match(self, found: list[_Found], now: Moment, moving: Sequence[Box] | None) -> list[_Found]:
        """Give the tracks their detections: strong ones near, weak ones near, strong ones farther off. Returns the
        strong detections that are left."""
        strong = [one for one in found if one.score >= self.settings.strong]
        weak = [one for one in found if one.score < self.settings.strong]
        for life in self._lives:
            life.misses += life.looked
        for some, buffer, limit in ((strong, 0.1, 0.8), (weak, 0.1, 0.6), (strong, 0.5, 0.9)):
            lives = [life for life in self._lives if life.misses and life.looked]
            if not some or not lives:
                continue
            places = [boxes.grown(life.filter.box, buffer) for life in lives]
            seen = [boxes.grown(one.box, buffer) for one in some]
            cost = [
                [1.0 - boxes.iou(a, b) if life.kind == one.kind else 1.0 for b, one in zip(seen, some, strict=True)]
                for a, life in zip(places, lives, strict=True)
            ]
            pairs = assign(cost, limit)
            for row, column in pairs:
                self._take(lives[row], some[column], now, moving)
            taken = {column for _, column in pairs}
            some[:] = [one for column, one in enumerate(some) if column not in taken]
        return strong

    def _take(self, life: _Life, one: _Found, now: Moment, moving: Sequence[Box] | None) -> None:
        """Correct a track by its detection."""
        life.filter.correct(one.box)
        life.score, life.last, life.misses = one.score, now, 0
        if not life.confirmed:
            life.moved = life.moved or _moves(one.box, moving)
            if one.score >= self.settings.strong:
                life.strong.append(one.score)
            life.confirmed = self._convinces(life, now[0])

    def _convinces(self, life: _Life, time: float) -> bool:
        """Whether a track was seen often, long and well enough to be told about."""
        settings = self.settings
        return (
            len(life.strong) >= settings.confirm_hits
            and time - life.first[0] >= settings.confirm_s - 1e-6
            and median(life.strong) >= (settings.confirm_score if life.moved else settings.still_score)
        )

    def _start(self, free: list[_Found], now: Moment, moving: Sequence[Box] | None) -> None:
        """New tracks from strong, unmatched detections where something moves and no track stands already."""
        for one in free:
            known = any(
                life.kind == one.kind and boxes.nested(one.box, life.filter.box) > self.settings.nested
                for life in self._lives
            )
            if known or not _moves(one.box, moving):
                continue
            self._born += 1
            life = _Life(self._born, one.kind, one.score, BoxFilter(one.box), now, now, [one.score])
            life.time = life.asked = now[0]
            life.moved = moving is not None
            self._lives.append(life)

    def _forget(self, time: float) -> None:
        """Drop what stayed away too long, what could not be decided, and young doubles of older tracks."""
        settings = self.settings
        kept: list[_Life] = []
        for i, life in enumerate(self._lives):
            away = time - life.last[0] - 1e-6
            if not life.looked:
                stays = True
            elif life.confirmed:
                stays = away <= settings.lost_s
            else:
                older = kept + [other for other in self._lives[i + 1 :] if other.confirmed]
                stays = (
                    away <= settings.shown_s
                    and time - life.first[0] <= settings.decide_s
                    and not any(
                        other.kind == life.kind and boxes.nested(life.filter.box, other.filter.box) > settings.nested
                        for other in older
                    )
                )
            if stays:
                kept.append(life)
        self._lives = kept

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all live tracks, those included that are away and may come back."""
        return frozenset(life.number for life in self._lives)

    def _report(self, time: float, *, looked: bool = True) -> list[Track]:
        """The tracks as values; those that were missed only for a short while."""
        return [
            Track(
                number=life.number,
                label=self._labels[life.kind],
                score=life.score,
                box=life.filter.box,
                confirmed=life.confirmed,
                seen=looked and life.looked and life.misses == 0,
                first_time=life.first[0],
                last_time=life.last[0],
                first_wall=life.first[1],
                last_wall=life.last[1],
            )
            for life in self._lives
            if life.misses == 0 or time - life.last[0] <= self.settings.shown_s + 1e-6
        ]


def _covers(looked: Sequence[Box] | None, box: Box) -> bool:
    """Whether a box lies in a part that was looked at."""
    return looked is None or any(
        part[0] <= box[0] and part[1] <= box[1] and box[2] <= part[2] and box[3] <= part[3] for part in looked
    )


def _moves(box: Box, moving: Sequence[Box] | None) -> bool:
    """Whether a box meets a moving region; always where `moving` is None."""
    return moving is None or any(boxes.shared(box, region) for region in moving)
