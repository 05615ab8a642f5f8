"""The process around the daemon: signals, systemd, and a reload that cannot break it."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from edge import fresh, report
from edge.backoff import BackOff
from edge.bell import Bell
from edge.config.desk import Desk
from edge.config.schema import Config
from edge.errors import EdgeError, StorageError
from edge.models.store import Model
from edge.notify import Notifier
from edge.running import Running, Told
from edge.types import Event

log = logging.getLogger(__name__)

TICK_S = 1.0
RELOAD_S = 300.0
"""How long a reload may take (loading a model on a slow card) before systemd takes the process for wedged."""
UNTOLD = 1000
"""Events that wait to be printed at most: a terminal that stands still holds up no camera."""


class Service:
    """Runs one daemon after another: a reload stops the one and starts the next.

    `run` belongs to the main thread; `stop`, `reload` and `change` may be called from any, also from signal handlers.
    """

    def __init__(self, load: Callable[[], Config], told: Told, desk: Desk | None = None) -> None:
        """desk: where the page changes the file that `load` reads; it hears what became of each reload."""
        self._load, self._told, self._desk = load, replace(told, restart=self.reload), desk
        if desk is not None:
            desk.listen(self.change)
        self._bell = Bell()
        self._stopping = self._reloading = self._anew = False
        self._systemd = Notifier()
        self._untold: queue.Queue[Event] = queue.Queue(UNTOLD)

    def stop(self) -> None:
        """End `run` within two seconds."""
        self._stopping = True
        self._bell.ring()

    def reload(self) -> None:
        """Read the configuration again and start anew; one that is wrong changes nothing."""
        self._anew = True
        self.change()

    def change(self) -> None:
        """Read the configuration again, and start anew only if the daemon cannot adopt it as it runs: a certificate or
        model that is another one by now is left as it was."""
        self._reloading = True
        self._bell.ring()

    def run(self, seconds: float | None = None) -> None:
        """Run until `stop`, SIGTERM or SIGINT, or for so many seconds; SIGHUP reloads.

        Raises:
            EdgeError: the first start failed: configuration, model, data folder or port.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: self.reload())
        if self._told.event is not None:
            threading.Thread(target=self._tell, args=(self._told.event,), name="teller", daemon=True).start()
        config = self._load()
        running = self._start(config, patient=self._systemd.present)
        self._systemd.ready()
        self._reloaded(None)
        if seconds is not None:
            timer = threading.Timer(seconds, self.stop)
            timer.daemon = True
            timer.start()
        try:
            while not self._stopping:
                self._watch(running)
                if self._reloading and not self._stopping:
                    self._reloading, anew = False, self._anew
                    if anew:  # one that comes meanwhile stays for the next round
                        self._anew = False
                    config, running = self._next(config, running, anew=anew)
        finally:
            self._systemd.stopping()
            running.stop()

    def _start(self, config: Config, model: Model | None = None, *, patient: bool) -> Running:
        running = Running(config, self._told, self._listen, patient=patient, model=model, desk=self._desk)
        running.start()
        return running

    def _reloaded(self, fault: EdgeError | None) -> None:
        if self._desk is not None:
            self._desk.reloaded(None if fault is None else str(fault))

    def _watch(self, running: Running) -> None:
        """Feed the watchdog while all parts are in time, until somebody wants something."""
        said: list[str] = []
        while not self._bell.wait(min(TICK_S, (self._systemd.watchdog_s or math.inf) / 3)):
            late = running.daemon.late()
            names = [part for part, _ in late]
            if late and names != said:
                log.error("the watchdog is not fed: %s", "; ".join(f"{part} {how}" for part, how in late))
            said = names
            if not late:
                self._systemd.watchdog()
            self._systemd.status(report.summary(running.daemon.status()))

    def _next(self, config: Config, running: Running, *, anew: bool) -> tuple[Config, Running]:
        """The daemon of the configuration as it is now; the old one again if the new one cannot start."""
        self._systemd.reloading()
        with self._patience():
            try:
                wanted = self._load()
                if not anew and running.daemon.adopt(wanted):
                    self._reloaded(None)
                    self._systemd.ready()
                    return wanted, running
                if running.daemon.outbox.fault:  # stopping now would lose the events that wait in memory
                    raise StorageError(f"the data folder takes nothing at the moment: {running.daemon.outbox.fault}")
                model = fresh.ready(wanted, running, lambda: self._stopping)
            except EdgeError as fault:
                log.error("not reloaded, the daemon goes on as it was:\n%s", fault)
                self._reloaded(fault)
            else:
                running.stop(wanted)
                try:
                    config, running = wanted, self._start(wanted, model, patient=False)
                    self._reloaded(None)
                except EdgeError as fault:
                    log.error("not reloaded, back to the configuration before: %s", fault)
                    self._reloaded(fault)
                    running = self._again(config, running)
        self._systemd.ready()
        return config, running

    def _again(self, config: Config, stopped: Running) -> Running:
        """The daemon of a configuration that did run before, with the very model that it ran, as soon as it can run
        again; `stopped` if the process is to end first."""
        pause = BackOff(1.0, 10.0)
        while not self._stopping:
            try:
                return self._start(config, stopped.daemon.model, patient=True)
            except EdgeError as fault:
                log.error("cannot go on, trying again: %s", fault)
                self._systemd.watchdog()
                self._bell.wait(pause.next())
        return stopped

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        """The watchdog waits longer meanwhile: nobody feeds it from here."""
        usual = self._systemd.watchdog_s
        if usual is not None:
            self._systemd.watchdog_every(RELOAD_S)
        yield
        if usual is not None:
            self._systemd.watchdog_every(usual)
            self._systemd.watchdog()

    def _listen(self, event: Event) -> None:
        """From the cameras' threads: never blocks. What nobody reads in time is not printed; it is in the outbox."""
        if self._told.event is not None:
            with contextlib.suppress(queue.Full):
                self._untold.put_nowait(event)

    def _tell(self, tell: Callable[[Event], None]) -> None:
        """The teller's thread, until nobody reads any more; then the process ends, as a filter in a pipe does."""
        try:
            while True:
                tell(self._untold.get())
        except OSError:
            self.stop()
