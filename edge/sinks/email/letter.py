"""The mail itself: what happened, readable on a phone's lock screen, with its pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import tzinfo
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import quote

from edge.sinks.email import words
from edge.sinks.email.alert import Alert, Told
from edge.sinks.email.calls import NO_DEVICE, Call
from edge.sinks.email.photos import Photo
from edge.sinks.email.settings import EmailSettings
from edge.types import ALARM, ENGINE, MOTION, TAMPER

LATE_S = 300.0
SUBJECT = 150
"""Characters; phones show half of that."""
NAMED = 10
"""Other alerts that are listed one by one."""
OURS = frozenset({ALARM, ENGINE, MOTION, TAMPER})
"""Labels that no model gave a score."""


def compose(
    alert: Alert,
    settings: EmailSettings,
    now: float,
    photos: Sequence[Photo] = (),
    *,
    clip: bool = False,
    clock_ok: bool = True,
) -> EmailMessage:
    """The mail for an alert.

    Args:
        now: Unix time
        photos: what to attach
        clip: there is one of the event
        clock_ok: the clock is synchronised
    """
    mail = begin(settings, subject(alert, now, settings.zone), now)
    mail["Message-ID"] = f"<{_id(alert, settings)}.edge.invalid>"
    text = "\n".join(_lines(alert, settings, pictured=bool(photos), clip=clip, clock_ok=clock_ok))
    # Not every server on the way takes 8 bits.
    mail.set_content(text, cte=None if text.isascii() else "quoted-printable")
    names: set[str] = set()
    for photo in photos:
        stem = f"{_safe(photo.camera)}-{words.local(photo.taken, settings.zone):%Y%m%d-%H%M%S}"
        name = next(name for n in range(len(photos) + 1) if (name := f"{stem}{f'-{n}' if n else ''}.jpg") not in names)
        names.add(name)
        mail.add_attachment(photo.jpeg, maintype="image", subtype="jpeg", disposition="inline", filename=name)
    return mail


def begin(settings: EmailSettings, title: str, now: float) -> EmailMessage:
    """A mail with all headers but its Message-ID."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = title
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.to)
    mail["Date"] = format_datetime(words.local(now, settings.zone))
    mail["Auto-Submitted"] = "auto-generated"
    return mail


def subject(alert: Alert, now: float, zone: tzinfo) -> str:
    """What a lock screen shows."""
    text = _subject(alert, now, zone)
    return text if len(text) <= SUBJECT else text[: SUBJECT - 3] + "..."


def _subject(alert: Alert, now: float, zone: tzinfo) -> str:
    payload = alert.message.payload
    every = [*alert.older, alert.told]
    if alert.kind == "quiet":
        every = [*alert.known, *every]
        camera, first = words.name(alert.camera), words.local(min(told.at for told in every), zone)
        return (
            f"Quiet at {camera} since {words.local(alert.since, zone):%H:%M}: {words.counts(every)} since {first:%H:%M}"
        )
    if alert.kind == "night" and alert.older:
        first, last = (words.local(pick(told.at for told in every), zone) for pick in (min, max))
        return f"Quiet hours, {first:%H:%M} to {last:%H:%M}: {words.counts(every)}"
    text = f"{words.headline(payload['after'])}, {words.local(alert.at, zone):%H:%M:%S}"
    if alert.call is not None:
        text = f"{alert.call.title}: {words.name(alert.camera)} camera, {words.local(alert.call.since, zone):%H:%M:%S}"
    if alert.older:
        text += f" (and {len(alert.older)} more)"
    return "Late: " + text if alert.kind == "event" and now - alert.at > LATE_S else text


def _id(alert: Alert, settings: EmailSettings) -> str:
    """The same for every attempt, so that a mail that was sent twice because of a crash is known by it; another one for
    recipients with rules of their own, since theirs is another mail."""
    payload = alert.message.payload
    own = settings.name.partition(":")[2]
    left = _safe(f"{payload['uid']}{'.' if own else ''}{own}")
    return f"{left}@{_safe(payload['node'])}"


def _safe(text: str) -> str:
    """For ids and names of files."""
    return re.sub(r"[^\w.-]", "_", text, flags=re.ASCII)[: words.LONGEST]


