"""The mail server: getting in, handing over one mail, and what can go wrong, in words without passwords."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from edge.errors import PartError
from edge.sinks.email.settings import SMTPS_PORT, EmailSettings

_AUTH_NEEDED = 530


class MailError(PartError):
    """A mail could not be handed over; `str()` is the line for the sink's state.

    final: the server will not have this very mail (5xx), trying again is of little use
    """

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.final = final


@contextmanager
def entered(settings: EmailSettings) -> Iterator[smtplib.SMTP]:
    """A session with the server, encrypted and logged in as the settings ask. Raises MailError."""
    context = ssl.create_default_context()
    server: smtplib.SMTP | None = None
    try:
        if settings.ca is not None:
            context.load_verify_locations(settings.ca)
            # Certificates that people make at home lack the extensions that Python 3.13 asks for.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if settings.port == SMTPS_PORT:
            server = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
            if settings.starttls:
                server.starttls(context=context)
        if settings.username is not None:
            server.login(settings.username, settings.password or "")
    except (OSError, smtplib.SMTPException) as fault:
        if server is not None:
            server.close()
        raise MailError(_no_entry(settings, fault)) from fault
    try:
        yield server
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()


def hand_over(server: smtplib.SMTP, mail: EmailMessage, settings: EmailSettings) -> str | None:
    """Send one mail; it is delivered when this returns: the server has said 250.

    Returns what is wrong where some recipients were refused and others not, else None. Raises MailError.
    """
    try:
        refused = server.send_message(mail, settings.sender, settings.to)
    except smtplib.SMTPRecipientsRefused as fault:
        codes = [code for code, _ in fault.recipients.values()]
        code, text = next(iter(fault.recipients.values()))
        said = _said(code, text)
        raise MailError(
            f"{settings.address} refuses every recipient ({said}); check email.to", final=min(codes) >= 500
        ) from fault
    except smtplib.SMTPSenderRefused as fault:
        said = _said(fault.smtp_code, fault.smtp_error)
        if fault.smtp_code == _AUTH_NEEDED and "STARTTLS" in said.upper():
            raise MailError(f"{settings.address} wants STARTTLS ({said}); set email.starttls = true") from fault
        if fault.smtp_code == _AUTH_NEEDED:
            raise MailError(f"{settings.address} wants a login ({said}); set email.username and password") from fault
        raise MailError(
            f"{settings.address} refuses the sender {settings.sender} ({said}); check email.from",
            final=fault.smtp_code >= 500,
        ) from fault
    except smtplib.SMTPResponseException as fault:
        said = _said(fault.smtp_code, fault.smtp_error)
        raise MailError(f"{settings.address} refuses the mail ({said})", final=fault.smtp_code >= 500) from fault
    except (OSError, smtplib.SMTPException) as fault:
        raise MailError(f"connection to {settings.address} lost while sending ({_words(fault)})") from fault
    if not refused:
        return None
    return "; ".join(f"{settings.address} refuses {who} ({_said(*why)})" for who, why in refused.items())


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
