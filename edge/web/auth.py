"""One owner, one password: the first token, scrypt, and sessions that outlive a restart.

Everything is in `web.json` (0600) of the data folder. Deleting that file and restarting forgets the password and all
sessions, and prints a new first token: whoever can do that owns the device. Nothing in it lets a reader log in:
sessions are stored as SHA-256 of 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import secrets
import tempfile
import threading
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.errors import StorageError

SHORTEST = 8
LONGEST = 200
SESSION_S = 30 * 86400.0
COST = (2**13, 8, 2)
"""n, r, p of scrypt (RFC 7914) for new passwords: 8 MiB for an instant, which a 512 MB board has."""
SESSIONS = 20
"""Sessions kept; a further login ends the oldest."""


@dataclass(frozen=True, slots=True)
class Hash:
    """A password as stored, with the cost it was hashed at."""

    salt: bytes
    digest: bytes
    n: int
    r: int
    p: int

    @staticmethod
    def of(password: str) -> Hash:
        """Hash a new password with a new salt."""
        salt = secrets.token_bytes(16)
        return Hash(salt, _scrypt(password, salt, *COST), *COST)

    def fits(self, password: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.digest, _scrypt(password, self.salt, self.n, self.r, self.p))


class Auth:
    """Who may come in. Thread-safe; the slow calls (`set_first`, `verify`, `change`) hash one password at a time."""

    def __init__(self, data: Path, clock: Clock) -> None:
        """Read `data/web.json`. Raises StorageError if it is damaged or cannot be read."""
        self._file = data / "web.json"
        self._clock = clock
        self._lock = threading.Lock()
        self._hashing = threading.Lock()
        self._hash, self._sessions = _load(self._file)
        self._first = None if self._hash else secrets.token_urlsafe(16)

    def first_token(self) -> str | None:
        """What the owner needs to set the first password; new at each start, None once a password is set."""
        return self._first

    def set_first(self, token: str, password: str) -> bool:
        """Set the first password; False if the token is not the one, or was used. Raises StorageError."""
        with self._hashing:
            if self._first is None or not hmac.compare_digest(self._first.encode(), token.encode()):
                return False
            self._store(Hash.of(password), {})
            self._first = None
            return True

    def verify(self, password: str) -> bool:
        """Whether this is the password."""
        with self._hashing:
            return self._hash is not None and self._hash.fits(password)

    def change(self, password: str) -> None:
        """Set another password and end every session, also those that a thief holds. Raises StorageError."""
        with self._hashing:
            self._store(Hash.of(password), {})

    def enter(self) -> str:
        """Open a session; returns its secret for the cookie. Raises StorageError."""
        secret = secrets.token_urlsafe(32)
        now = self._clock.wall()
        with self._lock:
            alive = sorted(self._alive(now).items(), key=lambda item: item[1])[1 - SESSIONS :]
            self._write(self._hash, {**dict(alive), _key(secret): now + SESSION_S})
        return secret

    def knows(self, secret: str) -> bool:
        """Whether a cookie's secret is an open session. Cheap; asked on each request and during streams."""
        # No lock: the dict is replaced, never changed, and whoever writes may be waiting for a slow card.
        return self._sessions.get(_key(secret), 0.0) > self._clock.wall()

    def age(self, secret: str) -> float:
        """Seconds since the password was given for an open session; infinite for one that is none, and where it would
        have been given in the future: the clock was ahead then, and nobody knows for how long."""
        until = self._sessions.get(_key(secret), -math.inf)
        age = SESSION_S - (until - self._clock.wall())
        return age if age >= 0 else math.inf

    def renew(self, secret: str) -> None:
        """The password was given again: the session begins anew. Raises StorageError."""
        with self._lock:
            alive = self._alive(self._clock.wall())
            if _key(secret) in alive:
                self._write(self._hash, {**alive, _key(secret): self._clock.wall() + SESSION_S})

    def mark(self) -> str:
        """A cookie for a browser that was let in, by which it is known again when its session is long over; it opens
        nothing. It holds until another password is set."""
        name = secrets.token_hex(16)
        return f"{name}.{self._sign(name)}"

    def recognise(self, mark: str) -> str:
        """The name that `mark` gave to a browser, empty for a text that it did not give."""
        name, _, signed = mark.partition(".")
        return name if hmac.compare_digest(self._sign(name).encode(), signed.encode()) else ""

    def _sign(self, name: str) -> str:
        # What was hashed is random enough to be a key (a new salt with each password), and nobody reads it from a sign.
        key = self._hash.digest + self._hash.salt if self._hash else secrets.token_bytes(32)
        return hmac.new(key, f"edge browser {name}".encode(), hashlib.sha256).hexdigest()

    def leave(self, secret: str) -> None:
        """End a session. Raises StorageError."""
        with self._lock:
            alive = self._alive(self._clock.wall())
            if alive.pop(_key(secret), None) is not None:
                self._write(self._hash, alive)

    def _alive(self, now: float) -> dict[str, float]:
        return {key: until for key, until in self._sessions.items() if until > now}

    def _store(self, hashed: Hash, sessions: dict[str, float]) -> None:
        with self._lock:
            self._write(hashed, sessions)

    def _write(self, hashed: Hash | None, sessions: dict[str, float]) -> None:
        """On disk first: what the file does not say is not so in memory either."""
        _save(self._file, hashed, sessions)
        self._hash, self._sessions = hashed, sessions


def csrf_token(secret: str) -> str:
    """The token that a form must carry: derived from the cookie's secret, which another site cannot read."""
    return hmac.new(secret.encode(), b"edge csrf", hashlib.sha256).hexdigest()


def weakness(password: str) -> str | None:
    """Why a new password is refused, None if it is fine. Length is what counts (NIST SP 800-63B, 5.1.1)."""
    if len(password) < SHORTEST:
        return f"A password needs at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"A password may have at most {LONGEST} characters."
    if len(set(password)) < 4:
        return "This password repeats the same few characters."
    return None


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "backslashreplace")
    return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _load(file: Path) -> tuple[Hash | None, dict[str, float]]:
    try:
        held: Any = json.loads(file.read_text())
        word = held["password"]
        hashed = Hash(bytes.fromhex(word["salt"]), bytes.fromhex(word["scrypt"]), word["n"], word["r"], word["p"])
        return hashed, {str(key): float(until) for key, until in held["sessions"].items()}
    except FileNotFoundError:
        return None, {}
    except OSError as fault:
        raise StorageError(f"{file} cannot be read ({fault.strerror}): the page's password is in it") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StorageError(f"{file} is damaged: delete it and restart to set a new password for the page") from None


def _save(file: Path, hashed: Hash | None, sessions: dict[str, float]) -> None:
    """Write beside and rename: a power cut leaves the old file or the new one."""
    if hashed is None:
        raise StorageError(f"{file}: no session without a password")
    word = {"salt": hashed.salt.hex(), "scrypt": hashed.digest.hex(), "n": hashed.n, "r": hashed.r, "p": hashed.p}
    try:
        descriptor, name = tempfile.mkstemp(prefix=".web-", dir=file.parent)  # 0600 from the start
        try:
            with os.fdopen(descriptor, "w") as out:
                json.dump({"v": 1, "password": word, "sessions": sessions}, out)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise StorageError(f"{file} cannot be written ({fault.strerror}): make room in the data folder") from None
