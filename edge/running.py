"""One daemon as it runs: with its page and its control socket."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge import mailing
from edge.config.desk import Desk
from edge.config.schema import Config
from edge.control import ControlServer, Handler, handlers_of
from edge.daemon import Daemon
from edge.errors import EdgeError, MissingError
from edge.models.store import Model
from edge.supervisor import Part, Supervisor
from edge.types import Event
from edge.web.settings import WebSettings, absent_packages


@dataclass(frozen=True, slots=True)
class Told:
    """Where the process tells its user what happens. What cannot be told (a closed pipe) raises OSError.

    ready: called once cameras are being watched, with the page's address (None without a page) and, until a password
        is set, the address that sets the first one
    event: called with each event, in a thread of its own
    restart: called when somebody asks over MQTT for a new start; returns at once
    """

    ready: Callable[[str | None, str | None], None]
    event: Callable[[Event], None] | None = None
    restart: Callable[[], None] = lambda: None


class Running:
    """A daemon with its page and its control socket.

    Args:
        listener: called with each event in the camera's thread; must not block
        patient: a page that cannot listen yet is a part's fault, tried again, and does not keep the cameras from being
            watched: a board's address may come after the service. Otherwise it is the user's mistake.
        model: the configuration's, where it was found before
        desk: the configuration's file, for the page to change it
    """

    def __init__(
        self,
        config: Config,
        told: Told,
        listener: Callable[[Event], None],
        *,
        patient: bool,
        model: Model | None = None,
        desk: Desk | None = None,
    ) -> None:
        """Take the configuration's socket and data folder. Raises EdgeError if they are another's or unusable."""
        self._config, self._told, self._patient, self._desk = config, told, patient, desk
        self._stopped = False
        self._supervisor = Supervisor()
        self._parts: list[Part] = []
        handlers: dict[str, Handler] = {}
        self._control = ControlServer(config.node, handlers)  # first: it holds off a second daemon
        try:
            self.daemon = Daemon(config, listener, model, told.restart)
        except EdgeError:
            self._control.close()
            raise
        handlers.update(handlers_of(self.daemon.house))

    def start(self) -> None:
        """Start all of it; nothing is left running if it raises EdgeError."""
        try:
            need_web(self._config)
            self.daemon.start()
            address = self._serve_page() if self._config.web.enabled else (None, None)
            self._run("control", self._control.serve)
        except EdgeError:
            self.stop()
            raise
        self._told.ready(*address)

    def stop(self, successor: Config | None = None) -> None:
        """Stop all of it, within two seconds; safe to call twice. successor: as for `Daemon.stop`."""
        if self._stopped:
            return
        self._stopped = True
        for part in self._parts:
            part.stop.set()
        self.daemon.stop(successor)
        self._supervisor.stop(self._parts, 0.5)
        self._control.close()

    def _run(self, name: str, serve: Callable[[threading.Event], None]) -> None:
        def run(part: Part) -> None:
            part.waiting(math.inf, "serves when asked")
            serve(part.stop)

        self._parts.append(self._supervisor.start(name, run))

    def _serve_page(self) -> tuple[str, str | None]:
        """Bind the page's port and serve it; its address, and the one that sets the first password."""
        from edge.steer.wheel import Wheel
        from edge.web.app import build, first_url
        from edge.web.server import listen, serve

        table = self._config.web
        settings = WebSettings(
            host=table.host,
            port=table.port,
            cert=table.cert,
            key=table.key,
            allowed_hosts=mailing.hosts(table),
            metrics=table.metrics,
        )
        wheel = Wheel(self._config.node) if "steer" in self._config.model_fields_set else None
        app = build(self.daemon.house, settings, self._config.node.data, desk=self._desk, wheel=wheel)
        bound = [] if self._patient else [listen(settings)]
        # A second round, after a fault, binds anew.
        self._run("web", lambda stop: serve(app, settings, stop, bound.pop() if bound else listen(settings)))
        return settings.url(table.port), first_url(app, settings, table.port)


def need_web(config: Config) -> None:
    """Raises MissingError if the page is wanted and what serves it is not installed."""
    absent = absent_packages() if config.web.enabled else ()
    if absent:
        raise MissingError(
            f"the page needs {', '.join(absent)}: pip install 'edge-runtime[web]', or set web.enabled = false"
        )
