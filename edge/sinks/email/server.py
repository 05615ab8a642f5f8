"""The mail server: getting in, handing over one mail, and what can go wrong, in words without passwords."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage

from edge.errors import PartError
from edge.sinks.email.deadline import Context, Deadline, Server
from edge.sinks.email.settings import SMTPS_PORT, EmailSettings

_AUTH_NEEDED = 530


class MailError(PartError):
    """A mail could not be handed over; `str()` is the line for the sink's state.

    final: the server will not have this very mail (5xx), trying again is of little use
    """

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.final = final


@dataclass(frozen=True, slots=True)
class Session:
    """A server that has let us in, and the time that each mail may take."""

    server: smtplib.SMTP
    deadline: Deadline


@contextmanager
def entered(settings: EmailSettings) -> Iterator[Session]:
    """A session with the server, encrypted and logged in as the settings ask. Raises MailError."""
    with closing(Deadline(settings.longest)) as deadline:
        server = _enter(settings, deadline)
        try:
            yield Session(server, deadline)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()


def _enter(settings: EmailSettings, deadline: Deadline) -> smtplib.SMTP:
    server: smtplib.SMTP | None = None
    try:
        context = _tls_context(settings, deadline)
        if settings.port == SMTPS_PORT:
            server = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
        else:
            server = Server(deadline, settings.host, settings.port, settings.timeout)
            if settings.starttls:
                server.starttls(context=context)
        if settings.username is not None:
            _log_in(server, settings.username, settings)
    except (OSError, smtplib.SMTPException, MailError) as fault:
        if server is not None:
            server.close()
        if isinstance(fault, MailError):
            raise
        raise MailError(_too_slow(settings) if deadline.expired else _no_entry(settings, fault)) from fault
    return server


def _tls_context(settings: EmailSettings, deadline: Deadline) -> Context:
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.deadline = deadline
    context.load_default_certs()
    if settings.ca is not None:
        context.load_verify_locations(settings.ca)
    return context


def _log_in(server: smtplib.SMTP, username: str, settings: EmailSettings) -> None:
    try:
        server.login(username, settings.password or "")
    except UnicodeEncodeError:
        # The exception quotes the password: it must not be chained to what may reach a log.
        raise MailError(
            "the user name or the password of email has characters that this server's login cannot take; "
            "choose one of ASCII characters alone"
        ) from None


def hand_over(session: Session, mail: EmailMessage, settings: EmailSettings) -> str | None:
    """Send one mail; it is delivered when this returns: the server has said 250.

    Returns what is wrong where some recipients were refused and others not, else None. Raises MailError.
    """
    session.deadline.restart(settings.longest)
    try:
        refused = session.server.send_message(mail, settings.sender, settings.to)
    except (OSError, smtplib.SMTPException) as fault:
        # Half an answer, cut off, looks like one: what it seems to say counts for nothing then.
        late = session.deadline.expired
        raise (MailError(_too_slow(settings)) if late else _no_delivery(settings, fault)) from fault
    if not refused:
        return None
    return "; ".join(f"{settings.address} refuses {who} ({_said(*why)})" for who, why in refused.items())


def _no_delivery(settings: EmailSettings, fault: OSError | smtplib.SMTPException) -> MailError:
    where = settings.address
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in fault.recipients.values()]
        said = _said(*next(iter(fault.recipients.values())))
        return MailError(f"{where} refuses every recipient ({said}); check email.to", final=min(codes) >= 500)
    if not isinstance(fault, smtplib.SMTPResponseException):
        return MailError(f"connection to {where} lost while sending ({_words(fault)})")
    said, final = _said(fault.smtp_code, fault.smtp_error), fault.smtp_code >= 500
    if not isinstance(fault, smtplib.SMTPSenderRefused):
        return MailError(f"{where} refuses the mail ({said})", final=final)
    if fault.smtp_code == _AUTH_NEEDED and "STARTTLS" in said.upper():
        return MailError(f"{where} wants STARTTLS ({said}); set email.starttls = true")
    if fault.smtp_code == _AUTH_NEEDED:
        return MailError(f"{where} wants a login ({said}); set email.username and password")
    return MailError(f"{where} refuses the sender {settings.sender} ({said}); check email.from", final=final)


def _too_slow(settings: EmailSettings) -> str:
    return f"{settings.address} is too slow: it was not done within {settings.longest:.0f} s"


def _no_entry(settings: EmailSettings, fault: Exception) -> str:
    where = settings.address
    if isinstance(fault, socket.gaierror):
        return f"the name {settings.host} is not known (DNS); check email.host and the network"
    if isinstance(fault, ConnectionRefusedError):
        return f"no mail server at {where} (connection refused); check email.host and email.port"
    if isinstance(fault, smtplib.SMTPAuthenticationError):
        said = _said(fault.smtp_code, fault.smtp_error)
        return f"{where} refuses the login ({said}); check email.username and password: many want an app password"
    if isinstance(fault, smtplib.SMTPNotSupportedError):
        what = "STARTTLS" if "STARTTLS" in str(fault) else "a login"
        return f"{where} does not offer {what}, so nothing was sent; check email.port and email.starttls"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"TLS: the certificate of {where} is not trusted ({fault.verify_message})"
    if isinstance(fault, ssl.SSLError):
        return f"TLS with {where} failed ({fault.reason or fault}); check email.port and email.starttls"
    if isinstance(fault, FileNotFoundError | PermissionError | IsADirectoryError):
        return f"TLS: {settings.ca} cannot be read; check email.ca"
    if isinstance(fault, TimeoutError):
        return f"{where} does not answer (timed out)"
    if isinstance(fault, smtplib.SMTPResponseException):
        return f"{where} does not let us in ({_said(fault.smtp_code, fault.smtp_error)})"
    return f"no session with {where} ({_words(fault)})"


def _words(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "timed out"
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault) or type(fault).__name__


def _said(code: int, text: bytes | str) -> str:
    """A server's reply on one short line."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())[:120]}"
