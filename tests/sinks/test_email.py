"""The email sink against a real mail server: each alert once, with its picture; outages, refusals, throttle."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.clock import SystemClock
from edge.engine_news import EngineNews
from edge.engines.links import Change
from edge.outbox import Outbox, read_events
from edge.sinks.email.photos import shrink
from edge.sinks.email.settings import EmailSettings
from edge.sinks.email.sink import EmailSink
from tests.sinks.conftest import working
from tests.support.broker import eventually, free_port
from tests.support.events import event
from tests.support.mailserver import PASSWORD, USERNAME, MailServer


def noise(width: int, height: int) -> bytes:
    """A JPEG that does not compress: as large as one of its size can be."""
    image = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """A mail server with STARTTLS and a login, not started yet."""
    server = MailServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox for the email sink."""
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    yield outbox
    outbox.close()


def mailer(server: MailServer, outbox: Outbox, **given: Any) -> EmailSink:
    """A sink with a login that is quick to try again and does not throttle unless told so."""
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "sender": "edge@example.org",
        "to": ("ann@example.org", "bob@example.org"),
        "username": USERNAME,
        "password": PASSWORD,
        "ca": server.ca,
        "throttle": 0.0,
        "back_off": (0.05, 0.1),
        "timeout": 5.0,
    }
    return EmailSink(EmailSettings(**{**usual, **given}), outbox, SystemClock())


def test_alert_is_mailed_encrypted_with_its_picture_to_everybody(
    server: MailServer, outbox: Outbox, tmp_path: Path
) -> None:
    server.start()
    sink = mailer(server, outbox)
    picture = noise(320, 240)
    outbox.put(event("new", "a", jpeg=picture))
    with working(sink):
        eventually(lambda: server.mails)
        assert sink.flush(5)
        eventually(lambda: sink.status.state.phase == "up")
    (mail,) = server.mails
    assert server.encrypted == [True]
    assert server.recipients == [["ann@example.org", "bob@example.org"]]
    assert mail["From"] == "edge@example.org"
    assert mail["Subject"].startswith("Person at porch, ")
    assert mail["Message-ID"] == f"<{outbox.boot_id}-porch-1@bar.edge.invalid>"
    body = mail.get_body()
    assert body is not None
    assert "Person seen by camera porch" in body.get_content()
    assert "Score 95%, alarm armed away" in body.get_content()
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "image/jpeg"
    assert attachment.get_content() == picture
    assert outbox.flush(5)
    assert [e["state"] for e in read_events(tmp_path / "data")] == ["delivered"]


def test_an_engine_that_is_lost_says_in_the_mail_who_serves(server: MailServer, outbox: Outbox) -> None:
    server.start()
    news = EngineNews("cellar", outbox.boot_id, lambda: None, lambda: "armed_home", SystemClock(), outbox.put)
    news(Change("onnxruntime", "movidius", "movidius: the stick is gone", best=False))
    with working(mailer(server, outbox)):
        eventually(lambda: server.mails)
    (mail,) = server.mails
    assert mail["Subject"].startswith("Engine at cellar, ")
    said = mail.get_content().splitlines()
    assert said[0] == "Engine of cellar: onnxruntime stands in: movidius: the stick is gone"
    assert said[2] == "Alarm armed home"


def test_large_picture_is_made_small_enough(server: MailServer, outbox: Outbox) -> None:
    server.start()
    large = noise(1920, 1080)
    assert len(large) > 1_000_000
    outbox.put(event("new", "a", jpeg=large))
    with working(mailer(server, outbox)):
        eventually(lambda: server.mails)
    (attachment,) = server.mails[0].iter_attachments()
    small = attachment.get_content()
    assert len(small) < 200_000
    assert len(str(attachment)) < 200_000
    assert cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR) is not None


def test_broken_picture_does_not_keep_an_alert_back(server: MailServer, outbox: Outbox) -> None:
    assert shrink(b"no picture" * 20_000) is None
    server.start()
    outbox.put(event("new", "a", jpeg=b"no picture" * 20_000))
    with working(mailer(server, outbox)):
        eventually(lambda: server.mails)
    assert list(server.mails[0].iter_attachments()) == []
    assert "No picture" in server.mails[0].get_content()


def test_only_new_events_of_an_armed_alarm_are_mailed(server: MailServer, outbox: Outbox) -> None:
    server.start()
    outbox.put(event("new", "a", armed="disarmed"))
    outbox.put(event("update", "b"))
    outbox.put(event("end", "b"))
    outbox.put(event("new", "c", armed="armed_home"))
    assert outbox.flush(5)
    sink = mailer(server, outbox)
    with working(sink):
        assert sink.flush(5)
    assert [mail["Message-ID"].split("@")[0].rpartition("-")[2] for mail in server.mails] == ["4"]
    assert outbox.flush(5)
    assert outbox.stats().sinks["email"].depth == 0


