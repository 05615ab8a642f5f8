"""Who has got what, over refusals and restarts; pictures that come later; rules of one's own. A real mail server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.hours import Hours
from edge.outbox import Outbox, read_events
from edge.sinks.email.settings import EmailSettings, Rules
from edge.sinks.email.sink import EmailSink
from tests.outbox.conftest import SetClock
from tests.sinks.conftest import working
from tests.sinks.test_email import mailer
from tests.support.broker import eventually
from tests.support.events import event
from tests.support.mailserver import PASSWORD, USERNAME, MailServer

SINKS = ["email", "email:ann", "email:bob"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """A mail server with STARTTLS and a login, running."""
    server = MailServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox for three groups of recipients."""
    outbox = Outbox(tmp_path / "data", "bar", SINKS, SystemClock())
    yield outbox
    outbox.close()


def numbers(server: MailServer) -> list[tuple[str, ...]]:
    """The seq of each mail's event, and who it reached."""
    return [
        (mail["Message-ID"].split("@")[0].rpartition("-")[2], *recipients)
        for mail, recipients in zip(server.mails, server.recipients, strict=True)
    ]


def test_who_was_refused_for_now_gets_the_mail_later_and_nobody_twice(server: MailServer, outbox: Outbox) -> None:
    server.later_recipients = {"bob@example.org"}
    outbox.put(event("new", "a"))
    sink = mailer(server, outbox)
    with working(sink):
        eventually(lambda: server.mails)
        outbox.put(event("new", "b"))
        eventually(lambda: "refuses bob@example.org (450" in sink.status.state.reason)
        eventually(lambda: len(server.mails) == 2)
        assert outbox.flush(5)
        assert outbox.stats().sinks["email"].depth == 2
        server.later_recipients = set()
        eventually(lambda: len(server.mails) == 4)
        assert sink.flush(5)
    reached = sorted((number, one) for number, *who in numbers(server) for one in who)
    assert reached == [(n, f"{who}@example.org") for n in "12" for who in ("ann", "bob")]
    assert {mail["To"] for mail in server.mails} == {"ann@example.org, bob@example.org"}
    assert outbox.flush(5)
    assert outbox.stats().sinks["email"].depth == 0


def test_who_has_a_mail_is_known_after_a_restart(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    server.later_recipients = {"bob@example.org"}
    outbox.put(event("new", "a"))
    with working(mailer(server, outbox)):
        eventually(lambda: server.mails)
    outbox.close()
    server.later_recipients = set()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox)
    with working(sink):
        eventually(lambda: len(server.mails) == 2)
        assert sink.flush(5)
    outbox.close()
    assert numbers(server) == [("1", "ann@example.org"), ("1", "bob@example.org")]
    assert server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"]


def test_a_mail_waits_for_better_pictures_until_its_object_is_gone(server: MailServer, outbox: Outbox) -> None:
    sink = mailer(server, outbox, gather=60.0, page="https://porch.local")
    now = time.time()
    with working(sink):
        outbox.put(event("new", "a", at=now, jpeg=b"first"))
        outbox.put(event("update", "a", at=now + 3, jpeg=b"better"))
        assert outbox.flush(5)
        assert server.mails == []
        end = event("end", "a", at=now + 6, jpeg=b"best")
        outbox.put(replace(end, after=replace(end.after, has_clip=True)))
        eventually(lambda: server.mails)
        assert sink.flush(5)
    (mail,) = server.mails
    assert [part.get_content() for part in mail.iter_attachments()] == [b"first", b"better", b"best"]
    body = mail.get_body()
    assert body is not None
    assert "Clip: https://porch.local/#event=a" in body.get_content().splitlines()
    assert "/api/clips/" not in body.get_content()  # a phone that is not logged in would get JSON


