"""A real mail server (aiosmtpd) on a free loopback port, with STARTTLS and AUTH, that a test can stop and start."""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as SmtpSession
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.support.broker import free_port

USERNAME, PASSWORD = "edge", "mail-pw"


class _Controller(Controller):
    """Knows its sessions, so that they can be cut: aiosmtpd would leave them open behind it."""

    def __init__(self, handler: object, **given: Any) -> None:
        self.sessions: list[SmtpSession] = []
        super().__init__(handler, **given)

    def factory(self) -> SmtpSession:
        """A session for a new connection."""
        session: SmtpSession = super().factory()
        self.sessions.append(session)
        return session

    async def cut(self) -> None:
        """Hang up on everybody."""
        for session in self.sessions:
            if session.transport is not None:
                session.transport.abort()
        await asyncio.sleep(0.02)


class MailServer:
    """Keeps what it accepts in `mails`. Set before `start`:

    starttls: offer STARTTLS and ask for it and for a login
    implicit: TLS from the first byte instead
    certificate: another one than a good one: `expired`, `other_name`
    later_recipients: who is refused for now (450)
    login_refusal: said to a wrong login
    answers: replies to the next DATA instead of 250, one by one
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answers: list[str] = []
        self.refused_recipients: set[str] = set()
        self.later_recipients: set[str] = set()
        self.refused_senders: set[str] = set()
        self.implicit = False
        self.starttls = True
        self.encrypted: list[bool] = []
        self.ca = folder / "mail-ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority = authority
        self.certificate = "good"
        self.login_refusal: str | None = None
        self._controller: _Controller | None = None

    def start(self) -> None:
        """Listen."""
        given: dict[str, Any] = {"authenticator": self._authenticate, "auth_require_tls": True}
        past = datetime(2001, 1, 1, tzinfo=timezone.utc) if self.certificate == "expired" else None
        name = "elsewhere.example.org" if self.certificate == "other_name" else "127.0.0.1"
        self._authority.issue_cert(name, not_after=past).configure_cert(self._context)
        if self.implicit:
            given |= {"ssl_context": self._context, "auth_require_tls": False}
        elif self.starttls:
            given |= {"tls_context": self._context, "require_starttls": True, "auth_required": True}
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port, **given)
        self._controller.start()

    def stop(self) -> None:
        """Go away: sessions are cut, connections refused from now on."""
        if self._controller is not None:
            asyncio.run_coroutine_threadsafe(self._controller.cut(), self._controller.loop).result(5)
            self._controller.stop()
            self._controller = None

    def _authenticate(
        self, server: SmtpSession, session: Session, envelope: Envelope, how: str, data: Any
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and data == LoginPassword(USERNAME.encode(), PASSWORD.encode())
        if not good and self.login_refusal is not None:
            return AuthResult(success=False, handled=False, message=self.login_refusal)
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender, or not."""
        if address in self.refused_senders:
            return "553 5.7.1 sender address rejected: not owned by user"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self.refused_recipients:
            return "550 5.1.1 no such user"
        if address in self.later_recipients:
            return "450 4.2.0 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SmtpSession, session: Session, envelope: Envelope) -> str:
        """Take a mail, or give the next of `answers`."""
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        self.encrypted.append(session.ssl is not None)
        return "250 OK"
