"""Whose packed models are let in: Ed25519 public keys in PEM, as `openssl pkey -pubout` writes them.

Once there is any, a packed file must be signed by one of them. What cannot be read in a folder of keys is an error, and
never passed over: a key that is silently left out would open the door that it was to keep shut.

Source: RFC 8410, section 4 (SubjectPublicKeyInfo of an Ed25519 key: 12 bytes that never change, then the 32 of the
key); RFC 7468 (PEM).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ModelError, StorageError, UserError
from edge.models.packed.signing import verifier
from edge.paths import read_bounded, write_whole

SYSTEM = Path("/etc/edge/keys")
"""The keys of the machine: root puts them there, and no user's environment takes them away."""
PREFIX = bytes.fromhex("302a300506032b6570032100")
KEY_BYTES = 32
MOST_BYTES = 1 << 16
"""Of a file with a key; one has about 113 bytes."""
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----")


@dataclass(frozen=True, slots=True)
class Key:
    """A trusted key. raw: its 32 bytes."""

    path: Path
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """Of the key, see `fingerprint`."""
        return fingerprint(self.raw)


def fingerprint(raw: bytes) -> str:
    """sha256 of a public key's DER, lower-case hex: `openssl pkey -pubin -in KEY.pem -outform DER | sha256sum`."""
    return hashlib.sha256(PREFIX + raw).hexdigest()


def keys() -> tuple[Key, ...]:
    """All trusted keys: of the machine and of this user.

    Raises:
        ModelError: a folder of keys or a file in one cannot be read, or is no public key, or is not called `*.pem`.
    """
    return tuple(Key(path, read_key(path)) for folder in _folders() for path in _files(folder))


def trusted() -> tuple[bytes, ...]:
    """The 32 bytes of each, for `edge.models.packed.read`; empty where any packed file is let in. Raises as `keys`."""
    return tuple(key.raw for key in keys())


def read_key(path: Path) -> bytes:
    """The 32 bytes of a public key in PEM. ModelError in one line where it is none, or cannot be read."""
    try:
        return _parsed(read_bounded(path, MOST_BYTES), path)
    except OSError as fault:
        raise ModelError(
            f"{path}: a trusted key that cannot be read: {fault.strerror or fault}; "
            f"until that is mended no packed model is loaded"
        ) from None


def add(path: Path) -> Key:
    """Trust a key: copy it to where this user's keys are, for root the machine's.

    Raises:
        ModelError: the file is no public key, or another one has its name already.
        MissingError: the package that verifies signatures is not here: no packed model would be let in any more.
        StorageError: it cannot be written.
    """
    try:
        raw = _parsed(read_bounded(path, MOST_BYTES), path)
    except OSError as fault:
        raise ModelError(f"{path}: no public key: {fault.strerror or fault}") from None
    verifier(wanted=True)
    target = _own_folder() / f"{path.stem}.pem"
    if os.path.lexists(target) and read_key(target) != raw:
        raise ModelError(f"{target} is another key: remove it first, or give the file another name")
    text = base64.encodebytes(PREFIX + raw).decode()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n".encode())
        if target.parent == SYSTEM:  # for the service, whatever root's umask is
            SYSTEM.chmod(0o755)
            target.chmod(0o644)
    except OSError as fault:
        raise StorageError(f"{target}: cannot be written: {fault.strerror or fault}") from None
    return Key(target, raw)


def remove(name: str) -> Path:
    """Trust a key no longer: it is known by its file's name, with or without `.pem`.

    Raises:
        UserError: no such key.
        StorageError: it may not be removed by this user.
    """
    plain = name.removesuffix(".pem")
    there = [path for folder in _folders() for path in _files(folder)]
    path = next((path for path in there if path.stem == plain), None)
    if path is None:
        known = ", ".join(path.stem for path in there) or "none is"
        raise UserError(f"no key called {plain} is trusted; trusted: {known}")
    try:
        path.unlink()
    except OSError as fault:
        raise StorageError(f"{path}: cannot be removed: {fault.strerror}") from None
    return path


def _folders() -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folder for folder in (SYSTEM, _users()) if folder is not None))


def _users() -> Path | None:
    own = os.environ.get("EDGE_KEYS")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CONFIG_HOME")
    home = os.environ.get("HOME")
    return Path(base) / "edge" / "keys" if base else Path(home) / ".config" / "edge" / "keys" if home else None


def _own_folder() -> Path:
    users = _users()
    if os.environ.get("EDGE_KEYS") and users is not None:
        return users
    if os.geteuid() == 0 or users is None:
        return SYSTEM
    return users


def _files(folder: Path) -> Iterator[Path]:
    if _absent(folder):
        return
    try:
        names = sorted(folder.iterdir())
    except OSError as fault:
        nowhere = isinstance(fault, FileNotFoundError)
        raise ModelError(
            f"{folder}: the trusted keys cannot be read: {'a link leads nowhere' if nowhere else fault.strerror}; "
            f"until that is mended no packed model is loaded"
        ) from None
    for path in names:
        if path.suffix == ".pem":
            yield path
        elif not path.name.startswith("."):  # such as the draft of a key that is being added
            raise ModelError(
                f"{path}: among the trusted keys, but not called NAME.pem: rename or move it; "
                f"until that is mended no packed model is loaded"
            )


def _absent(folder: Path) -> bool:
    """Whether there is surely no such folder: what it would lie in is a folder, and no link that leads nowhere."""
    for place in (folder, *folder.parents):
        try:
            # Some services have the home `/dev/null`.
            leads = stat.S_ISCHR(place.lstat().st_mode) or place.is_dir()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return False
        return place != folder and leads
    return True


def _parsed(content: bytes, path: Path) -> bytes:
    found = _PEM.findall(content)
    if any(b"PRIVATE" in label for label, _ in found):
        raise ModelError(f"{path}: a private key; trusting wants the public one: openssl pkey -in {path} -pubout")
    if len(found) != 1 or found[0][0] != b"PUBLIC KEY":
        raise ModelError(f"{path}: no public key in PEM; make one with `openssl pkey -in PRIVATE.pem -pubout`")
    try:
        der = base64.b64decode(b"".join(found[0][1].split()), validate=True)
    except (binascii.Error, ValueError):
        raise ModelError(f"{path}: a damaged key: it is not base64") from None
    if len(der) != len(PREFIX) + KEY_BYTES or not der.startswith(PREFIX):
        raise ModelError(f"{path}: a key of another kind; only Ed25519 is taken: openssl genpkey -algorithm ed25519")
    return der[len(PREFIX) :]