def test_a_restart_while_a_mail_waits_for_pictures_loses_nothing(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    outbox.put(event("new", "a", jpeg=b"first"))
    with working(mailer(server, outbox, gather=60.0)):
        assert outbox.flush(5)
    assert server.mails == []
    outbox.close()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    with working(mailer(server, outbox, gather=0.2)):
        eventually(lambda: len(server.mails) == 1)
    outbox.close()


def test_each_gets_what_their_rules_say_in_a_mail_of_their_own(server: MailServer, outbox: Outbox) -> None:
    everybody = mailer(server, outbox, to=("all@example.org",))
    ann = mailer(
        server, outbox, to=("ann@example.org",), name="email:ann", rules=Rules(labels=("cat",), pictures=False)
    )
    bob = mailer(server, outbox, to=("bob@example.org",), name="email:bob", rules=Rules(cameras=("yard",)))
    outbox.put(event("new", "a", label="cat", jpeg=b"picture"))
    outbox.put(event("new", "b", camera="yard", jpeg=b"picture"))
    with working(everybody), working(ann), working(bob):
        eventually(lambda: len(server.mails) == 4)
        assert all(sink.flush(5) for sink in (everybody, ann, bob))
    assert sorted(who for _, who in numbers(server)) == ["all@example.org"] * 2 + ["ann@example.org", "bob@example.org"]
    for mail, (who,) in zip(server.mails, server.recipients, strict=True):
        assert mail["To"] == who
        assert len(list(mail.iter_attachments())) == (0 if who.startswith("ann") else 1)
    assert outbox.flush(5)
    assert {name: stats.depth for name, stats in outbox.stats().sinks.items()} == dict.fromkeys(SINKS, 0)


def _entering(kind: Any, object_id: str, zone: str | None) -> Any:
    made = event(kind, object_id)
    zones = () if zone is None else (zone,)
    return replace(made, after=replace(made.after, current_zones=zones, entered_zones=zones))


def test_who_asks_for_a_zone_is_told_once_when_it_is_entered_also_over_a_restart(
    server: MailServer, tmp_path: Path
) -> None:
    rules = Rules(zones=("path",))
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, rules=rules)
    with working(sink):
        outbox.put(_entering("new", "a", None))
        outbox.put(_entering("update", "a", "street"))
        assert sink.flush(5)
        assert server.mails == []
        outbox.put(_entering("update", "a", "path"))
        eventually(lambda: server.mails)
        outbox.put(_entering("update", "a", "path"))
        outbox.put(_entering("end", "a", "path"))
        assert outbox.flush(5)
        assert sink.flush(5)
    outbox.put(_entering("update", "a", "path"))
    outbox.put(_entering("update", "b", "path"))
    outbox.close()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, rules=rules)
    with working(sink):
        eventually(lambda: len(server.mails) == 2)
        assert sink.flush(5)
    outbox.close()
    assert [number for number, *_ in numbers(server)] == ["3", "7"]


def test_what_no_rule_asks_for_is_passed_over_and_not_called_delivered(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, rules=Rules(zones=("path",)))
    for kind, zone in (("new", None), ("update", "path"), ("end", "path")):
        outbox.put(_entering(kind, "a", zone))
    outbox.put(event("new", "b", armed="disarmed"))
    assert outbox.flush(5)
    with working(sink):
        eventually(lambda: server.mails)
        assert sink.flush(5)
    outbox.close()
    told = read_events(tmp_path / "data")
    assert [e["sinks"]["email"] for e in told] == ["passed", "delivered", "passed", "passed"]
    assert {e["state"] for e in told} == {"delivered"}  # the event is stored, and nobody waits for it


def test_what_was_in_a_zone_before_the_alarm_was_armed_is_no_news(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, rules=Rules(zones=("path",)))
    with working(sink):
        outbox.put(replace(_entering("new", "car", "path"), armed="disarmed"))
        assert outbox.flush(5)
        assert sink.flush(5)
        outbox.put(_entering("update", "car", "path"))
        outbox.put(_entering("new", "person", "path"))
        eventually(lambda: server.mails)
        assert sink.flush(5)
    outbox.close()
    assert [number for number, *_ in numbers(server)] == ["3"]


def test_who_is_not_configured_any_more_is_not_waited_for(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    server.later_recipients = {"bob@example.org"}
    outbox.put(event("new", "a"))
    with working(mailer(server, outbox)):
        eventually(lambda: server.mails)
    outbox.close()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, to=("ann@example.org",))
    with working(sink):
        assert sink.flush(5)
    assert outbox.flush(5)
    assert outbox.stats().sinks["email"].depth == 0
    outbox.close()
    assert numbers(server) == [("1", "ann@example.org")]


def test_an_alert_that_enters_a_zone_and_is_not_mailed_yet_survives_a_restart(
    server: MailServer, tmp_path: Path
) -> None:
    rules = Rules(zones=("path",))
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    outbox.put(_entering("new", "a", "path"))
    with working(mailer(server, outbox, rules=rules, gather=60.0)):
        outbox.put(_entering("update", "a", "path"))
        assert outbox.flush(5)
    outbox.close()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, rules=rules)
    with working(sink):
        eventually(lambda: server.mails)
        assert sink.flush(5)
    outbox.close()
    assert [number for number, *_ in numbers(server)] == ["1"]


def test_what_was_folded_while_the_server_was_away_is_told_in_full_after_a_restart(
    server: MailServer, tmp_path: Path
) -> None:
    server.stop()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    sink = mailer(server, outbox, waiting=2)
    with working(sink):
        for number in range(6):
            outbox.put(event("new", f"a{number}", label="cat"))
        eventually(lambda: outbox.flush(1) and outbox.stats().sinks["email"].depth == 2)
    outbox.close()
    server.start()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    with working(mailer(server, outbox)):
        eventually(lambda: len(server.mails) == 2)
    outbox.close()
    assert server.mails[0]["Subject"].endswith("(and 4 more)")
    assert "also 4 more: 4 cats" in server.mails[0].get_content()