def test_every_alert_arrives_once_when_the_server_was_down(server: MailServer, outbox: Outbox) -> None:
    sink = mailer(server, outbox)
    with working(sink):
        for i in range(8):
            outbox.put(event("new", f"a{i}"))
        eventually(lambda: "connection refused" in sink.status.state.reason)
        assert sink.status.state.phase == "back_off"
        time.sleep(0.5)
        server.start()
        eventually(lambda: len(server.mails) == 8)
        server.stop()
        for i in range(8, 12):
            outbox.put(event("new", f"a{i}"))
        time.sleep(0.3)
        server.start()
        eventually(lambda: len(server.mails) == 12)
        assert sink.flush(5)
    ids = [mail["Message-ID"] for mail in server.mails]
    assert [int(i.split("@")[0].rpartition("-")[2]) for i in ids] == list(range(1, 13))


def test_alert_that_was_not_mailed_is_mailed_after_a_restart(server: MailServer, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    outbox.put(event("new", "a"))
    sink = mailer(server, outbox)
    with working(sink):
        eventually(lambda: sink.status.state.phase == "back_off")
    outbox.close()
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    server.start()
    with working(mailer(server, outbox)):
        eventually(lambda: len(server.mails) == 1)
    outbox.close()


def test_camera_is_throttled_and_the_next_mail_tells_what_was_held_back(
    server: MailServer, outbox: Outbox, tmp_path: Path
) -> None:
    server.start()
    sink = mailer(server, outbox, throttle=1.5)
    with working(sink):
        for i in range(4):
            outbox.put(event("new", f"a{i}", label="cat"))
        outbox.put(event("new", "b", camera="yard"))
        eventually(lambda: len(server.mails) == 2)
        assert {mail["Subject"].split(",")[0] for mail in server.mails} == {"Cat at porch", "Person at yard"}
        eventually(lambda: len(server.mails) == 3)
        assert sink.flush(5)
    last = server.mails[2]
    assert last["Subject"].endswith("(and 2 more)")
    assert last["Message-ID"].split("@")[0].endswith("-porch-4")
    assert "also 2 more" in last.get_content()
    assert outbox.flush(5)
    told = {e["seq"]: (e["state"], e["replaced_by"]) for e in read_events(tmp_path / "data")}
    assert told == {
        1: ("delivered", None),
        2: ("replaced", 4),
        3: ("replaced", 4),
        4: ("delivered", None),
        5: ("delivered", None),
    }


def test_mails_beyond_those_that_may_wait_become_part_of_later_ones(server: MailServer, outbox: Outbox) -> None:
    sink = mailer(server, outbox, waiting=3)
    with working(sink):
        for i in range(9):
            outbox.put(event("new", f"a{i}"))
        eventually(lambda: sink.status.state.phase == "back_off")
        assert outbox.flush(5)
        eventually(lambda: outbox.flush(1) and outbox.stats().sinks["email"].depth == 3)
        server.start()
        eventually(lambda: len(server.mails) == 3)
    assert server.mails[0]["Subject"].endswith("(and 6 more)")


def test_final_refusal_parks_one_mail_and_those_behind_it_go_on(
    server: MailServer, outbox: Outbox, tmp_path: Path
) -> None:
    server.start()
    sink = mailer(server, outbox, to=("ann@example.org",))
    server.refused_recipients = {"ann@example.org"}
    outbox.put(event("new", "a"))
    with working(sink):
        eventually(lambda: outbox.stats().sinks["email"].parked == 1)
        assert "refuses every recipient (550 5.1.1 no such user)" in sink.status.state.reason
        server.refused_recipients = set()
        outbox.put(event("new", "b"))
        eventually(lambda: len(server.mails) == 1)
        eventually(lambda: sink.status.state.phase == "up")
    assert next(e["state"] for e in read_events(tmp_path / "data")) == "parked"


def test_passing_refusal_is_tried_again_until_it_is_over(server: MailServer, outbox: Outbox) -> None:
    server.start()
    server.answers = ["451 4.7.1 greylisted, come back later"] * 5
    outbox.put(event("new", "a"))
    sink = mailer(server, outbox)
    with working(sink):
        eventually(lambda: "451" in sink.status.state.reason)
        eventually(lambda: len(server.mails) == 1)
        assert sink.flush(5)
    assert outbox.stats().sinks["email"].parked == 0


def test_one_bad_recipient_does_not_keep_the_mail_from_the_others(server: MailServer, outbox: Outbox) -> None:
    server.start()
    server.refused_recipients = {"bob@example.org"}
    outbox.put(event("new", "a"))
    sink = mailer(server, outbox)
    with working(sink):
        eventually(lambda: len(server.mails) == 1)
        eventually(lambda: "refuses bob@example.org (550" in sink.status.state.reason)
        assert sink.status.state.phase == "fault"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"password": "swordfish"}, "refuses the login (535"),
        ({"ca": None}, "is not trusted"),
        ({"host": "mail.invalid"}, "the name mail.invalid is not known (DNS)"),
        ({"port": 0}, "connection refused"),
        ({"username": None}, "wants a login"),
        ({"starttls": False, "username": None}, "wants STARTTLS (530"),
    ],
)
def test_each_fault_is_one_clear_line_and_the_alert_waits(
    server: MailServer, outbox: Outbox, given: dict[str, Any], words: str
) -> None:
    server.start()
    sink = mailer(server, outbox, **{**given, **({"port": free_port()} if "port" in given else {})})
    outbox.put(event("new", "a"))
    with working(sink):
        eventually(lambda: sink.status.state.phase == "back_off")
        reason = sink.status.state.reason
    assert words in reason
    assert "\n" not in reason
    assert "swordfish" not in reason + repr(sink._settings)
    assert server.mails == []
    assert outbox.stats().sinks["email"].depth == 1


