"""Ed25519 signatures of packed files (RFC 8032), by the package `cryptography`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from edge.engines.base import need, one_line
from edge.errors import UserError
from edge.models.packed.container import Sign, Verify
from edge.paths import read_bounded

ED25519 = "cryptography.hazmat.primitives.asymmetric.ed25519"
INSTALL = "pip install 'edge-runtime[sign]'"
KEY_FILE_BYTES = 1 << 16


def verifier(wanted: bool) -> Verify | None:
    """What checks signatures; None where it is not needed and the package is not here.

    Raises:
        MissingError: it is needed, because this device trusts only some keys, and the package is not here.
    """
    if not wanted and importlib.util.find_spec("cryptography") is None:
        return None
    if wanted:
        need(ED25519, INSTALL)

    def verify(key: bytes, signed: bytes, signature: bytes) -> bool:
        # Only now: 6 MB, which a file that nobody signed does not cost.
        keys, invalid = need(ED25519, INSTALL), need("cryptography.exceptions", INSTALL).InvalidSignature
        try:
            keys.Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        except (invalid, ValueError):
            return False
        return True

    return verify


def signer(private_key: Path) -> Sign:
    """What signs with a private key in a PEM file, as `openssl genpkey -algorithm ed25519` makes it.

    Raises:
        UserError: the file cannot be read, or holds no Ed25519 private key.
        MissingError: the package `cryptography` is not here.
    """
    keys = need(ED25519, INSTALL)
    form = need("cryptography.hazmat.primitives.serialization", INSTALL)
    try:
        key: Any = form.load_pem_private_key(read_bounded(private_key, KEY_FILE_BYTES), None)
    except (OSError, ValueError, TypeError) as fault:
        raise UserError(f"{private_key}: no private key that can be read: {one_line(fault)}") from None
    if not isinstance(key, keys.Ed25519PrivateKey):
        raise UserError(f"{private_key}: no Ed25519 key: make one with `openssl genpkey -algorithm ed25519`")
    public: bytes = key.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
    return lambda signed: (public, key.sign(signed))
