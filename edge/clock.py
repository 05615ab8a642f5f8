"""Time as the runtime sees it: nothing below the daemon reads the machine's clock itself.

`SystemClock` is the device's. A replay needs none: its frames carry the clip's own time.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Two clocks: `monotonic` for durations, `wall` (Unix time in a daemon) for what is told to people."""

    def monotonic(self) -> float:
        """Seconds that never step back; comparable only with themselves."""
        ...

    def wall(self) -> float:
        """Unix time in seconds; may step when the machine's clock is set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds since some point before the start."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix time in seconds."""
        return time.time()


_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_TIMESYNC = Path("/run/systemd/timesync")


def synchronised() -> bool:
    """Whether the kernel says that the wall clock is kept by somebody (timesyncd, chrony, ntpd, the hypervisor).

    A Raspberry Pi boots with the time at which it was switched off; until this is true, no age is to be trusted.
    Source: adjtimex(2). A sandbox may refuse the call: then timesyncd's own mark is asked. Where nobody can tell, the
    answer is no: what waits for delivery is then bounded by number and size alone, and no wrong clock loses anything.
    """
    timex = (ctypes.c_long * 64)()  # struct timex: `status` is its sixth word; modes = 0 only reads
    state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    if state < 0:
        return (_TIMESYNC / "synchronized").exists()
    return state != _TIME_ERROR and not timex[5] & _STA_UNSYNC


class OnceSynchronised:
    """Whether the wall clock is to be trusted: it was synchronised at least once since the machine's boot.

    From then on a crystal keeps it to a few seconds a day. The kernel itself takes the word back after 16 s of assumed
    drift at 500 us/s, which is after nine hours without a time server (ntp_update_maxerror in kernel/time/ntp.c): an
    alarm must not wait because the internet is away. Thread-safe.

    Args:
        boot: names the machine's boot
        look: whether it is synchronised now
    """

    KEY = "clock_set"
    """Under which `kept` is to be stored."""

    def __init__(self, boot: str, look: Callable[[], bool] = synchronised) -> None:
        self._boot, self._look = boot, look
        self._is_set = False
        self._to_keep = False

    def __call__(self) -> bool:
        """Whether it is set. Never touches the disk."""
        if not self._is_set and self._look():
            self._is_set = self._to_keep = True
        return self._is_set

    def recall(self, kept: str | None) -> None:
        """Take up what an earlier run of this boot knew. kept: as `keep` stored it."""
        self._is_set |= bool(self._boot) and kept == self._boot

    def keep(self, note: Callable[[str, str], None]) -> None:
        """Have it stored for the next run, once. note: stores a text under a key, only queues."""
        if self() and self._to_keep:
            self._to_keep = False
            note(self.KEY, self._boot)
