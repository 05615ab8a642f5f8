"""The process around the daemon: signals, systemd, the page, the control socket, and a reload that cannot break it."""

from __future__ import annotations

import importlib.util
import logging
import math
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge import report
from edge.backoff import BackOff
from edge.config.schema import Config
from edge.control import ControlServer, Handler, handlers_of
from edge.daemon import Daemon
from edge.errors import EdgeError, MissingError, StorageError
from edge.notify import Notifier
from edge.supervisor import Part, Supervisor
from edge.types import Event

log = logging.getLogger(__name__)

TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """Where the process tells its user what happens.

    ready: called once cameras are being watched, with the page's address (None without a page) and, until a password
        is set, the address that sets the first one
    event: called with each event; must not block
    """

    ready: Callable[[str | None, str | None], None]
    event: Callable[[Event], None] = lambda event: None


class Service:
    """Runs one daemon after another: a reload stops the one and starts the next.

    `run` belongs to the main thread; `stop` and `reload` may be called from any, also from signal handlers.
    """

    def __init__(self, load: Callable[[], Config], told: Told) -> None:
        self._load, self._told = load, told
        self._wake = threading.Event()
        self._stopping = self._reloading = False
        self._systemd = Notifier()

    def stop(self) -> None:
        """End `run` within two seconds."""
        self._stopping = True
        self._wake.set()

    def reload(self) -> None:
        """Read the configuration again; one that is wrong changes nothing."""
        self._reloading = True
        self._wake.set()

    def run(self, seconds: float | None = None) -> None:
        """Run until `stop`, SIGTERM or SIGINT, or for so many seconds; SIGHUP reloads.

        Raises:
            EdgeError: the first start failed: configuration, model, data folder or port.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: self.reload())
        timer = threading.Timer(seconds, self.stop) if seconds is not None else None
        config = self._load()
        house = _started(config, self._told, patient=self._systemd.present)
        self._systemd.ready()
        if timer:
            timer.daemon = True
            timer.start()
        try:
            while not self._stopping:
                self._watch(house)
                if self._reloading and not self._stopping:
                    self._reloading = False
                    config, house = self._next(config, house)
        finally:
            self._systemd.stopping()
            house.stop()

    def _watch(self, house: House) -> None:
        """Feed the watchdog while all parts are in time, until somebody wants something."""
        said: list[str] = []
        while not self._wake.wait(min(TICK_S, (self._systemd.watchdog_s or math.inf) / 3)):
            faults = house.daemon.faults()
            if faults and faults != said:
                log.error("the watchdog is not fed: %s", "; ".join(faults))
            said = faults
            if not faults:
                self._systemd.watchdog()
            self._systemd.status(report.summary(house.daemon.status()))
        self._wake.clear()

    def _next(self, config: Config, house: House) -> tuple[Config, House]:
        """The daemon of the configuration as it is now; the old one again if the new one cannot start."""
        self._systemd.reloading()
        try:
            fresh = self._load()
            if house.daemon.outbox.fault:  # stopping now would lose the events that wait in memory
                raise StorageError(f"the data folder takes nothing at the moment: {house.daemon.outbox.fault}")
        except EdgeError as fault:
            log.error("not reloaded, the daemon goes on as it was:\n%s", fault)
        else:
            house.stop()
            try:
                config, house = fresh, _started(fresh, self._told, patient=False)
            except EdgeError as fault:
                log.error("not reloaded, back to the configuration before: %s", fault)
                house = self._again(config, house)
        self._systemd.ready()
        return config, house

    def _again(self, config: Config, house: House) -> House:
        """The daemon of a configuration that did run before, as soon as it can run again; `house`, which is stopped,
        if the process is to end first."""
        pause = BackOff(1.0, 10.0)
        while not self._stopping:
            try:
                return _started(config, self._told, patient=True)
            except EdgeError as fault:
                log.error("cannot go on, trying again: %s", fault)
                self._wake.wait(pause.next())
                self._wake.clear()
        return house


class House:
    """A daemon with its page and its control socket.

    Args:
        patient: a page that cannot listen yet is a part's fault, tried again, and does not keep the cameras from being
            watched: a board's address may come after the service. Otherwise it is the user's mistake.
    """

    def __init__(self, config: Config, told: Told, *, patient: bool) -> None:
        """Take the configuration's socket and data folder. Raises EdgeError if they are another's or unusable."""
        self._config, self._told, self._patient = config, told, patient
        self._stopped = False
        self._supervisor = Supervisor()
        self._parts: list[Part] = []
        handlers: dict[str, Handler] = {}
        self._control = ControlServer(config.node, handlers)  # first: it holds off a second daemon
        try:
            self.daemon = Daemon(config, told.event)
        except EdgeError:
            self._control.close()
            raise
        handlers.update(handlers_of(self.daemon))

    def start(self) -> None:
        """Start all of it; nothing is left running if it raises EdgeError."""
        try:
            if self._config.web.enabled:
                _need_web()
            self.daemon.start()
            address = self._serve_page() if self._config.web.enabled else (None, None)
            self._run("control", self._control.serve)
        except EdgeError:
            self.stop()
            raise
        self._told.ready(*address)

    def stop(self) -> None:
        """Stop all of it, within two seconds; safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        for part in self._parts:
            part.stop.set()
        self.daemon.stop()
        self._supervisor.stop(self._parts, 0.5)
        self._control.close()

    def _run(self, name: str, serve: Callable[[threading.Event], None]) -> None:
        def run(part: Part) -> None:
            part.waiting(math.inf, "serves when asked")
            serve(part.stop)

        self._parts.append(self._supervisor.start(name, run))

    def _serve_page(self) -> tuple[str, str | None]:
        """Bind the page's port and serve it; its address, and the one that sets the first password."""
        from edge.web.app import build, first_url
        from edge.web.server import listen, serve
        from edge.web.settings import WebSettings

        table = self._config.web
        settings = WebSettings(
            host=table.host,
            port=table.port,
            cert=table.cert,
            key=table.key,
            insecure=table.insecure,
            allowed_hosts=table.allowed_hosts,
            metrics=table.metrics,
        )
        app = build(self.daemon, settings, self._config.node.data)
        bound = [] if self._patient else [listen(settings)]
        # A second round, after a fault, binds anew.
        self._run("web", lambda stop: serve(app, settings, stop, bound.pop() if bound else listen(settings)))
        return settings.url(table.port), first_url(app, settings, table.port)


def _need_web() -> None:
    """Raises MissingError if what serves the page is not installed."""
    missing = [name for name in ("starlette", "uvicorn", "jinja2") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingError(
            f"the page needs {', '.join(missing)}: pip install 'edge-runtime[web]', or set web.enabled = false"
        )


def _started(config: Config, told: Told, *, patient: bool) -> House:
    house = House(config, told, patient=patient)
    house.start()
    return house
