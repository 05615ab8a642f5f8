"""Where the page listens and which names it answers to."""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UserError

PACKAGES = ("starlette", "uvicorn", "jinja2")
"""What the extra `web` brings."""


def absent_packages() -> list[str]:
    """What of it is not installed; asked without importing any of it."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The `[web]` table, once the schema has let it pass: whether a bind beyond loopback is wanted is decided there.

    Who embeds the page, as the tests do, may also give what the schema does not: port 0 takes a free one, and key is
    None if it lies in the cert's file.

    host: address or name to bind; `0.0.0.0` or `::` is every address of the machine
    cert, key: PEM files; with a certificate the page speaks TLS only
    allowed_hosts: more names under which the page may be asked for, e.g. the one of a reverse proxy
    metrics: serve `/metrics`, to anybody who can reach the port
    """

    host: str = "127.0.0.1"
    port: int = 8099
    cert: Path | None = None
    key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    metrics: bool = False

    @property
    def wildcard(self) -> bool:
        """True if it listens on every address."""
        return self.host in ("", "0.0.0.0", "::")  # noqa: S104 - a comparison, not a bind

    def check(self) -> None:
        """Refuse a certificate that cannot be used. Raises UserError, one line with what to do."""
        if self.cert is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key)
        except FileNotFoundError:
            missing = self.cert if not self.cert.exists() else self.key
            raise UserError(f"web.cert or web.key: there is no file {missing}") from None
        except OSError as fault:  # an SSLError is one
            raise UserError(
                f"web.cert {self.cert} cannot be used ({fault.strerror or fault}): it and web.key must be PEM files "
                "that belong together, readable by this user"
            ) from None

    def answers_to(self, name: str) -> bool:
        """Whether a request's Host (no port, no brackets) is ours; a page under another name is DNS rebinding.

        An attacker's page can bring only its own name here, never a bare address: with a wildcard bind any is fine.
        """
        name = name.lower().rstrip(".")
        machine = socket.gethostname().lower()
        known = {"localhost", self.host.lower(), machine, f"{machine.partition('.')[0]}.local"}
        if name in known or name in {host.lower() for host in self.allowed_hosts}:
            return bool(name)
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.wildcard or address.is_loopback

    def url(self, port: int, path: str = "/") -> str:
        """The address for a browser; a wildcard bind is named by the machine's own name."""
        host = socket.gethostname() if self.wildcard else self.host
        return f"http{'s' if self.cert else ''}://{f'[{host}]' if ':' in host else host}:{port}{path}"
