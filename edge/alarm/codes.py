"""The PIN: is a code right, and how long does somebody who guesses have to wait?

Tries are counted for each source on its own, so that a guesser on the broker cannot lock the owner out at the page.
Five wrong ones lock the source for a minute; each further one doubles that, up to a quarter of an hour; a right code,
or an hour without a try, forgives. All addresses of the page together have `TOGETHER` tries. While a source is locked
no code is looked at, so that nothing is learned from the answer.
"""

from __future__ import annotations

import hmac
import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from edge.addresses import household
from edge.alarm.settings import Code

FREE_TRIES = 5
TOGETHER = 25
FIRST_LOCK_S = 60.0
LONGEST_LOCK_S = 900.0
FORGIVEN_S = 3600.0
SOURCES = 256
"""Sources that are remembered; the one that was quiet for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a code.

    name: whose code it is, None if it is nobody's
    missing: none was given; that is no try
    locked_s: the source has to wait so long before the next try
    begun: this try is what locked it
    """

    name: str | None = None
    missing: bool = False
    locked_s: float = 0.0
    begun: bool = False


@dataclass(frozen=True, slots=True)
class _Tries:
    wrong: int
    last: float
    locked_until: float


class Lockout:
    """Judges codes and counts wrong ones. Not thread-safe: its owner has a lock.

    Args:
        codes: all that there are
        boot: names the machine's boot, whose monotonic clock the kept times are of
        kept: what `dump` gave before
        now: monotonic seconds
    """

    def __init__(self, codes: Sequence[Code], boot: str, kept: str | None, now: float) -> None:
        self._codes = tuple(codes)
        self._boot = boot
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self.renewed = False
        """Whether locks of another boot began anew: to be kept, or they would begin anew at every start."""
        self._recall(kept, now)

    def check(self, code: str | None, source: str, now: float) -> Verdict:
        """Judge one try."""
        buckets = _buckets(source)
        locked = max(self._left(bucket, now) for bucket, _ in buckets)
        if locked > 0:
            return Verdict(locked_s=locked)
        if code is None:
            return Verdict(missing=True)
        if (name := self._whose(code)) is not None:
            for bucket, _ in buckets:
                self._tries.pop(bucket, None)
            return Verdict(name=name)
        for bucket, free in buckets:
            self._count(bucket, free, now)
        locked = max(self._left(bucket, now) for bucket, _ in buckets)
        return Verdict(locked_s=locked, begun=locked > 0)

    def locked_s(self, now: float) -> float:
        """How long the source that has to wait longest has to wait; 0 where none is locked."""
        return max([0.0, *(self._left(bucket, now) for bucket in self._tries)])

    def locked(self, now: float) -> str | None:
        """That source, in the log's words; None where none is locked."""
        bucket = max(self._tries, key=lambda each: self._left(each, now), default=None)
        if bucket is None or not self._left(bucket, now):
            return None
        return "web, all addresses" if bucket == "web" else bucket

    @property
    def counting(self) -> bool:
        """Whether there is anything to forgive."""
        return bool(self._tries)

    def dump(self, now: float) -> str:
        """As text, to be kept over a restart. No code is in it."""
        rows = {
            bucket: [tries.wrong, tries.last, round(max(0.0, tries.locked_until - now), 3)]
            for bucket, tries in self._tries.items()
        }
        return json.dumps({"boot": self._boot, "at": now, "tries": rows})

    def _recall(self, kept: str | None, now: float) -> None:
        """Another boot has another clock, and nobody knows how long the power was away: what was left begins anew."""
        try:
            table = json.loads(kept or "{}")
            same = bool(self._boot) and table.get("boot") == self._boot and float(table["at"]) <= now
            for bucket, (wrong, last, left) in table.get("tries", {}).items():
                begun = float(table["at"]) if same else now
                self._tries[str(bucket)] = _Tries(int(wrong), float(last) if same else now, begun + float(left))
                self.renewed = not same
        except (ValueError, TypeError, AttributeError, KeyError):
            self._tries.clear()

    def _whose(self, code: str) -> str | None:
        """All codes are compared, each in constant time, so that no duration tells how near a guess was."""
        given = code.strip().encode("utf-8", "backslashreplace")
        right = [each.name for each in self._codes if hmac.compare_digest(each.code.encode(), given)]
        return right[0] if right else None

    def _left(self, bucket: str, now: float) -> float:
        tries = self._tries.get(bucket)
        return 0.0 if tries is None else max(0.0, tries.locked_until - now)

    def _count(self, bucket: str, free: int, now: float) -> None:
        tries = self._tries.get(bucket)
        if tries is None or now - max(tries.last, tries.locked_until) > FORGIVEN_S:
            tries = _Tries(0, now, now)
        wrong = tries.wrong + 1
        pause = 0.0 if wrong < free else min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** min(wrong - free, 10))
        self._tries[bucket] = _Tries(wrong, now, now + pause)
        self._tries.move_to_end(bucket)
        if len(self._tries) > SOURCES:
            self._tries.popitem(last=False)


def one_source(source: str) -> str:
    """What all share that count as one source: a user whatever the process, a household whatever the address."""
    return _buckets(source)[0][0]


def _buckets(source: str) -> list[tuple[str, int]]:
    """Whose tries are counted together, and how many are free: a user's whatever the process, an address's (of IPv6 a
    whole /64, which one customer owns), and those of all addresses."""
    if source.startswith("web "):
        return [(f"web {household(source[4:])}", FREE_TRIES), ("web", TOGETHER)]
    return [(re.sub(r", process \d+", "", source), FREE_TRIES)]
