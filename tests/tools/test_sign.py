"""Signing a packed model changes its signature alone, and leaves a file alone that it cannot sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ModelError, StorageError, UserError
from edge.models import trust
from edge.models.packed.read import read
from edge.tools.sign import sign_file
from tests.support.epk import packed_grid
from tests.support.keys import key_pair


def test_the_signature_is_that_of_the_key_and_the_rest_stays(tmp_path: Path) -> None:
    mine, plain, signed = key_pair(tmp_path, "mine"), tmp_path / "plain.epk", tmp_path / "signed.epk"
    plain.write_bytes(packed_grid(tmp_path, 7))
    key = sign_file(plain, mine.private, signed)
    assert key == trust.read_key(mine.public)
    before, found = read(plain), read(signed, [key])
    assert (found.manifest, found.origin, found.tensors) == (before.manifest, before.origin, before.tensors)
    other = key_pair(tmp_path, "other")
    assert sign_file(signed, other.private, signed) == trust.read_key(other.public)
    with pytest.raises(ModelError, match="is signed by a key that this device does not trust"):
        read(signed, [key])
    sign_file(signed, mine.private, signed)
    assert read(signed, [key]).sha256 == found.sha256, "Ed25519 signatures are the same each time"


def test_what_cannot_be_signed_is_left_as_it_is(tmp_path: Path) -> None:
    mine, file = key_pair(tmp_path, "mine"), tmp_path / "plain.epk"
    file.write_bytes(packed_grid(tmp_path)[:-1])
    with pytest.raises(ModelError, match=r"plain\.epk: is damaged"):
        sign_file(file, mine.private, tmp_path / "out.epk")
    file.write_bytes(packed_grid(tmp_path))
    with pytest.raises(UserError, match="no private key that can be read"):
        sign_file(file, mine.public, tmp_path / "out.epk")
    assert not (tmp_path / "out.epk").exists()
    with pytest.raises(StorageError, match="cannot be written: No such file or directory"):
        sign_file(file, mine.private, tmp_path / "none" / "out.epk")
