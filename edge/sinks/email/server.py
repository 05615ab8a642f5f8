"""The mail server: getting in, and handing over one mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage

from edge.errors import PartError
from edge.sinks.email import causes
from edge.sinks.email.deadline import Context, Deadline, Server
from edge.sinks.email.settings import EmailSettings


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


@dataclass(frozen=True, slots=True)
class Refusals:
    """Who did not get a mail that others got.

    later: the server asks to try these again
    words: what it said, one line; empty if everybody got it
    """

    later: tuple[str, ...] = ()
    words: str = ""


@contextmanager
def entered(settings: EmailSettings) -> Iterator[Session]:
    """A session with the server, encrypted and logged in as the settings ask. Raises MailError."""
    with closing(Deadline(settings.longest)) as deadline:
        server = _enter(settings, deadline)
        try:
            yield Session(server, deadline)
        finally:
            leave(server)


def _enter(settings: EmailSettings, deadline: Deadline) -> smtplib.SMTP:
    server: smtplib.SMTP | None = None
    try:
        context = tls_context(settings, deadline)
        server = connect(settings, deadline, context)
        if settings.encryption == "starttls":
            server.starttls(context=context)
        if settings.username is not None:
            log_in(server, settings)
    except (OSError, smtplib.SMTPException, MailError) as fault:
        if server is not None:
            server.close()
        if isinstance(fault, MailError):
            raise
        late = deadline.expired
        raise MailError(causes.too_slow(settings) if late else causes.no_entry(settings, fault)) from fault
    return server


def leave(server: smtplib.SMTP) -> None:
    """End a session, with a word if that is possible."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def connect(settings: EmailSettings, deadline: Deadline, context: ssl.SSLContext) -> smtplib.SMTP:
    """A server that has greeted us, over TLS already where that is wanted from the first byte.

    Raises OSError where it cannot be reached, smtplib.SMTPException where its greeting is none.
    """
    if settings.encryption == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    return Server(deadline, settings.host, settings.port, settings.timeout)


def tls_context(settings: EmailSettings, deadline: Deadline) -> Context:
    """What a certificate has to satisfy. Raises OSError if `ca` cannot be read."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.deadline = deadline
    context.load_default_certs()
    if settings.ca is not None:
        context.load_verify_locations(settings.ca)
    return context


def log_in(server: smtplib.SMTP, settings: EmailSettings) -> None:
    """Log in with the settings' user name and password. Raises OSError, SMTPException, MailError."""
    try:
        server.login(settings.username or "", settings.password or "")
    except UnicodeEncodeError:
        # The exception quotes the password: it must not be chained to what may reach a log.
        raise MailError(
            "the user name or the password of email has characters that this server's login cannot take; "
            "choose one of ASCII characters alone"
        ) from None


def hand_over(session: Session, mail: EmailMessage, settings: EmailSettings, *, some_have_it: bool = False) -> Refusals:
    """Send one mail; whoever is not among the refusals has it when this returns: the server has said 250.

    Args:
        some_have_it: others than `settings.to` got this mail before, so that it is no fault of the mail if none of
            these gets it now

    Raises:
        MailError: nobody got it.
    """
    session.deadline.restart(settings.longest)
    try:
        refused = session.server.send_message(mail, settings.sender, settings.to)
    except smtplib.SMTPRecipientsRefused as fault:
        if session.deadline.expired or not some_have_it:
            raise _not_delivered(session, settings, fault) from fault
        refused = fault.recipients
    except (OSError, smtplib.SMTPException) as fault:
        raise _not_delivered(session, settings, fault) from fault
    later = tuple(who for who, (code, _) in refused.items() if code < 500)
    told = (f"{settings.address} refuses {who} ({causes.said(*why)})" for who, why in refused.items())
    return Refusals(later, "; ".join(told))


def _not_delivered(session: Session, settings: EmailSettings, fault: OSError | smtplib.SMTPException) -> MailError:
    # Half an answer, cut off, looks like one: what it seems to say counts for nothing then.
    if session.deadline.expired:
        return MailError(causes.too_slow(settings))
    text, final = causes.no_delivery(settings, fault)
    return MailError(text, final=final)