def test_the_alarm_keeps_its_own_mail_however_long_the_server_is_away(server: MailServer, tmp_path: Path) -> None:
    server.stop()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    with working(mailer(server, outbox, waiting=2)):
        outbox.put(event("new", "x", label="alarm", camera="bar"))
        for number in range(6):
            outbox.put(event("new", f"a{number}", label="engine", camera="bar"))
        eventually(lambda: outbox.flush(1) and outbox.stats().sinks["email"].depth == 2)
        server.start()
        eventually(lambda: len(server.mails) == 2)
    outbox.close()
    assert server.mails[0]["Subject"].startswith("ALARM: triggered")
    assert server.mails[1]["Subject"].endswith("(and 5 more)")


def test_the_alarm_shows_what_was_seen_just_before(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    now = time.time()
    outbox.put(event("new", "family", at=now - 30, armed="disarmed", jpeg=b"family"))
    outbox.put(event("new", "elsewhere", at=now - 25, camera="bedroom", jpeg=b"bedroom"))
    outbox.put(event("update", "long ago", at=now - 600, jpeg=b"long ago"))
    outbox.put(event("update", "burglar", at=now - 20, jpeg=b"burglar"))
    alarm = event("new", "x", label="alarm", camera="bar", at=now)
    outbox.put(replace(alarm, after=replace(alarm.after, sub_label="triggered: person")))
    with working(mailer(server, outbox, rules=Rules(cameras=("porch",)))):
        eventually(lambda: server.mails)
    outbox.close()
    (mail,) = server.mails
    assert mail["Subject"].startswith("ALARM: triggered: person")
    assert [part.get_content() for part in mail.iter_attachments()] == [b"burglar"]
    body = mail.get_body()
    assert body is not None
    assert re.search(r"Seen just before:\s+\d\d:\d\d:\d\d person, porch", body.get_content())


def test_of_who_was_there_before_the_arming_the_alarm_shows_pictures_from_then_on_alone(
    server: MailServer, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    now = time.time()
    for who in ("guest", "burglar"):
        outbox.put(event("new", who, at=now - 30, armed="disarmed", jpeg=f"{who} before".encode()))
        outbox.put(event("update", who, at=now - 25, armed="arming", jpeg=f"{who} arming".encode()))
    outbox.put(event("update", "guest", at=now - 10))
    outbox.put(event("update", "burglar", at=now - 9, jpeg=b"burglar armed"))
    alarm = event("new", "x", label="alarm", camera="bar", at=now)
    outbox.put(replace(alarm, after=replace(alarm.after, sub_label="triggered: person")))
    with working(mailer(server, outbox)):
        eventually(lambda: server.mails)
    outbox.close()
    assert [part.get_content() for part in server.mails[0].iter_attachments()] == [b"burglar armed"]


def test_quiet_hours_end_in_one_mail_also_after_a_restart(server: MailServer, tmp_path: Path) -> None:
    clock = SetClock()
    now = datetime.fromtimestamp(clock.wall())
    start, stop = now - timedelta(minutes=2), now + timedelta(hours=2)
    night = Rules(quiet_hours=(Hours(start.hour * 60 + start.minute, stop.hour * 60 + stop.minute),))

    def sink_of(outbox: Outbox) -> EmailSink:
        settings = EmailSettings(
            "127.0.0.1", "edge@example.org", ("ann@example.org",), port=server.port, username=USERNAME,
            password=PASSWORD, ca=server.ca, rules=night,
        )  # fmt: skip
        return EmailSink(settings, outbox, clock, lambda: clock.ok)

    outbox = Outbox(tmp_path / "data", "bar", ["email"], clock)
    with working(sink_of(outbox)):
        for number in range(3):
            outbox.put(event("new", f"a{number}"))
        outbox.put(event("new", "panic", label="alarm", armed="disarmed"))
        eventually(lambda: server.mails)
        assert outbox.flush(5)
    assert [mail["Subject"].partition(",")[0] for mail in server.mails] == ["ALARM: triggered"]
    outbox.close()
    clock.offset = 2.5 * 3600
    outbox = Outbox(tmp_path / "data", "bar", ["email"], clock)
    sink = sink_of(outbox)
    with working(sink):
        eventually(lambda: len(server.mails) == 2)
        assert sink.flush(5)
    assert server.mails[1]["Subject"].endswith(": 3 persons")
    assert outbox.flush(5)
    states = {row["seq"]: row["state"] for row in read_events(tmp_path / "data")}
    assert states == {1: "replaced", 2: "replaced", 3: "delivered", 4: "delivered"}
    outbox.close()
