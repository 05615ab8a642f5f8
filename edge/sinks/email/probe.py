"""A trial of the mail server, step by step, with the real cause where it ends: for people who set mail up."""

from __future__ import annotations

import secrets
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from edge.sinks.email import causes
from edge.sinks.email.deadline import Context, Deadline
from edge.sinks.email.letter import begin
from edge.sinks.email.server import MailError, connect, leave, log_in, tls_context
from edge.sinks.email.settings import EmailSettings

SHOWN = 3
"""Addresses of a name that are told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trial: what was tried, whether it went well, what was found, and what to do if it did not.

    name: `name`, `connection`, `encryption`, `certificate`, `login`, `sender`, `recipient` or `message`
    """

    name: str
    ok: bool
    found: str


def probe(settings: EmailSettings, *, send: bool, now: float, node: str = "edge") -> Iterator[Step]:
    """Each step once it is done; the last one is the first that failed.

    A recipient who is refused does not keep the mail from the others.

    Args:
        send: log in and send a mail to `settings.to`; else only get as far as without a login
        now: Unix time
        node: this device's name, for the mail
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as fault:
        yield Step("name", False, causes.no_entry(settings, fault))
        return
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    yield Step("name", True, f"{settings.host} is {', '.join(addresses[:SHOWN])}")
    with closing(Deadline(settings.longest)) as deadline:
        yield from _from_connection(settings, deadline, send=send, now=now, node=node)


def _from_connection(
    settings: EmailSettings, deadline: Deadline, *, send: bool, now: float, node: str
) -> Iterator[Step]:
    try:
        context = tls_context(settings, deadline)
    except OSError as fault:
        yield Step("encryption", False, causes.no_entry(settings, fault))
        return
    try:
        server = connect(settings, deadline, context)
    except (OSError, smtplib.SMTPException) as fault:
        if isinstance(fault, ssl.SSLError):
            yield Step("connection", True, f"{settings.address} answers")
        yield _failed(_step_of(fault, "connection"), settings, deadline, fault)
        return
    try:
        yield Step("connection", True, f"{settings.address} answers")
        for step in _inside(server, settings, deadline, context, send=send, now=now, node=node):
            yield step
            if not step.ok and step.name != "recipient":
                return
    finally:
        leave(server)


def _inside(
    server: smtplib.SMTP,
    settings: EmailSettings,
    deadline: Deadline,
    context: Context,
    *,
    send: bool,
    now: float,
    node: str,
) -> Iterator[Step]:
    step = "encryption"
    try:
        if settings.encryption == "starttls":
            server.starttls(context=context)
        yield from _encryption(server)
        step = "login"
        if send and settings.username is not None:
            log_in(server, settings)
            yield Step(step, True, f"{settings.username} may send")
    except (OSError, smtplib.SMTPException, MailError) as fault:
        yield _failed(_step_of(fault, step), settings, deadline, fault)
        return
    if send:
        deadline.restart(settings.longest)
        yield from _mail(server, settings, deadline, now, node)


def _encryption(server: smtplib.SMTP) -> Iterator[Step]:
    line = server.sock
    if not isinstance(line, ssl.SSLSocket):
        yield Step("encryption", True, "none: the mail and the password can be read on the way")
        return
    yield Step("encryption", True, f"{line.version()}")
    certificate: dict[str, Any] = dict(line.getpeercert() or {})
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    who = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    yield Step("certificate", True, f"by {who}, until {_date(certificate.get('notAfter'))}")


def _date(text: str | None) -> str:
    if text is None:
        return "an unknown day"
    day = datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc)
    return f"{day.day} {day:%B %Y}"


def _mail(server: smtplib.SMTP, settings: EmailSettings, deadline: Deadline, now: float, node: str) -> Iterator[Step]:
    mail = begin(settings, f"Test from edge on {node}", now)
    mail["Message-ID"] = f"<test-{secrets.token_hex(8)}@{node}.edge.invalid>"
    mail.set_content(f"Mail from edge on {node} arrives. Nothing has happened; somebody asked for this test.\n")
    text = mail.as_bytes()
    step = "sender"
    try:
        server.ehlo_or_helo_if_needed()
        options = [f"size={len(text)}"] if server.has_extn("size") else []
        sender = _bare(settings.sender)
        code, reply = server.mail(sender, options)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, reply, sender)
        yield Step(step, True, sender)
        step, accepted = "recipient", 0
        for to in map(_bare, settings.to):
            code, reply = server.rcpt(to)
            accepted += code in (250, 251)
            yield _recipient(settings, to, code, reply)
        if not accepted:
            return
        step = "message"
        code, reply = server.data(text)
        if code != 250:
            raise smtplib.SMTPDataError(code, reply)
        yield Step(step, True, f"accepted ({causes.said(code, reply)}); look into the spam folder as well")
    except (OSError, smtplib.SMTPException) as fault:
        late = deadline.expired
        yield Step(step, False, causes.too_slow(settings) if late else causes.no_delivery(settings, fault)[0])


def _recipient(settings: EmailSettings, to: str, code: int, reply: bytes) -> Step:
    if code in (250, 251):
        return Step("recipient", True, to)
    if code >= 500:
        advice = "check email.to; many servers relay only for those who have logged in"
    else:
        advice = "it asks to be tried again later (greylisting): alerts are; repeat this test in some minutes"
    return Step("recipient", False, f"{settings.address} refuses {to} ({causes.said(code, reply)}); {advice}")


def _failed(step: str, settings: EmailSettings, deadline: Deadline, fault: Exception) -> Step:
    if isinstance(fault, MailError):
        return Step(step, False, str(fault))
    silent = isinstance(fault, (smtplib.SMTPServerDisconnected, TimeoutError)) and step == "connection"
    if silent and settings.encryption != "tls" and _speaks_tls(settings):
        advice = 'set email.port = 587, or email.security = "tls"'
        return Step(step, False, f"{settings.address} speaks TLS from the start; {advice}")
    if deadline.expired:
        return Step(step, False, causes.too_slow(settings))
    return Step(step, False, causes.no_entry(settings, fault))


def _step_of(fault: Exception, step: str) -> str:
    """A fault of TLS is told as such, wherever it came up."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return "certificate"
    return "encryption" if isinstance(fault, ssl.SSLError) else step


def _speaks_tls(settings: EmailSettings) -> bool:
    """Whether a port that says nothing in the clear waits for a TLS handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent to whoever that is
    with suppress(OSError):
        line = socket.create_connection((settings.host, settings.port), settings.timeout)
        with line, context.wrap_socket(line, server_hostname=settings.host):
            return True
    return False


def patient(settings: EmailSettings, timeout: float) -> EmailSettings:
    """The same, with so many seconds for each answer: somebody sits and waits."""
    return replace(settings, timeout=timeout)


def _bare(address: str) -> str:
    return smtplib.quoteaddr(address)[1:-1]
