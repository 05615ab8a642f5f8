"""Which detection is which object: ids over time.

Two-stage association after ByteTrack (Zhang et al., ECCV 2022): confident detections are matched first, then the
tracks left over look among the weak ones, so that a half-hidden person keeps the id. Boxes are compared by buffered IoU
(Yang et al., "Hard to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by Buffering the
Matching Space", WACV 2023), which still overlaps when somebody crosses a slow camera's picture in a few frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from statistics import median

from edge import boxes
from edge.assign import assign
from edge.kalman import BoxFilter
from edge.still import Still
from edge.track.life import Found, Ghosts, Life, Moment
from edge.track.settings import TrackerSettings
from edge.types import Box, Detections, Seen, Track

EVERYWHERE: Box = (0.0, 0.0, math.inf, math.inf)
_LOOKS_A_STAND = 10.0


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
        self._lives: list[Life] = []
        self._looked: float | None = None
        self._born = 0
        self._ghosts = Ghosts(self.settings.ghost_s)

    def due(self, time: float, moving: Sequence[Box] = ()) -> list[Box]:
        """Where the tracks want a look at this frame: everywhere on the very first one, around tracks that move or are
        not decided, and at a low rate around objects that were just missed or stand still: the longer, the lower.
        Empty: nowhere."""
        if self._looked is None:
            return [EVERYWHERE]
        settings = self.settings
        due = [
            life
            for life in self._lives
            if not (life.confirmed or life.ghost)
            or time - life.asked >= (settings.missed_every if life.misses else self._rhythm(life, time)) - 1e-6
            or (moving and _moves(life.filter.box, moving))
        ]
        for life in due:
            life.asked = time
        return [life.filter.box for life in due]

    def _rhythm(self, life: Life, time: float) -> float:
        """Seconds between two looks at an object that stands still."""
        stood = time - life.still.since
        return min(max(self.settings.still_every, stood / _LOOKS_A_STAND), self.settings.rest_every)

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
            life.touched = life.touched or _moves(life.filter.box, moving)
            if life.looked:
                life.filter.predict(max(time - life.time, 0.0))
                life.time = time
        found = self._wanted_of(seen.detections)
        free = self._match(found, (time, wall), moving)
        self._start(free, (time, wall), moving)
        self._forget(time, moving)
        return self._report(time)

    def sustain(
        self,
        held: Mapping[int, tuple[Box, float]],
        time: float,
        wall: float,
        lying: Set[int] = frozenset(),
        fallen: Set[int] = frozenset(),
    ) -> list[Track]:
        """Keep objects that the detector has just missed, since something else was found of them at this very frame:
        they count as seen. Starts no track, and keeps none for ever. One that has moved is believed the sooner for it.

        Args:
            held: by the numbers of their tracks, where they are, pixels, and how sure that is, 0..1
            lying: those of them who lie
            fallen: who has fallen, held or not: they are waited for

        Returns: the tracks, as `update` does.
        """
        settings, upheld = self.settings, set[int]()
        for life in self._lives:
            life.moved = life.moved or life.touched
            if life.number in fallen:
                life.fell = time
            if life.number not in held or not (life.confirmed or life.moved):
                continue
            longest = settings.upheld_lying_s if life.number in lying else settings.upheld_s
            if life.lost is not None and time - life.lost > longest:
                continue
            (box, score), stood = held[life.number], life.filter.box
            life.filter.predict(max(time - life.time, 0.0))
            life.time, before = time, life.score
            if not life.misses and boxes.nested(box, stood) > settings.nested:
                life.filter.correct(stood)  # it has stopped there, and the detector's box is the better one
                life.last = time, wall
                continue
            self._take(life, Found(box, score, life.kind), (time, wall), ())
            life.score = before  # the detector's, which filters and pictures go by
            upheld.add(life.number)
        return self._report(time, looked=self._looked == time, upheld=upheld)

    def _wanted_of(self, seen: Detections) -> list[Found]:
        """The detections worth a look, best first."""
        rows = zip(seen.boxes.tolist(), seen.scores.tolist(), seen.classes.tolist(), strict=True)
        return [
            Found((x1, y1, x2, y2), score, kind)
            for (x1, y1, x2, y2), score, kind in rows
            if kind in self._wanted and score >= self.settings.weak
        ]

    def _match(self, found: list[Found], now: Moment, moving: Sequence[Box] | None) -> list[Found]:
        """Give the tracks their detections: strong ones near, weak ones near, strong ones farther off. Returns the
        strong detections that are left."""
        strong = [one for one in found if one.score >= self.settings.strong]
        weak = [one for one in found if one.score < self.settings.strong]
        for life in self._lives:
            if life.looked:
                life.missed = life.missed if life.misses else now[0]
                life.lost = now[0] if life.lost is None else life.lost
                life.misses += 1
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
                lives[row].lost = None
            taken = {column for _, column in pairs}
            some[:] = [one for column, one in enumerate(some) if column not in taken]
        return strong

    def _take(self, life: Life, one: Found, now: Moment, moving: Sequence[Box] | None) -> None:
        """Correct a track by its detection."""
        life.filter.correct(one.box)
        life.score, life.last, life.misses, life.touched = one.score, now, 0, False
        life.still.look(one.box, now[0])
        if life.still.rests(now[0]):
            # A box that half of was hidden for a moment must not be taken to grow until the next, distant look.
            life.filter = BoxFilter(life.still.place)
        life.ghost = life.ghost and life.still.since == life.first[0]
        if not life.confirmed:
            life.moved = life.moved or _moves(one.box, moving)
            if one.score >= self.settings.strong:
                life.strong.append(one.score)
            life.confirmed = self._convinces(life, now[0])

    def _convinces(self, life: Life, time: float) -> bool:
        """Whether a track was seen often, long and well enough to be told about."""
        settings = self.settings
        return (
            not life.ghost
            and len(life.strong) >= settings.confirm_hits
            and time - life.first[0] >= settings.confirm_s - 1e-6
            and median(life.strong) >= (settings.confirm_score if life.moved else settings.still_score)
        )

    def _start(self, free: list[Found], now: Moment, moving: Sequence[Box] | None) -> None:
        """New tracks from strong, unmatched detections where something moves and no track stands already."""
        for one in free:
            known = any(
                life.kind == one.kind and boxes.nested(one.box, life.filter.box) > self.settings.nested
                for life in self._lives
            )
            if known or not _moves(one.box, moving):
                continue
            self._born += 1
            life = Life(
                self._born, one.kind, one.score, BoxFilter(one.box), now, now, Still(one.box, now[0]), [one.score]
            )
            life.time = life.asked = now[0]
            life.ghost = self._ghosts.haunt(one, now[0])
            life.moved = moving is not None
            self._lives.append(life)

    def _forget(self, time: float, moving: Sequence[Box] | None) -> None:
        """Drop what stayed away too long, what could not be decided, and young doubles of older tracks."""
        settings = self.settings
        kept: list[Life] = []
        for i, life in enumerate(self._lives):
            away = time - life.last[0] - 1e-6
            if not life.looked or (life.confirmed and not life.misses):
                stays = True
            elif life.confirmed:
                stays = self._waits(life, time, moving)
                if not stays and life.still.rests(time):
                    self._ghosts.add(life, time)
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
                if not stays and not life.moved and time - life.first[0] > settings.decide_s:
                    self._ghosts.add(life, time)
            if stays:
                kept.append(life)
        self._lives = kept

    def _waits(self, life: Life, time: float, moving: Sequence[Box] | None) -> bool:
        """Whether an object that was missed may still come back."""
        settings = self.settings
        if life.still.rests(time):
            if _moves(life.filter.box, moving) and time - life.last[0] <= settings.hidden_s:
                life.missed = time
            return time - life.missed - 1e-6 <= (settings.lost_s if life.touched else settings.rest_lost_s)
        fell = life.fell >= life.last[0] and time - life.fell <= settings.lost_s
        return time - life.last[0] - 1e-6 <= (settings.fallen_s if fell else settings.lost_s)

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all live tracks, those included that are away and may come back."""
        return frozenset(life.number for life in self._lives)

    def _report(self, time: float, *, looked: bool = True, upheld: Set[int] = frozenset()) -> list[Track]:
        """The tracks as values; of those that were missed, the ones at rest and those that were seen just now."""
        return [
            Track(
                number=life.number,
                label=self._labels[life.kind],
                score=life.score,
                box=life.filter.box,
                confirmed=life.confirmed,
                seen=life.number in upheld or (looked and life.looked and life.misses == 0),
                first_time=life.first[0],
                last_time=life.last[0],
                first_wall=life.first[1],
                last_wall=life.last[1],
            )
            for life in self._lives
            if life.misses == 0
            or time - life.last[0] <= self.settings.shown_s + 1e-6
            or (life.confirmed and life.still.rests(time))
        ]


def _covers(looked: Sequence[Box] | None, box: Box) -> bool:
    """Whether a box lies in a part that was looked at."""
    return looked is None or any(
        part[0] <= box[0] and part[1] <= box[1] and box[2] <= part[2] and box[3] <= part[3] for part in looked
    )


def _moves(box: Box, moving: Sequence[Box] | None) -> bool:
    """Whether a box meets a moving region; always where `moving` is None."""
    return moving is None or any(boxes.shared(box, region) for region in moving)
