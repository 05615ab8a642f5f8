"""What went wrong with a mail server, why, and what to do about it, in words without passwords."""

from __future__ import annotations

import smtplib
import socket
import ssl

from edge.sinks.email.settings import SMTPS_PORT, EmailSettings
from edge.text import printable

AUTH_NEEDED = 530
_TOO_LARGE = 552
_FINAL = 500
_APP_PASSWORDS = (
    (("gmail", "google"), "Gmail", "myaccount.google.com/apppasswords, once 2-Step Verification is on"),
    (("yahoo", "aol."), "Yahoo", "the account's security settings"),
    (("icloud", "me.com", "apple"), "iCloud", "account.apple.com, under Sign-In and Security"),
    (("fastmail", "messagingengine"), "Fastmail", "Settings, Privacy & Security"),
    (("zoho",), "Zoho", "accounts.zoho.com, under Security"),
)
"""By what host or answer say: whose server it is, and where its app passwords are made."""
_MICROSOFTS = ("office365.com", "outlook.com", "hotmail.com", "live.com")
_MICROSOFT = (
    "Microsoft takes no passwords from programs for this account; an administrator of Microsoft 365 can allow "
    "SMTP AUTH for the mailbox, else take another provider for these mails"
)
_EXPIRED, _TOO_EARLY = 10, 9
_OTHER_NAME = (62, 64)
_UNKNOWN_ISSUER = (18, 19, 20, 21, 2)
"""X509_V_ERR_* of OpenSSL, see openssl-verification-options(1) and x509_vfy.h."""


def no_entry(settings: EmailSettings, fault: Exception) -> str:
    """Why there is no session with the server, and what to check."""
    where = settings.address
    if isinstance(fault, socket.gaierror):
        return f"the name {settings.host} is not known (DNS); {_name_advice(fault)}"
    if isinstance(fault, ConnectionRefusedError):
        return f"no mail server at {where} (connection refused); check email.host and email.port"
    if isinstance(fault, smtplib.SMTPAuthenticationError):
        reply = said(fault.smtp_code, fault.smtp_error)
        return f"{where} refuses the login ({reply}); {login_advice(settings, reply)}"
    if isinstance(fault, smtplib.SMTPNotSupportedError):
        what = "STARTTLS" if "STARTTLS" in str(fault) else "a login"
        advice = _MICROSOFT if settings.host.lower().endswith(_MICROSOFTS) else "check email.port and email.security"
        return f"{where} does not offer {what}, so nothing was sent; {advice}"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return (
            f"TLS: the certificate of {where} is not trusted ({fault.verify_message}); "
            f"{certificate_advice(fault.verify_code)}"
        )
    if isinstance(fault, ssl.SSLError):
        return f"TLS with {where} failed ({_tls_words(fault)}); {_tls_advice(settings, fault)}"
    if isinstance(fault, FileNotFoundError | PermissionError | IsADirectoryError):
        return f"TLS: {settings.ca} cannot be read; check email.ca"
    if isinstance(fault, TimeoutError):
        return f"{where} does not answer (timed out); {_silence_advice(settings)}"
    if isinstance(fault, smtplib.SMTPServerDisconnected):
        return f"{where} hangs up ({words(fault)}); check email.port: {_first_bytes(settings)}"
    if isinstance(fault, smtplib.SMTPResponseException):
        return f"{where} does not let us in ({said(fault.smtp_code, fault.smtp_error)})"
    return f"no session with {where} ({words(fault)}); check the network"


