"""What the email sink is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Literal, TypeAlias

from edge.hours import Hours
from edge.localtime import zone_of

SMTPS_PORT = 465
"""RFC 8314: TLS from the first byte; every other port begins in the clear and upgrades by STARTTLS."""

Security: TypeAlias = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What one group of recipients wants to hear of; an empty tuple leaves nothing out.

    modes: states of the alarm (`armed_away`, ...); `pending` and `triggered` always count
    quiet_hours: in which all but what is urgent is kept for their end
    pictures: attach them
    calls: kinds of activities that are mailed at once when they are sure, since somebody may need help
    calls_when: `always`: also while the alarm is off, and in every mode of it
    """

    cameras: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    quiet_hours: tuple[Hours, ...] = ()
    pictures: bool = True
    calls: tuple[str, ...] = ()
    calls_when: Literal["always", "armed"] = "always"


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Where mail is handed in, what goes into it, and who gets it; times in seconds.

    sender: the From address (`email.from` in the configuration)
    to: who gets the alerts, all of them in one mail
    starttls: required then: a server that does not offer it gets neither the password nor the mail
    security: how to encrypt; None follows from the port and `starttls`
    ca: of the server's certificate, where the system does not know it
    throttle: a camera sends one mail in this time; what it holds back is told in the next
    gather: how long a mail waits for better pictures of an object that is still there
    quiet_after: what was held back waits for this long without anything new, to be summed up; 0: it does not
    name: of the sink
    zone: in which the quiet hours hold and times are told
    page: address of the page that links lead to; None without one
    timeout: of each piece of an answer of the server
    session, recipient: what getting in may take, and each mail: so much, and more for each recipient
    back_off: shortest and longest pause after a fault
    waiting: mails that wait at most while the server is away; beyond that the oldest become part of later ones
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True
    security: Security | None = None
    ca: Path | None = None
    throttle: float = 60.0
    gather: float = 0.0
    quiet_after: float = 0.0
    rules: Rules = field(default_factory=Rules)
    name: str = "email"
    zone: tzinfo = field(default_factory=lambda: zone_of(None))
    page: str | None = None
    timeout: float = 15.0
    session: float = 60.0
    recipient: float = 10.0
    back_off: tuple[float, float] = (2.0, 60.0)
    waiting: int = 50

    @property
    def encryption(self) -> Security:
        """How the session is encrypted."""
        if self.security is not None:
            return self.security
        if self.port == SMTPS_PORT:
            return "tls"
        return "starttls" if self.starttls else "none"

    @property
    def longest(self) -> float:
        """Seconds after which a session that is still getting in, or at the same mail, is cut."""
        return self.session + self.recipient * len(self.to)

    @property
    def address(self) -> str:
        """host:port, for people."""
        return f"{self.host}:{self.port}"
