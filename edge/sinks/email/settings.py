"""What the email sink is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

SMTPS_PORT = 465
"""RFC 8314: TLS from the first byte; every other port begins in the clear and upgrades by STARTTLS."""


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Where mail is handed in, and what goes into it; times in seconds.

    sender: the From address (`email.from` in the configuration)
    to: who gets the alerts
    starttls: required then: a server that does not offer it gets neither the password nor the mail
    ca: of the server's certificate, where the system does not know it
    throttle: a camera sends one mail in this time; what it holds back is told in the next
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
    ca: Path | None = None
    throttle: float = 60.0
    timeout: float = 15.0
    session: float = 60.0
    recipient: float = 10.0
    back_off: tuple[float, float] = (2.0, 60.0)
    waiting: int = 50

    @property
    def longest(self) -> float:
        """Seconds after which a session that is still getting in, or at the same mail, is cut."""
        return self.session + self.recipient * len(self.to)

    @property
    def address(self) -> str:
        """host:port, for people."""
        return f"{self.host}:{self.port}"