def _lines(alert: Alert, settings: EmailSettings, *, pictured: bool, clip: bool, clock_ok: bool) -> list[str]:
    payload = alert.message.payload
    if alert.kind == "quiet":
        lines = _quiet(alert, settings.zone)
    elif alert.kind == "night" and alert.older:
        lines = _night(alert, settings.zone)
    else:
        lines = _event(alert, settings.zone, pictured=pictured or not settings.rules.pictures)
    lines += _links(alert, settings.page, clip=clip)
    if settings.rules.quiet_hours and not (clock_ok and payload["clock_ok"]):
        lines += ["", "The clock is not set yet, so quiet hours are not kept."]
    return [*lines, "", f"edge on {words.name(payload['node'])}", words.name(payload["uid"]).replace(" ", "_")]


def _event(alert: Alert, zone: tzinfo, *, pictured: bool) -> list[str]:
    payload = alert.message.payload
    after = payload["after"]
    armed = f"alarm {words.name(payload['armed'])}"
    when = f"{words.local(alert.at, zone):%A %d %B %Y, %H:%M:%S}"
    if alert.call is not None:
        return _call(alert, alert.call, zone, when, pictured=pictured)
    lines = [words.sentence(after), when + ("" if payload["clock_ok"] else " (clock not set yet, time uncertain)")]
    if after["label"] not in OURS:
        lines.append(f"Score {after['top_score']:.0%}, {armed}")
    elif after["label"] != ALARM or payload["armed"] != "triggered":  # the first line says that
        lines.append(armed.capitalize())
    if after["label"] not in (ENGINE, ALARM) and not pictured:
        lines.append("No picture of this one.")
    if alert.scene:
        lines += ["", "Seen just before:", *_list(alert.scene, zone, cameras=True)]
    if alert.kind == "night":
        lines.append("It was kept for the end of the quiet hours.")
    if alert.older:
        told = words.counts(alert.older)
        lines += ["", f"Since the last mail of this camera also {len(alert.older)} more: {told}", *_listed(alert, zone)]
    return lines


def _call(alert: Alert, call: Call, zone: tzinfo, when: str, *, pictured: bool) -> list[str]:
    """Somebody may need help."""
    payload = alert.message.payload
    zones = "".join(f", {words.name(zone)}" for zone in payload["after"]["current_zones"])
    begun = words.local(call.since, zone)
    lines = [f"{call.sentence}: camera {words.name(alert.camera)}{zones}, since {begun:%H:%M:%S}.", when]
    lines += [f"Alarm {words.name(payload['armed'])}", *([] if pictured else ["No picture of this one."])]
    return [*lines, "", NO_DEVICE]


def _night(alert: Alert, zone: tzinfo) -> list[str]:
    every = [*alert.older, alert.told]
    lines = [f"{len(every)} alerts were kept for the end of the quiet hours:"]
    for camera in dict.fromkeys(told.camera for told in every):
        lines.append(f"  {words.name(camera)}: {words.counts([told for told in every if told.camera == camera])}")
    return [*lines, "", *_listed(alert, zone, itself=True)]


def _quiet(alert: Alert, zone: tzinfo) -> list[str]:
    every = [*alert.known, *alert.older, alert.told]
    first, last = (words.local(pick(told.at for told in every), zone) for pick in (min, max))
    fresh = len(alert.older) + 1
    return [
        f"Camera {words.name(alert.camera)} is quiet since {words.local(alert.since, zone):%H:%M:%S}.",
        f"Between {first:%H:%M} and {last:%H:%M}: {words.counts(every)}; {fresh} of them not mailed before:",
        *_listed(alert, zone, itself=True),
    ]


def _listed(alert: Alert, zone: tzinfo, *, itself: bool = False) -> list[str]:
    """The newest of what else is told, a line each."""
    every = [*alert.older, *([alert.told] if itself else [])]
    lines = _list(every[-NAMED:], zone, cameras=len({told.camera for told in every}) > 1)
    return [*lines, *([f"  and {len(every) - NAMED} before"] if len(every) > NAMED else [])]


def _list(every: Sequence[Told], zone: tzinfo, *, cameras: bool) -> list[str]:
    lines = []
    for told in every:
        where = ", ".join(map(words.name, ([told.camera] if cameras else []) + list(told.zones)))
        lines.append(f"  {words.local(told.at, zone):%H:%M:%S} {words.name(told.label)}{f', {where}' if where else ''}")
    return lines


def _links(alert: Alert, page: str | None, *, clip: bool) -> list[str]:
    if page is None:
        return []
    # Not the file itself: without a session there is none, and the page waits for a clip that is still being recorded.
    return ["", f"{'Clip' if clip else 'Look'}: {page}/#event={quote(alert.object_id, safe='')}"]
