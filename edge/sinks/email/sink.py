"""The email sink: every new alert while the alarm is armed, once, with its picture, and not more often than wanted."""

from __future__ import annotations

import logging
import threading
from collections import deque

from edge.backoff import BackOff
from edge.clock import Clock
from edge.errors import StorageError
from edge.sinks.base import Message, Queue, Status
from edge.sinks.email.letter import Alert, compose
from edge.sinks.email.server import MailError, entered, hand_over
from edge.sinks.email.settings import EmailSettings

log = logging.getLogger(__name__)

BATCH = 100
TICK_S = 1.0
CONNECT_S = 120.0
"""Name servers that do not answer, and addresses that are tried one after another: nothing can cut that short."""


class EmailSink:
    """Mails a `new` event whose `armed` is not `disarmed`; everything else is over for it at once.

    A camera sends at most one mail in `throttle` seconds (by the time of the events, so an outage changes nothing);
    those in between are told about in its next mail, which comes when the time is over. A mail counts as delivered on
    the server's 250; a crash before that is committed sends it again, with the same Message-ID.

    Args:
        settings: where mail is handed in, and what goes into it
        queue: the outbox
        clock: stamps and waits
    """

    name = "email"

    def __init__(self, settings: EmailSettings, queue: Queue, clock: Clock) -> None:
        self.status = Status(clock)
        self._settings = settings
        self._queue = queue
        self._clock = clock
        self._wake = threading.Event()
        self._back_off = BackOff(*settings.back_off)
        self._last_id = 0
        self._due: deque[Alert] = deque()
        self._refused: list[tuple[float, Alert]] = []
        self._held: dict[str, list[Alert]] = {}
        self._mailed: dict[str, float] = {}
        self._pause_until = 0.0
        queue.subscribe(self.name, self.wake)

    def wake(self) -> None:
        """Look at the outbox and `stop` now. Any thread."""
        self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Wait until every alert is mailed; False if one is not by then."""
        return self.status.flush(self.wake, timeout)

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`; what is not sent then stays in the outbox for the next start."""
        self._last_id = 0
        self._due.clear()
        self._refused.clear()
        self._held.clear()
        self.status.set("up", "no mail sent yet")
        while not stop.is_set():
            asked = self.status.asked()
            self._wake.clear()
            self._round(stop)
            if not (self._due or self._refused or self._held):
                self.status.idle(asked)
            if not stop.is_set():
                self.status.waiting(TICK_S + 5.0)
                self._wake.wait(self._patience())
        self.status.set("stopped")

    def _patience(self) -> float:
        """Seconds until something is due that no commit announces."""
        now = self._clock.monotonic()
        times = [when for when, _ in self._refused[:1]]
        if self._due:
            times.append(self._pause_until)
        return max(0.0, min([TICK_S, *(when - now for when in times)]))

    def _round(self, stop: threading.Event) -> None:
        try:
            self._skim()
        except StorageError as fault:
            self.status.set("fault", str(fault))
            return
        now = self._clock.monotonic()
        self._release_held()
        while self._refused and self._refused[0][0] <= now:
            self._due.append(self._refused.pop(0)[1])
        while len(self._due) > self._settings.waiting and self._fold():
            pass
        # In the middle of a back-off only the queue is kept short; the server is left alone.
        if not self._due or now < self._pause_until:
            return
        try:
            self._send(stop)
        except MailError as fault:
            pause = self._back_off.next()
            self._pause_until = self._clock.monotonic() + pause
            if self.status.state.reason != str(fault):
                log.warning("email: %s", fault)
            self.status.set("back_off", str(fault))

    def _skim(self) -> None:
        """Take what is new from the outbox; what is no alert leaves it at once, server or no server."""
        while found := self._queue.pending(self.name, BATCH, self._last_id):
            self._last_id = found[-1].id
            over = [message.id for message in found if not _is_alert(message)]
            if over:
                self._queue.delivered(self.name, over)
            for message in found:
                if _is_alert(message):
                    self._accept(Alert(message, len(message.replaces)))

    def _accept(self, alert: Alert) -> None:
        camera, at = alert.camera, alert.line[0]
        last = self._mailed.get(camera)
        # A clock that was set back must not silence a camera.
        if last is not None and 0.0 <= at - last < self._settings.throttle:
            self._held.setdefault(camera, []).append(alert)
            return
        self._mailed[camera] = at
        self._due.append(self._joined(alert, self._held.pop(camera, [])))

    def _joined(self, alert: Alert, older: list[Alert]) -> Alert:
        """One mail for all of them; the older ones leave the outbox, replaced by it."""
        if older:
            self._queue.delivered(self.name, [each.message.id for each in older], told_by=alert.message.id)
        return alert.telling(*older)

    def _release_held(self) -> None:
        now = self._clock.wall()
        for camera in tuple(self._held):
            if not 0.0 <= now - self._mailed[camera] < self._settings.throttle:
                *older, newest = self._held.pop(camera)
                self._mailed[camera] = now
                self._due.append(self._joined(newest, older))

    def _fold(self) -> bool:
        """Make the oldest waiting mail part of the next one of its camera; False if no camera has two."""
        for index, alert in enumerate(self._due):
            for later in range(index + 1, len(self._due)):
                if self._due[later].camera == alert.camera:
                    self._due[later] = self._joined(self._due[later], [alert])
                    del self._due[index]
                    return True
        return False

    def _send(self, stop: threading.Event) -> None:
        """Send what is due in one session. Raises MailError for what is not a single mail's fault."""
        if self.status.state.phase == "up":
            self.status.set("up", f"sending to {self._settings.address}")
        self.status.waiting(self._settings.longest + CONNECT_S)
        with entered(self._settings) as session:
            while self._due and not stop.is_set():
                self.status.waiting(self._settings.longest + CONNECT_S)
                alert = self._due[0]
                mail = compose(alert, self._settings, self._clock.wall())
                try:
                    partly = hand_over(session, mail, self._settings)
                except MailError as fault:
                    if not fault.final:
                        raise
                    self._due.popleft()
                    self._refuse(alert, str(fault))
                    return
                self._due.popleft()
                self._queue.delivered(self.name, [alert.message.id])
                self._back_off.reset()
                if partly:
                    log.warning("email: %s", partly)
                self.status.set("fault" if partly else "up", partly or "last mail accepted")

    def _refuse(self, alert: Alert, reason: str) -> None:
        """The server will not have this one: again later, but not for ever, and those behind it go on."""
        parked = self._queue.refused(self.name, alert.message.id, reason)
        log.warning("email: %s%s", reason, "; given up" if parked else "")
        self.status.set("fault", reason)
        if not parked:
            self._refused.append((self._clock.monotonic() + self._back_off.next(), alert))
            self._refused.sort(key=lambda entry: entry[0])


def _is_alert(message: Message) -> bool:
    return bool(message.payload["type"] == "new" and message.payload["armed"] != "disarmed")
