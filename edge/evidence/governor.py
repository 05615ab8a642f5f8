"""Room on the disk: how much clips may take, how much must stay free, and for how long they are kept.

The oldest clips go first, then the oldest snapshots, then records of joints, never the events: these have a retention
of their own in the outbox. What is being written is no clip yet and is left alone. Where nothing helps (others fill the
disk), no clip is begun, and everything else goes on.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edge.clock import Clock
from edge.config.schema import Storage
from edge.paths import CLIPS, POSES, PRIVATE

log = logging.getLogger(__name__)

TICK_S = 2.0
SCAN_S = 60.0
SLACK = 0.95
"""Down to which part of the quota, and up to how much more than the floor (its inverse), is tidied up at once."""
LEAST_FLOOR = 16 << 20
"""What cameras may send between two looks, and the database may need."""
MARGIN = 16 << 20
"""Bytes more than the floor that have to be free before the next clip begins after there was no room."""
YOUNG_S = 60.0
"""Snapshots that are younger are left alone: they are on their way to a mail."""
UNDATED = 4e8
"""File times before this one (1982; some file systems begin in 1980) stand for none."""
SNAPSHOTS = "snapshots"
GB = 1_000_000_000
DAY_S = 86_400.0
USUAL_QUOTA, USUAL_FLOOR = 10 * GB, GB // 2


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """quota: bytes of clips, snapshots and joints together. keep_free: bytes of the disk that are left to everything
    else. clips_s, poses_s: seconds after which a clip or a record of joints goes. None for quota or floor: what suits
    the disk."""

    quota: int | None = None
    keep_free: int | None = None
    clips_s: float = 14 * 86_400.0
    poses_s: float = 30 * 86_400.0

    def on(self, total: int) -> tuple[int, int]:
        """Bytes of quota and floor on a disk of so many bytes."""
        usual = min(max(USUAL_FLOOR, total // 50), total // 4)
        floor = max(LEAST_FLOOR, usual if self.keep_free is None else self.keep_free)
        return min(USUAL_QUOTA, total // 2) if self.quota is None else self.quota, floor


def limits_of(table: Storage) -> StorageLimits:
    """The limits of a configuration."""
    quota, floor = (None if gb is None else round(gb * GB) for gb in (table.quota, table.keep_free))
    return StorageLimits(quota, floor, table.clips_days * DAY_S, table.events_days * DAY_S)


@dataclass(frozen=True, slots=True)
class _Item:
    """A file with all of its names.

    time: when it was written, Unix time; about 0 where the clock could not be trusted then
    start: when its event began, Unix time, from its name
    """

    paths: tuple[Path, ...]
    size: int
    time: float
    start: float

    @property
    def undated(self) -> bool:
        """Whether the clock was not set when it was written."""
        return self.time < UNDATED

    @property
    def order(self) -> float:
        """What is least for the oldest."""
        return self.start if self.undated else self.time


class Governor:
    """Watches the data folder's disk. `run` is the body of its thread; the rest is for any.

    Args:
        folder: the data folder
        snapshots: the folder of snapshots in it
        limits: how much, and how long
        clock: its wall tells ages
        clock_ok: False while the wall clock is not synchronised; nothing goes for its age then, and what is written
            meanwhile is dated when it is
    """

    def __init__(
        self, folder: Path, snapshots: Path, limits: StorageLimits, clock: Clock, clock_ok: Callable[[], bool]
    ) -> None:
        self._clips, self._snapshots, self._poses, self._limits = folder / CLIPS, snapshots, folder / POSES, limits
        self._clock, self._clock_ok = clock, clock_ok
        self._rung = threading.Event()
        self._found: dict[str, list[_Item]] = {CLIPS: [], SNAPSHOTS: [], POSES: []}
        self._scanned = float("-inf")
        self._free = self._floor = self._quota = 0
        self._refusal: str | None = None
        self._deleted = 0
        self._born, self._born_wall = clock.monotonic(), clock.wall()
        self._unset = not clock_ok()

    def wake(self) -> None:
        """Look now: something was written, or could not be."""
        self._rung.set()

    def refuses(self) -> str | None:
        """Why no clip may begin now, None while one may."""
        return self._refusal

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Tidy up until `stop`."""
        while not stop.is_set():
            alive()
            full = self._rung.is_set()
            self._rung.clear()  # before the look: who rings during it has written what it may not have seen
            self.look(full=full)
            until = self._clock.monotonic() + TICK_S
            while not stop.is_set() and not self._rung.is_set() and self._clock.monotonic() < until:
                self._rung.wait(0.5)

    def look(self, *, full: bool = True) -> None:
        """One look, and what follows from it. full: count the files anew."""
        try:
            self._clips.mkdir(mode=PRIVATE, exist_ok=True)
            self._measure()
            if full or self._free < self._floor or self._clock.monotonic() - self._scanned >= SCAN_S:
                self._scan()
                self._age()
                self._make_room()
            self._refuse(self._judge())
        except OSError as fault:
            self._refuse(f"the disk of {self._clips.parent} cannot be looked at: {(fault.strerror or '').lower()}")

    def status(self) -> dict[str, Any]:
        """Bytes `used` by clips, snapshots and joints, `quota`, `free` on the disk, `keep_free`; `clips`, `snapshots`
        and `poses` in number, `oldest`: Unix time of the oldest clip; `deleted` since the start; `state` ok or full,
        and `reason`."""
        clips, snapshots = self._found[CLIPS], self._found[SNAPSHOTS]
        state: Literal["ok", "full"] = "full" if self._refusal else "ok"
        return {
            "state": state,
            "reason": self._refusal,
            "used": self._used(),
            "quota": self._quota,
            "free": self._free,
            "keep_free": self._floor,
            "clips": len(clips),
            "snapshots": len(snapshots),
            "poses": len(self._found[POSES]),
            "oldest": min((item.start for item in clips), default=None),
            "deleted": self._deleted,
        }

    def _used(self) -> int:
        return sum(item.size for items in self._found.values() for item in items)

    def _measure(self) -> None:
        disk = shutil.disk_usage(self._clips)
        self._free = disk.free
        self._quota, self._floor = self._limits.on(disk.total)

    def _scan(self) -> None:
        self._found = {
            CLIPS: _items(self._clips, ".mp4"),
            SNAPSHOTS: _items(self._snapshots, ".jpg"),
            POSES: _items(self._poses, ".csv") if self._poses.is_dir() else [],
        }
        self._scanned = self._clock.monotonic()

    def _age(self) -> None:
        """Away with what is past its time; what was written before the clock was set is dated from now on."""
        for items, longest in ((self._found[CLIPS], self._limits.clips_s), (self._found[POSES], self._limits.poses_s)):
            self._age_these(items, longest)
        self._unset = not self._clock_ok()

    def _age_these(self, items: list[_Item], longest: float) -> None:
        now = self._clock.wall()
        if self._clock_ok():
            for item in list(items):
                if item.undated or (self._unset and self._of_this_run(item)):
                    os.utime(item.paths[0], (now, now))
                elif item.time < now - longest:
                    self._delete(items, item)
            return
        for item in items:
            if self._of_this_run(item):
                os.utime(item.paths[0], (0, 0))

    def _of_this_run(self, item: _Item) -> bool:
        """Whether a file's date is one of those that the clock went through since the start."""
        elapsed = self._clock.monotonic() - self._born
        return self._born_wall - 1 <= item.time <= self._born_wall + elapsed + 1

    def _make_room(self) -> None:
        """Away with the oldest, clips before snapshots before joints, until both bounds hold again."""
        over = self._used() - self._quota
        short = self._floor - self._free
        if over <= 0 and short <= 0:
            return
        wanted = max(
            self._used() - self._quota * SLACK if over > 0 else 0,
            self._floor / SLACK - self._free if short > 0 else 0,
        )
        young = self._clock.wall() - YOUNG_S
        for items in (self._found[CLIPS], self._found[SNAPSHOTS], self._found[POSES]):
            for item in sorted(items, key=lambda item: item.order):
                if wanted <= 0:
                    break
                if items is self._found[CLIPS] or item.time < young:
                    self._delete(items, item)
                    wanted -= item.size
        self._measure()

    def _delete(self, items: list[_Item], item: _Item) -> None:
        for path in item.paths:
            path.unlink(missing_ok=True)
        items.remove(item)
        self._deleted += 1

    def _judge(self) -> str | None:
        """Why no clip may begin, after all that could be done."""
        wanted = self._floor + (MARGIN if self._refusal else 0)
        if self._free >= min(wanted, self._floor / SLACK):
            return None
        free, floor = self._free // 1_000_000, self._floor // 1_000_000
        return f"{free} MB of the disk are free and {floor} MB are to stay free: make room there; events go on"

    def _refuse(self, reason: str | None) -> None:
        if (reason is None) != (self._refusal is None):
            log.warning("clips: %s", reason or "there is room again")
        self._refusal = reason


