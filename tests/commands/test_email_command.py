"""`edge email test` against real mail servers, good ones and each kind of bad one: the real cause, and what to do."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.outbox import Outbox
from edge.sinks.email import probe
from edge.sinks.email.causes import login_advice
from edge.sinks.email.settings import EmailSettings
from tests.support.broker import free_port
from tests.support.command import Edge
from tests.support.mailserver import PASSWORD, USERNAME, MailServer


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    monkeypatch.setattr("edge.commands.email.WAIT_S", 1.0)
    return Edge(monkeypatch, capsys)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """A mail server with STARTTLS and a login, not started yet."""
    server = MailServer(tmp_path)
    yield server
    server.stop()


def write(folder: Path, server: MailServer, **given: Any) -> Path:
    """A configuration for the server; None leaves a key out."""
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "username": USERNAME,
        "password": PASSWORD,
        "from": "edge@example.org",
        "to": ["ann@example.org"],
        "ca": str(server.ca),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in {**usual, **given}.items() if value is not None]
    path = folder / "edge.toml"
    path.write_text(
        f'[node]\ndata = "data"\nname = "bar"\n[email]\n{chr(10).join(lines)}\n'
        '[[camera]]\nname = "porch"\nsource = "synthetic:"\n'
    )
    return path


def steps(edge: Edge, config: Path, *more: str) -> list[tuple[str, bool, str]]:
    done = edge("email", "test", "--json", "--config", config, *more)
    found = json.loads(done.out)
    assert found["ok"] == (done.code == 0)
    assert PASSWORD not in done.out + done.err
    return [(step["name"], step["ok"], step["found"]) for step in found["steps"]]


def test_a_good_server_gets_a_mail_and_each_step_has_its_mark(edge: Edge, server: MailServer, tmp_path: Path) -> None:
    server.start()
    config = write(tmp_path, server)
    with closing(Outbox(tmp_path / "data", "bar", ["email"], SystemClock())):  # as a daemon that runs
        done = edge("email", "test", "--config", config)
    assert done.code == 0, done.out
    marks = [line.split()[:2] for line in done.out.splitlines()]
    names = ("name", "connection", "encryption", "certificate", "login", "sender", "recipient", "message")
    assert marks == [["✓", name] for name in names]
    assert re.search(r"encryption +TLSv1", done.out)
    assert re.search(r"certificate +by trustme.*, until \d+ \w+ \d{4}", done.out)
    (mail,) = server.mails
    assert mail["Subject"] == "Test from edge on bar"
    assert server.encrypted == [True]


def test_all_recipients_get_the_test_or_those_who_are_named(edge: Edge, server: MailServer, tmp_path: Path) -> None:
    server.start()
    config = write(tmp_path, server)
    config.write_text(config.read_text() + '[[email.recipient]]\nto = ["bob@example.org"]\n')
    assert all(ok for _, ok, _ in steps(edge, config))
    assert all(ok for _, ok, _ in steps(edge, config, "--to", "eve@example.org"))
    assert server.recipients == [["ann@example.org", "bob@example.org"], ["eve@example.org"]]


def test_tls_from_the_first_byte(edge: Edge, server: MailServer, tmp_path: Path) -> None:
    server.implicit = True
    server.start()
    assert all(ok for _, ok, _ in steps(edge, write(tmp_path, server, security="tls")))
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("server_is", "given", "step", "said"),
    [
        ({}, {"host": "mail.invalid"}, "name", "the name mail.invalid is not known (DNS)"),
        ({}, {"port": 0}, "connection", "connection refused"),
        ({}, {"password": "swordfish"}, "login", "refuses the login (535"),
        (
            {"login_refusal": "534 5.7.9 Application-specific password required"},
            {"password": "swordfish"},
            "login",
            "make an app password",
        ),
        (
            {"login_refusal": "535 5.7.139 Authentication unsuccessful, basic authentication is disabled"},
            {"password": "swordfish"},
            "login",
            "Microsoft takes no passwords",
        ),
        ({}, {"username": None, "password": None}, "sender", "wants a login"),
        ({}, {"ca": None}, "certificate", "set email.ca"),
        ({"certificate": "expired"}, {}, "certificate", "check this machine's clock"),
        ({"certificate": "other_name"}, {}, "certificate", "set email.host to a name"),
        ({"starttls": False}, {}, "encryption", "does not offer STARTTLS"),
        ({"implicit": True}, {}, "connection", "speaks TLS from the start; set email.port = 587, or email.security"),
        ({}, {"security": "tls"}, "encryption", 'begins in the clear: set email.security = "starttls"'),
        ({}, {"starttls": False, "username": None, "password": None}, "sender", "wants STARTTLS"),
        ({"refused_senders": {"edge@example.org"}}, {}, "sender", "check email.from"),
        ({"refused_recipients": {"ann@example.org"}}, {}, "recipient", "refuses ann@example.org (550"),
        ({"later_recipients": {"ann@example.org"}}, {}, "recipient", "greylisting"),
        ({"answers": ["552 5.3.4 message too big"]}, {}, "message", "too large"),
        ({"answers": ["550 5.7.1 looks like spam"]}, {}, "message", "refuses the mail (550 5.7.1 looks like spam)"),
    ],
)
def test_each_fault_is_named_at_its_step(
    edge: Edge,
    server: MailServer,
    tmp_path: Path,
    server_is: dict[str, Any],
    given: dict[str, Any],
    step: str,
    said: str,
) -> None:
    for name, value in server_is.items():
        setattr(server, name, value)
    server.start()
    config = write(tmp_path, server, **{**given, **({"port": free_port()} if "port" in given else {})})
    found = steps(edge, config)
    assert [name for name, ok, _ in found if not ok] == [step], found
    assert found[-1][0] == step
    assert said in found[-1][2]
    assert "\n" not in found[-1][2]
    assert server.mails == []


def test_one_recipient_who_is_refused_does_not_keep_the_mail_from_the_others(
    edge: Edge, server: MailServer, tmp_path: Path
) -> None:
    server.refused_recipients = {"bob@example.org"}
    server.start()
    found = steps(edge, write(tmp_path, server, to=["bob@example.org", "ann@example.org"]))
    assert [ok for name, ok, _ in found if name in ("recipient", "message")] == [False, True, True]
    assert server.recipients == [["ann@example.org"]]


def test_a_server_that_says_nothing_is_left_in_time(edge: Edge, server: MailServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = steps(edge, write(tmp_path, server, port=silent.getsockname()[1]))
    assert found[-1][:2] == ("connection", False)
    assert "timed out" in found[-1][2]


def test_a_server_that_hangs_up_is_told_as_such(edge: Edge, server: MailServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            for _ in range(2):
                listening.accept()[0].close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        found = steps(edge, write(tmp_path, server, port=listening.getsockname()[1]))
        thread.join(5)
    assert found[-1][:2] == ("connection", False)


def test_without_a_mail_server_or_with_a_bad_address_it_is_the_users_mistake(
    edge: Edge, server: MailServer, tmp_path: Path
) -> None:
    config = write(tmp_path, server)
    done = edge("email", "test", "--config", config, "--to", "nobody")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "name@example.org" in done.err
    config.write_text('[[camera]]\nname = "porch"\nsource = "synthetic:"\n')
    done = edge("email", "test", "--config", config)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "no mail server is configured" in done.err


@pytest.mark.parametrize(
    ("host", "said", "words"),
    [
        ("smtp.gmail.com", "535 5.7.8 Username and Password not accepted", "myaccount.google.com/apppasswords"),
        ("relay.example.org", "535-5.7.8 see https://support.google.com - gsmtp", "myaccount.google.com/apppasswords"),
        ("smtp.mail.yahoo.com", "535 5.7.0 (#AUTH005) Too many bad auth attempts", "Yahoo wants an app password"),
        ("smtp.mail.me.com", "535 5.7.8 Error: authentication failed", "iCloud wants an app password"),
        ("mail.gmx.net", "535 Authentication credentials invalid", "POP3/IMAP access"),
        ("smtp.example.org", "535 no", "check email.username and password"),
    ],
)
def test_the_advice_on_a_login_is_that_of_the_provider(host: str, said: str, words: str) -> None:
    assert words in login_advice(EmailSettings(host, "a@b", ("c@d",)), said)


def test_a_trial_without_a_mail_stops_before_the_login(server: MailServer) -> None:
    server.start()
    settings = EmailSettings("127.0.0.1", "a@b", ("c@d",), port=server.port, username="no", password="no", ca=server.ca)
    found = list(probe.probe(settings, send=False, now=0.0))
    assert [step.name for step in found] == ["name", "connection", "encryption", "certificate"]
    assert all(step.ok for step in found)
