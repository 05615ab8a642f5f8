"""Sign a packed model with an Ed25519 key, so that devices that trust it take the file."""

from __future__ import annotations

from pathlib import Path

from edge.errors import ModelError, StorageError
from edge.models.install import read_file
from edge.models.packed.bits import Damaged
from edge.models.packed.container import resign
from edge.models.packed.read import parse
from edge.models.packed.signing import signer
from edge.paths import write_whole


def sign_file(source: Path, private_key: Path, target: Path) -> bytes:
    """Sign a packed file; a signature that it has is replaced. Nothing else of it changes.

    Args:
        private_key: PEM, as `openssl genpkey -algorithm ed25519` makes it.
        target: is written whole; may be `source`.

    Returns:
        The public key, 32 bytes.

    Raises:
        ModelError: the file cannot be read or is damaged.
        UserError: there is no Ed25519 private key in that file.
        MissingError: the package `cryptography` is not here.
        StorageError: the target cannot be written.
    """
    content = read_file(source)
    parse(content, source)
    try:
        signed = resign(content, signer(private_key))
    except Damaged as fault:
        raise ModelError(f"{source}: {fault}") from None
    key = parse(signed, target).key or b""
    try:
        write_whole(target, signed)
    except OSError as fault:
        raise StorageError(f"{target}: cannot be written: {fault.strerror or fault}") from None
    return key
