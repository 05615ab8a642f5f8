"""Lives of the alarm on a real outbox, each ended by a power cut: for `forgetful`.

    python -m tests.support.alarm_life FOLDER CUTS ORDER...

CUTS are numbers with commas between: one life each, in `FOLDER/CUT/root`, on the disk `FOLDER/CUT/disk`, told line by
line in `FOLDER/CUT/told`. Orders: `arm:MODE`, `arm_now:MODE`, `disarm`, `panic`, `see:ZONE`, `wait:SECONDS`, `settle`.
A moment is each state that anybody hears of (`heard STATE`) and each order that returns (`done ORDER STATE`); the life
ends itself in moment number CUT, in the very thread that brings it about, before anything else can be written.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from edge.alarm import Alarm, World
from edge.outbox import Outbox
from tests.support.alarm_house import HOUSE
from tests.support.alarm_store import sighted


class LeapClock:
    """The machine's monotonic clock, which leaps ahead when it is told to: other threads wait on the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def wall(self) -> float:
        return 0.0


class Life:
    """The alarm with its outbox, until the cut."""

    def __init__(self, folder: Path, cut: int) -> None:
        self.told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.left = cut
        self.clock = LeapClock()
        self.outbox = Outbox(folder / "root", "pi", [], self.clock)
        world = World(self.clock, boot=os.urandom(4).hex(), emit=self.outbox.put)
        self.alarm = Alarm(self.outbox, settings=HOUSE, world=world)
        self.moment(f"heard {self.alarm.state}")
        self.alarm.listen(lambda state: self.moment(f"heard {state}"))

    def moment(self, said: str) -> None:
        os.write(self.told, f"{said}\n".encode())
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def settle(self) -> None:
        """The alarm's thread, until the disk has all of it."""
        for _ in range(3):
            self.alarm.turn()
            assert self.outbox.flush(5)

    def order(self, text: str) -> None:
        what, _, value = text.partition(":")
        if what in ("arm", "arm_now"):
            self.alarm.arm(value, "web", now=what == "arm_now")
        elif what == "disarm":
            self.alarm.disarm("web", "4711")
        elif what == "panic":
            self.alarm.panic("web")
        elif what == "see":
            self.alarm.hear(sighted(0.0, self.alarm.state, *filter(None, [value])))
            self.alarm.turn()
        elif what == "wait":
            self.clock.ahead += float(value)
            self.alarm.turn()
        elif what == "settle":
            self.settle()
        self.moment(f"done {text} {self.alarm.state}")


def begin(folder: Path, cut: int, orders: list[str]) -> int:
    """A process of its own that lives one life; its id. All that takes long was imported before."""
    os.environ["FORGETFUL_ROOT"], os.environ["FORGETFUL_DISK"] = str(folder / "root"), str(folder / "disk")
    pid = os.fork()
    if pid:
        return pid
    life = Life(folder, cut)
    for order in orders:
        life.order(order)
    os._exit(0)


if __name__ == "__main__":
    for each in map(int, sys.argv[2].split(",")):
        _, status = os.waitpid(begin(Path(sys.argv[1]) / str(each), each, sys.argv[3:]), 0)
        if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
            sys.exit(f"life {each} ended with {status}")