def test_server_without_starttls_gets_neither_password_nor_mail(server: MailServer, outbox: Outbox) -> None:
    server.starttls = False
    server.start()
    outbox.put(event("new", "a"))
    sink = mailer(server, outbox)
    with working(sink):
        eventually(lambda: "does not offer STARTTLS, so nothing was sent" in sink.status.state.reason)
    assert server.mails == []


def test_plain_server_is_used_when_that_is_asked_for(server: MailServer, outbox: Outbox) -> None:
    server.starttls = False
    server.start()
    outbox.put(event("new", "a"))
    with working(mailer(server, outbox, starttls=False, username=None, password=None)):
        eventually(lambda: len(server.mails) == 1)
    assert server.encrypted == [False]


def test_login_with_characters_beyond_ascii_is_one_line_that_quotes_nothing(
    server: MailServer, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    server.start()
    outbox.put(event("new", "a"))
    sink = mailer(server, outbox, password="geheimwört")
    with working(sink):
        eventually(lambda: sink.status.state.phase == "back_off")
        reason = sink.status.state.reason
    assert "has characters that this server's login cannot take" in reason
    assert "ö" not in reason + caplog.text
    assert "\\xf6" not in caplog.text


def _stutter(line: socket.socket, until: str) -> None:
    """Talk SMTP up to the answer to a command, then a byte at a time for ever."""
    answers = {"": "220 hello", "EHLO": "250-hello\r\n250 STARTTLS", "DATA": "354 go on"}
    until = "" if until == "greeting" else until
    with line, line.makefile("rb") as heard, contextlib.suppress(OSError):
        said, in_data = "", False
        while True:
            if said == until:
                if until == "STARTTLS":
                    line.sendall(b"220 go on\r\n")
                    heard.read(1)
                    line.sendall(b"\x16\x03\x03\x3f\xff")  # the head of a TLS record of 16 kB
                while True:
                    line.sendall(b"\x02")
                    time.sleep(0.02)
            if not in_data or said == ".":
                line.sendall(f"{answers.get(said, '250 OK')}\r\n".encode())
            in_data = said == "DATA" or (in_data and said != ".")
            said = heard.readline().decode().strip().partition(" ")[0].upper()


@pytest.mark.parametrize("until", ["greeting", "EHLO", "STARTTLS", "MAIL", "."])
def test_server_that_stutters_is_left_in_time(outbox: Outbox, until: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = listening.accept()
                    threading.Thread(target=_stutter, args=(line, until), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        settings = EmailSettings(
            "127.0.0.1",
            "edge@example.org",
            ("ann@example.org",),
            port=listening.getsockname()[1],
            starttls=until == "STARTTLS",
            back_off=(0.05, 0.1),
            session=0.3,
            recipient=0.0,
        )
        sink = EmailSink(settings, outbox, SystemClock())
        outbox.put(event("new", "a"))
        with working(sink):
            eventually(lambda: sink.status.state.phase == "back_off", 3)
            assert "is too slow: it was not done within 0 s" in sink.status.state.reason
        listening.shutdown(socket.SHUT_RDWR)
