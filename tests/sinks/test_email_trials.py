"""Everything at once: a mail server that comes and goes and refuses, a sink that is started again and again."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.outbox import Outbox, read_events
from edge.sinks.email.settings import Rules
from tests.sinks.conftest import working
from tests.sinks.test_email import mailer
from tests.support.events import event
from tests.support.mailserver import MailServer

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"


@pytest.mark.parametrize("seed", [1, 2])
def test_each_alert_reaches_everybody_once_over_outages_refusals_and_restarts(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    server = MailServer(tmp_path)
    number = 0
    for life in range(6):
        # Not within a life: a server that is cut off between its 250 and our hearing it gets a mail again, as it must.
        last = life == 5
        if last or chance.random() < 0.7:
            server.start()
        with closing(Outbox(tmp_path / "data", "bar", ["email", "email:eve"], SystemClock())) as outbox:
            both = mailer(server, outbox, throttle=0.3, gather=chance.choice([0.0, 0.1]), waiting=4)
            eve = mailer(server, outbox, to=(EVE,), name="email:eve", rules=Rules(labels=("person",)), waiting=4)
            with working(both), working(eve):
                for _ in range(6):
                    server.later_recipients = set(chance.choice([(), (), (BOB,), (ANN,), (ANN, BOB)]))
                    server.answers += ["451 4.3.0 busy"] * chance.randrange(2)
                    for _ in range(chance.randrange(4)):
                        number += 1
                        label, camera = chance.choice(["person", "cat"]), chance.choice(["porch", "yard"])
                        outbox.put(event("new", f"a{number}", camera=camera, label=label))
                    time.sleep(chance.random() * 0.1)
                if last:
                    server.later_recipients, server.answers = set(), []
                    assert all(sink.flush(20) for sink in (both, eve))
        server.stop()
    rows = [row for row in read_events(tmp_path / "data", 1000) if row["type"] == "new"]
    assert len(rows) == number
    assert {state for row in rows for state in row["sinks"].values()} <= {"delivered", "replaced", "passed"}
    passed = {(sink, row["label"]) for row in rows for sink, state in row["sinks"].items() if state == "passed"}
    assert passed <= {("email:eve", "cat")}
    got: dict[str, Counter[str]] = {who: Counter() for who in (ANN, BOB, EVE)}
    for mail, recipients in zip(server.mails, server.recipients, strict=True):
        for who in recipients:
            got[who][mail["Message-ID"]] += 1
    assert all(count == 1 for mails in got.values() for count in mails.values())
    assert got[ANN] == got[BOB]
    told = sum(1 + _others(mail["Subject"]) for mail in {mail["Message-ID"]: mail for mail in server.mails}.values())
    assert told == number + sum(row["label"] == "person" for row in rows)


def _others(subject: str) -> int:
    """What `(and 3 more)` says."""
    return int(subject.partition("(and ")[2].partition(" ")[0] or 0)
