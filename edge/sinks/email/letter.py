"""The mail itself: what happened, readable on a phone's lock screen, with the picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import cv2
import numpy as np

from edge.sinks.base import Message
from edge.sinks.email.settings import EmailSettings
from edge.types import ENGINE

PICTURE_BYTES = 145_000
"""Base64 makes a third more of it: the attachment stays below 200 kB."""
LATE_S = 300.0
NAMED = 10
"""Held-back alerts that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One mail to be sent: an event, and those of the same camera that it tells about as well.

    others: how many those are
    newest: Unix time and label of the newest of them
    """

    message: Message
    others: int = 0
    newest: tuple[tuple[float, str], ...] = ()

    @property
    def camera(self) -> str:
        """The camera that saw it."""
        return str(self.message.payload["after"]["camera"])

    def telling(self, *older: Alert) -> Alert:
        """The same, telling about older alerts of its camera as well."""
        told = [told for alert in older for told in (*alert.newest, alert.line)]
        others = self.others + sum(alert.others + 1 for alert in older)
        return Alert(self.message, others, (*told, *self.newest)[-NAMED:])

    @property
    def line(self) -> tuple[float, str]:
        """Itself in short."""
        return float(self.message.payload["captured_at"]), str(self.message.payload["after"]["label"])


def compose(alert: Alert, settings: EmailSettings, now: float) -> EmailMessage:
    """The mail for an alert. now: Unix time. Reads the snapshot's file; without a readable one it goes without."""
    payload = alert.message.payload
    after = payload["after"]
    seen = _local(payload["captured_at"])
    subject = f"{_name(after['label']).capitalize()} at {_name(after['camera'])}, {seen:%H:%M:%S}"
    if alert.others:
        subject += f" (and {alert.others} more)"
    if now - payload["captured_at"] > LATE_S:
        subject = "Late: " + subject
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = subject
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.to)
    mail["Date"] = format_datetime(_local(now))
    # The same for every attempt: a mail that was sent twice because of a crash is known by it.
    mail["Message-ID"] = f"<{payload['uid']}@{payload['node']}.edge.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    picture = read_picture(alert.message.snapshot)
    mail.set_content("\n".join(_lines(alert, pictured=picture is not None)))
    if picture is not None:
        name = f"{after['camera']}-{seen:%Y%m%d-%H%M%S}.jpg"
        mail.add_attachment(picture, maintype="image", subtype="jpeg", disposition="inline", filename=name)
    return mail


def _lines(alert: Alert, *, pictured: bool) -> list[str]:
    payload = alert.message.payload
    after = payload["after"]
    seen = _local(payload["captured_at"])
    where = f"camera {_name(after['camera'])}"
    if after["current_zones"]:
        where += f", {', '.join(map(_name, after['current_zones']))}"
    what = _name(after["label"]).capitalize()
    when = f"{seen:%A %d %B %Y, %H:%M:%S}" + ("" if payload["clock_ok"] else " (clock not set yet, time uncertain)")
    armed = f"alarm {_name(payload['armed'])}"
    if after["label"] == ENGINE:  # no camera saw it: it says itself what happened
        lines = [f"{what} of {_name(after['camera'])}: {after['sub_label']}", when, armed.capitalize()]
    else:
        lines = [f"{what} seen by {where}", when, f"Score {after['top_score']:.0%}, {armed}"]
        lines += [] if pictured else ["No picture of this one."]
    if alert.others:
        lines += ["", f"Since the last mail of this camera also {alert.others} more:"]
        lines += [f"  {_local(at):%H:%M:%S} {_name(label)}" for at, label in alert.newest]
        if alert.others > len(alert.newest):
            lines.append(f"  and {alert.others - len(alert.newest)} before")
    return [*lines, "", f"edge on {payload['node']}", f"{payload['uid']}"]


def read_picture(path: Path | None) -> bytes | None:
    """A snapshot's JPEG, made small enough for a mail; None if there is none that can be read."""
    try:
        jpeg = b"" if path is None else path.read_bytes()
    except OSError:
        return None
    return shrink(jpeg) if jpeg else None


def shrink(jpeg: bytes, limit: int = PICTURE_BYTES) -> bytes | None:
    """The same picture in at most `limit` bytes: as it is, else of lower quality, else smaller; None if it is none."""
    image = None
    quality = 80
    while len(jpeg) > limit:
        if image is None:
            image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            if image is None:
                return None
        elif quality > 60:
            quality -= 10
        else:
            image = cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        jpeg = coded.tobytes()
    return jpeg


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()


def _name(name: str) -> str:
    return name.replace("_", " ")