def make_room(data: Path, snapshots: Path, wanted: int = LEAST_FLOOR) -> bool:
    """Away with the oldest clips, then snapshots, then joints, so many bytes: a full disk keeps the database closed.

    False where nothing is left that could go, and on a disk that is not full.

    Args:
        data: the data folder
        snapshots: the folder of snapshots in it
        wanted: bytes to be freed
    """
    gone = freed = 0
    try:
        if shutil.disk_usage(data).free >= LEAST_FLOOR:
            return False
        for folder, suffix in ((data / CLIPS, ".mp4"), (snapshots, ".jpg"), (data / POSES, ".csv")):
            for item in sorted(_items(folder, suffix) if folder.is_dir() else (), key=lambda item: item.order):
                if freed >= wanted:
                    break
                for path in item.paths:
                    path.unlink(missing_ok=True)
                gone, freed = gone + 1, freed + item.size
    except OSError as fault:
        log.warning("no room can be made in %s: %s", data, fault.strerror)
    if gone:
        log.warning("data folder %s is full: the oldest clips and pictures are deleted, %d of them", data, gone)
    return gone > 0


def _items(folder: Path, suffix: str) -> list[_Item]:
    """The files of a folder with one ending; a file with several names is one."""
    found: dict[tuple[int, int], _Item] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(suffix) or not entry.is_file(follow_symlinks=False):
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            known = found.get((about.st_dev, about.st_ino))
            paths = (*(known.paths if known else ()), Path(entry.path))
            start = entry.name.partition("-")[0]
            seconds = float(start) if start.isdecimal() else about.st_mtime
            # What a disk holds, not how long the file is: a full disk is full of blocks.
            size = about.st_blocks * 512
            found[about.st_dev, about.st_ino] = _Item(paths, size, about.st_mtime, seconds)
    return list(found.values())
