"""Ed25519 keys in PEM, as OpenSSL would write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two files."""

    private: Path
    public: Path


def key_pair(folder: Path, name: str) -> KeyPair:
    """A new key."""
    made = Ed25519PrivateKey.generate()
    pair = KeyPair(folder / f"{name}-private.pem", folder / f"{name}.pem")
    pair.private.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.public.write_bytes(made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pair