def no_delivery(settings: EmailSettings, fault: OSError | smtplib.SMTPException) -> tuple[str, bool]:
    """Why the server did not take a mail, and whether trying it again is of little use."""
    where = settings.address
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in fault.recipients.values()]
        reply = said(*next(iter(fault.recipients.values())))
        final = min(codes) >= _FINAL
        advice = "check email.to" if final else "it asks to be tried again later (greylisting), which is done"
        return f"{where} refuses every recipient ({reply}); {advice}", final
    if not isinstance(fault, smtplib.SMTPResponseException):
        return f"connection to {where} lost while sending ({words(fault)})", False
    reply, final = said(fault.smtp_code, fault.smtp_error), fault.smtp_code >= _FINAL
    if fault.smtp_code == _TOO_LARGE:
        return f"{where} finds the mail too large ({reply}); take `pictures = false` in an [[email.recipient]]", final
    if not isinstance(fault, smtplib.SMTPSenderRefused):
        return f"{where} refuses the mail ({reply})", final
    if fault.smtp_code == AUTH_NEEDED and "STARTTLS" in reply.upper():
        return f"{where} wants STARTTLS ({reply}); set email.starttls = true", False
    if fault.smtp_code == AUTH_NEEDED:
        return f"{where} wants a login ({reply}); set email.username and password", False
    return f"{where} refuses the sender {settings.sender} ({reply}); check email.from", final


def too_slow(settings: EmailSettings) -> str:
    """The whole took too long, though bytes came."""
    return f"{settings.address} is too slow: it was not done within {settings.longest:.0f} s"


def login_advice(settings: EmailSettings, reply: str) -> str:
    """What to do about a refused login, by what the server says and whose it is."""
    heard, host = reply.lower(), settings.host.lower()
    if "5.7.139" in heard or "basic authentication is disabled" in heard:
        return _MICROSOFT
    for marks, whose, place in _APP_PASSWORDS:
        if any(mark in host for mark in marks) or ("gsmtp" in heard and whose == "Gmail"):
            return f"{whose} wants an app password, not your own: make one at {place}"
    if host.endswith((".gmx.net", ".gmx.com", ".web.de")):
        return "check email.username and password, and allow POP3/IMAP access in the mailbox's settings"
    if "application-specific password" in heard or "app password" in heard:
        return "make an app password in the account's security settings and set it as email.password"
    whole = "" if "@" in (settings.username or "@") else ", and the whole address as user name"
    return f"check email.username and password: many want an app password{whole}"


def certificate_advice(code: int) -> str:
    """What to do about a certificate that OpenSSL does not accept, by the number of its reason."""
    if code in (_EXPIRED, _TOO_EARLY):
        return "check this machine's clock (`timedatectl`); if that is right, the server's owner must renew it"
    if code in _OTHER_NAME:
        return "set email.host to a name that the certificate is for"
    if code in _UNKNOWN_ISSUER:
        return "if the server is yours, set email.ca to the certificate of its authority"
    return "check email.host and email.ca"


def words(fault: Exception) -> str:
    """A fault of the network in short."""
    if isinstance(fault, TimeoutError):
        return "timed out"
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault) or type(fault).__name__


def said(code: int, text: bytes | str) -> str:
    """A server's reply on one short line."""
    reply = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {printable(' '.join(reply.split())[:120])}"


def _name_advice(fault: socket.gaierror) -> str:
    if fault.errno == socket.EAI_AGAIN:
        return "no name server answers: check email.host and the network"
    return "there is no such name: check email.host and the network"


def _silence_advice(settings: EmailSettings) -> str:
    others = " or ".join(str(port) for port in (587, SMTPS_PORT) if port != settings.port)
    return f"check email.host; a firewall or the internet provider may block port {settings.port}: try {others}"


def _first_bytes(settings: EmailSettings) -> str:
    return "does it speak TLS from the start?" if settings.encryption != "tls" else "does it begin in the clear?"


def _tls_words(fault: ssl.SSLError) -> str:
    return (fault.reason or str(fault)).lower().replace("_", " ")


def _tls_advice(settings: EmailSettings, fault: ssl.SSLError) -> str:
    if settings.encryption == "tls" and fault.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return f'port {settings.port} begins in the clear: set email.security = "starttls", or email.port = 465'
    return "check email.port and email.security"
