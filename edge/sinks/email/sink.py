"""The email sink: every new alert while the alarm is armed, once, with its pictures, and not more often than wanted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from edge.backoff import BackOff
from edge.clock import Clock
from edge.errors import StorageError
from edge.sinks.base import Archive, Message, Status
from edge.sinks.email import photos, story
from edge.sinks.email.alert import Alert, Scene, in_short, is_wanted, is_within
from edge.sinks.email.calls import call_of
from edge.sinks.email.desk import Desk, Now
from edge.sinks.email.letter import compose
from edge.sinks.email.server import MailError, Refusals, Session, entered, hand_over
from edge.sinks.email.settings import EmailSettings
from edge.types import ALARM

log = logging.getLogger(__name__)

BATCH = 100
TICK_S = 1.0
GREY = 10
"""How many times longer than after other faults the pause may become where recipients are refused for now: a server
that does so wants minutes to pass."""
CONNECT_S = 120.0
"""Name servers that do not answer, and addresses that are tried one after another: nothing can cut that short."""


class EmailSink:
    """Mails the alerts among the events to one group of recipients; everything else is over for it at once.

    A camera sends at most one mail in `throttle` seconds (by the time of the events, so an outage changes nothing);
    those in between are told about in its next mail. `Desk` says when each goes. A mail counts as delivered once the
    server has said 250 for every recipient; those who have it already are left out when it is tried again, over
    restarts too. A crash before that is committed sends it again, with the same Message-ID.

    Args:
        settings: where mail is handed in, what goes into it, who gets it
        queue: the outbox
        clock: stamps and waits
        clock_ok: False as long as the wall clock is not synchronised; no hours are quiet then
    """

    def __init__(
        self, settings: EmailSettings, queue: Archive, clock: Clock, clock_ok: Callable[[], bool] = lambda: True
    ) -> None:
        self.name = settings.name
        self.status = Status(clock)
        self._settings = settings
        self._queue = queue
        self._clock = clock
        self._clock_ok = clock_ok
        self._wake = threading.Event()
        shortest, longest = settings.back_off
        self._back_off = BackOff(shortest, longest)
        self._grey = BackOff(shortest, longest * GREY)
        self._last_id = 0
        self._due: deque[Alert] = deque()
        self._refused: list[tuple[float, Alert]] = []
        self._story = story.Story()
        self._known = False
        self._claimed, self._clips = story.Recent(), story.Recent()
        self._scene = Scene(settings.rules)
        self._desk = Desk(settings, self._join)
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
        self._known = False
        self._claimed, self._clips = story.Recent(), story.Recent()
        self.status.set("up", "no mail sent yet")
        while not stop.is_set():
            asked = self.status.asked()
            self._wake.clear()
            self._round(stop)
            if self._known and self._desk.empty and not (self._due or self._refused):
                self.status.idle(asked)
            if not stop.is_set():
                self.status.waiting(TICK_S + 5.0)
                self._wake.wait(self._patience())
        self.status.set("stopped")

    def _now(self) -> Now:
        return Now(self._clock.monotonic(), self._clock.wall(), self._clock_ok())

    def _patience(self) -> float:
        """Seconds until something is due that no commit announces."""
        now = self._now()
        times = [when - now.monotonic for when, _ in self._refused[:1]]
        if self._due:
            times.append(self._pause_until - now.monotonic)
        return max(0.0, min(TICK_S, self._desk.wait(now), *times))

    def _round(self, stop: threading.Event) -> None:
        try:
            self._skim()
        except StorageError as fault:
            self.status.set("fault", str(fault))
            return
        now = self._now()
        self._due += self._desk.due(now)
        while self._refused and self._refused[0][0] <= now.monotonic:
            self._due.append(self._refused.pop(0)[1])
        while len(self._due) > self._settings.waiting and self._fold():
            pass
        # In the middle of a back-off only the queue is kept short; the server is left alone.
        if not self._due or now.monotonic < self._pause_until:
            return
        try:
            self._send(stop)
        except MailError as fault:
            pause = self._back_off.next()
            self._pause_until = self._clock.monotonic() + pause
            if self.status.state.reason != str(fault):
                log.warning("%s: %s", self.name, fault)
            self.status.set("back_off", str(fault))

    def _skim(self) -> None:
        """Take what is new from the outbox; what is no alert leaves it at once, server or no server."""
        if not self._known:
            self._story = story.load(self._queue.recall(self._key))
            self._desk = Desk(self._settings, self._join, self._story.mailed)
            self._known = True
        while messages := self._queue.pending(self.name, BATCH, self._last_id):
            passed: list[int] = []
            try:
                for message in messages:
                    self._look(message, passed)
            finally:  # the disk may fail in between: those before that are over all the same
                if passed:
                    self._queue.passed(self.name, passed)

    def _look(self, message: Message, passed: list[int]) -> None:
        """What one message is: an alert, or one to be passed over."""
        alert = self._alert(message)
        self._last_id = message.id
        self._desk.see(message.payload)
        self._scene.see(message.payload)
        if message.payload["after"]["has_clip"]:
            self._clips.add(str(message.payload["after"]["id"]))
        if alert is None:
            passed.append(message.id)
        elif message.id in self._story.left:
            self._resume(alert)
        else:
            self._due += self._desk.take(alert, self._now())

    def _resume(self, alert: Alert) -> None:
        """A mail that some got in an earlier run; who is not configured any more is not waited for."""
        left = tuple(who for who in self._story.left[alert.message.id] if who in self._settings.to)
        if left:
            self._story.left[alert.message.id] = left
            self._again(alert, self._grey.next())
        else:
            self._queue.delivered(self.name, [alert.message.id])

    def _alert(self, message: Message) -> Alert | None:
        """What a message is to these recipients, with all that it stands for; None if it is no alert."""
        payload, rules = message.payload, self._settings.rules
        if (called := self._called(message)) is not None:
            return called
        if not is_wanted(payload, rules):
            if is_within(payload, rules):
                # What was there before the alarm was armed does not enter a zone by staying in it.
                self._claimed.add(str(payload["after"]["id"]))
            return None
        alert = Alert(message)
        if alert.told.label == ALARM:
            alert = replace(alert, scene=self._scene.before(alert.at))
        if message.replaces:
            told = [in_short(each) for each in self._queue.told_by(self.name, message.id) if is_wanted(each, rules)]
            alert = replace(alert, older=tuple(told))
        if not rules.zones or message.id in self._story.left:
            return alert
        # An update may say again what a mail has said, or one that is still here is about to say.
        if alert.object_id in self._story.told or alert.object_id in self._claimed:
            return None
        others = {told.object_id: told for told in alert.older if told.object_id != alert.object_id}
        self._claimed.add(alert.object_id, *others)
        return replace(alert, older=tuple(others.values()))

    def _called(self, message: Message) -> Alert | None:
        """The call for help in a message, or in one that it stands for; None without one, and where it was told."""
        payloads = [message.payload, *(self._queue.told_by(self.name, message.id) if message.replaces else ())]
        for call in filter(None, (call_of(payload, self._settings.rules) for payload in payloads)):
            told = call.name in self._story.told or call.name in self._claimed
            if not told or message.id in self._story.left:
                self._claimed.add(call.name)
                return Alert(message, call=call)
        return None

    @property
    def _key(self) -> str:
        return f"{self.name}.story"

    def _join(self, ids: Sequence[int], heir: int) -> None:
        """These leave the outbox, replaced by one that tells about them."""
        self._queue.delivered(self.name, ids, told_by=heir)

    def _fold(self) -> bool:
        """Make the oldest waiting mail part of the next one of its place; False if no place has two. The alarm's own
        mails stay what they are."""
        left = self._story.left
        for index, alert in enumerate(self._due):
            for later in range(index + 1, 0 if alert.urgent else len(self._due)):
                heir = self._due[later]
                if heir.place == alert.place and not {alert.message.id, heir.message.id} & left.keys():
                    self._join([alert.message.id], heir.message.id)
                    self._due[later] = heir.telling(alert)
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
                try:
                    refusals = self._hand_over(session, alert)
                except MailError as fault:
                    if not fault.final:
                        raise
                    self._due.popleft()
                    self._refuse(alert, str(fault))
                    return
                self._due.popleft()
                self._accepted(alert, refusals)

    def _hand_over(self, session: Session, alert: Alert) -> Refusals:
        left = self._story.left.get(alert.message.id)
        settings = self._settings if left is None else replace(self._settings, to=left)
        attached = photos.choose(alert, self._queue.pictures) if settings.rules.pictures else []
        now = self._now()
        # Everybody is named in it, those as well who have it already.
        clip = alert.object_id in self._clips
        mail = compose(alert, self._settings, now.wall, attached, clip=clip, clock_ok=now.clock_ok)
        return hand_over(session, mail, settings, some_have_it=left is not None)

    def _accepted(self, alert: Alert, refusals: Refusals) -> None:
        """The server took it, if not for everybody."""
        number = alert.message.id
        self._back_off.reset()
        self._story.mailed[alert.place] = alert.at
        self._story.left.pop(number, None)
        if alert.call is not None:
            self._story.told.add(alert.call.name)
        if self._settings.rules.zones:
            self._story.told.add(alert.object_id, *(told.object_id for told in alert.older))
        later = refusals.later
        if later and len(self._refused) >= self._settings.waiting:
            later = () if self._queue.refused(self.name, number, refusals.words) else later
        elif not later:
            self._queue.delivered(self.name, [number])
        if later:
            self._story.left[number] = later
            self._again(alert, self._grey.next())
        else:
            self._grey.reset()
        self._queue.note(self._key, self._story.dump())
        if refusals.words:
            log.warning("%s: %s", self.name, refusals.words)
        self.status.set("fault" if refusals.words else "up", refusals.words or "last mail accepted")

    def _refuse(self, alert: Alert, reason: str) -> None:
        """The server will not have this one: again later, but not for ever, and those behind it go on."""
        parked = self._queue.refused(self.name, alert.message.id, reason)
        log.warning("%s: %s%s", self.name, reason, "; given up" if parked else "")
        self.status.set("fault", reason)
        if not parked:
            self._again(alert, self._back_off.next())

    def _again(self, alert: Alert, pause: float) -> None:
        self._refused.append((self._clock.monotonic() + pause, alert))
        self._refused.sort(key=lambda entry: entry[0])
