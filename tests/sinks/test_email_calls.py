"""A fall in the mail: at once, once, whether the alarm is on or not, and over outages and restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.clock import SystemClock
from edge.hours import parse
from edge.outbox import Outbox
from edge.sinks.email.settings import EmailSettings, Rules
from edge.sinks.email.sink import EmailSink
from edge.types import Activity, Event
from tests.sinks.conftest import working
from tests.support import figures
from tests.support.broker import eventually
from tests.support.events import event
from tests.support.mailserver import PASSWORD, USERNAME, MailServer

CALLS = Rules(calls=("fall", "lying"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "data", "bar", ["email"], SystemClock())
    yield outbox
    outbox.close()


def mailer(server: MailServer, outbox: Outbox, rules: Rules = CALLS, **given: Any) -> EmailSink:
    settings = EmailSettings(
        host="127.0.0.1", port=server.port, sender="edge@example.org", to=("ann@example.org",), username=USERNAME,
        password=PASSWORD, ca=server.ca, rules=rules, back_off=(0.05, 0.1), timeout=5.0, **given,
    )  # fmt: skip
    return EmailSink(settings, outbox, SystemClock())


@contextmanager
def at_work(sink: EmailSink) -> Iterator[EmailSink]:
    with working(sink):
        yield sink


def told(
    kind: Literal["new", "update", "end"],
    activity: Activity | None,
    *,
    armed: str = "disarmed",
    object_id: str = "a",
    jpeg: bytes | None = None,
) -> Event:
    made = event(kind, object_id, camera="hall", armed=armed, jpeg=jpeg)
    body = figures.body("standing" if activity is None else "lying", activity=activity)
    return replace(made, after=replace(made.after, body=body))


def fall(since: float, *, sure: bool = True) -> Activity:
    return figures.doing("fall", since, since + 2 if sure else None)


def subjects(server: MailServer) -> list[str]:
    return [str(mail["Subject"]).partition(":")[0] for mail in server.mails]


def test_a_fall_is_mailed_once_while_the_alarm_is_off(server: MailServer, outbox: Outbox) -> None:
    server.start()
    since = time.time() - 3
    outbox.put(told("new", None))
    outbox.put(told("update", fall(since, sure=False)))
    with at_work(mailer(server, outbox, throttle=600.0, gather=600.0)) as sink:
        assert sink.flush(5)
        assert server.mails == []
        outbox.put(told("update", fall(since), jpeg=b"\xff\xd8a fall\xff\xd9"))
        outbox.put(told("update", fall(since)))
        eventually(lambda: server.mails)
        outbox.put(told("update", fall(since)))
        outbox.put(told("update", None))
        outbox.put(told("end", None))
        assert sink.flush(5)
        assert subjects(server) == ["Fall"]
        assert "no medical device" in server.mails[0].get_body().get_content()  # type: ignore[union-attr]
        outbox.put(told("update", fall(since + 60)))  # another one of the same person
        eventually(lambda: len(server.mails) == 2)


def test_a_fall_waits_for_no_throttle_and_no_quiet_hours_and_holds_nothing_back(
    server: MailServer, outbox: Outbox
) -> None:
    server.start()
    always = replace(CALLS, quiet_hours=(parse("00:00-12:00"), parse("12:00-00:00")))
    with at_work(mailer(server, outbox, always, throttle=600.0)) as sink:
        outbox.put(told("new", None, armed="armed_night"))
        outbox.put(told("update", fall(time.time()), armed="armed_night"))
        eventually(lambda: subjects(server) == ["Fall"])
        outbox.put(told("update", fall(time.time() + 1), armed="armed_night", object_id="b"))
        eventually(lambda: subjects(server) == ["Fall", "Fall"])
        assert not sink.flush(0.1), "the person is kept for the end of the quiet hours"


def test_a_fall_while_the_mail_server_is_away_is_mailed_after_a_restart_though_newer_news_replaced_it(
    server: MailServer, outbox: Outbox
) -> None:
    since = time.time()
    outbox.put(told("new", None))
    outbox.put(told("update", fall(since)))
    with at_work(mailer(server, outbox)) as sink:
        eventually(lambda: sink.status.state.phase == "back_off")
        for _ in range(3):
            outbox.put(told("update", None))
        time.sleep(0.2)
    outbox.put(told("update", None))
    server.start()
    with at_work(mailer(server, outbox)) as sink:
        eventually(lambda: subjects(server) == ["Fall"])
        assert sink.flush(5)
    with at_work(mailer(server, outbox)) as sink:
        outbox.put(told("update", fall(since)))
        assert sink.flush(5)
    assert subjects(server) == ["Fall"]


def test_nobody_is_called_where_that_is_not_wanted(server: MailServer, outbox: Outbox) -> None:
    server.start()
    outbox.put(told("new", fall(time.time())))
    with at_work(mailer(server, outbox, Rules())) as sink:
        assert sink.flush(5)
    assert server.mails == []
