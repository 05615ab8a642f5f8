"""Trusted keys: as OpenSSL makes them, and an error for whatever is not one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from edge.errors import ModelError, StorageError, UserError
from edge.models import trust

RAW = bytes(range(32))
HEAD, FOOT = b"-----BEGIN PUBLIC KEY-----\n", b"-----END PUBLIC KEY-----\n"
PEM = HEAD + b"MCowBQYDK2VwAyEAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" + FOOT


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The machine's keys and the user's, neither there yet."""
    monkeypatch.setattr(trust, "SYSTEM", tmp_path / "system")
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    return tmp_path / "system", tmp_path / "keys"


def test_without_a_key_every_file_is_let_in() -> None:
    assert trust.trusted() == ()


def test_a_key_as_openssl_makes_it_is_read(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here: apt-get install openssl")
    private, public, der = tmp_path / "private.pem", tmp_path / "public.pem", tmp_path / "public.der"
    for command in (
        ["genpkey", "-algorithm", "ed25519", "-out", private],
        ["pkey", "-in", private, "-pubout", "-out", public],
        ["pkey", "-in", private, "-pubout", "-outform", "DER", "-out", der],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    assert trust.PREFIX + trust.read_key(public) == der.read_bytes()
    with pytest.raises(ModelError, match="a private key; trusting wants the public one: openssl pkey -in"):
        trust.read_key(private)


def test_keys_of_the_machine_and_of_the_user_are_both_trusted(folders: tuple[Path, Path]) -> None:
    for folder, last in zip(folders, (b"8=", b"A="), strict=True):
        folder.mkdir()
        (folder / "one.pem").write_bytes(PEM.replace(b"8=", last))
        (folder / ".0123.part").write_text("the draft of a key that is being added")
    assert trust.trusted() == (RAW, RAW[:-1] + b"\x10")


def test_a_key_is_added_listed_and_removed(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    (tmp_path / "vendor.pem").write_bytes(b"a remark before it\n" + PEM)
    added = trust.add(tmp_path / "vendor.pem")
    assert added.path == folders[1] / "vendor.pem"
    assert added.path.read_bytes() == PEM
    assert trust.keys() == (added,)
    assert trust.add(tmp_path / "vendor.pem") == added, "twice is once"
    (tmp_path / "vendor.pem").write_bytes(PEM.replace(b"8=", b"A="))
    with pytest.raises(ModelError, match="is another key: remove it first"):
        trust.add(tmp_path / "vendor.pem")
    with pytest.raises(UserError, match="no key called nobody is trusted; trusted: vendor"):
        trust.remove("nobody")
    assert trust.remove("vendor.pem") == added.path
    assert trust.keys() == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no public key in PEM"),
        (PEM + PEM, "no public key in PEM"),
        (PEM.replace(b"MCow", b"MCo"), "a damaged key: it is not base64"),
        (PEM.replace(b"MCow", b"MCox"), "a key of another kind; only Ed25519"),
        (PEM.replace(b"PUBLIC", b"EC PUBLIC"), "no public key in PEM"),
        (HEAD + b"\n" * 65_000, "no public key in PEM"),
        (HEAD * 2_300, "no public key in PEM"),
        (HEAD + b"A" * 65_000, "no public key in PEM"),
        (b"x" * 70_000, "cannot be read: it has more than"),
    ],
)
def test_what_is_no_key_is_one_clear_error_and_keeps_every_model_out(
    folders: tuple[Path, Path], content: bytes, complaint: str
) -> None:
    folders[1].mkdir()
    (folders[1] / "bad.pem").write_bytes(content)
    (folders[1] / "good.pem").write_bytes(PEM)
    begun = time.process_time()
    with pytest.raises(ModelError, match=rf"bad\.pem: .*{complaint}"):
        trust.trusted()
    assert time.process_time() - begun < 1, "whatever is in 64 KB"


def test_a_link_to_nowhere_a_folder_and_a_pipe_are_errors_too(folders: tuple[Path, Path]) -> None:
    folders[1].mkdir()
    bad = folders[1] / "bad.pem"
    bad.symlink_to("nowhere.pem")
    with pytest.raises(ModelError, match=r"bad\.pem: a trusted key that cannot be read: No such file"):
        trust.trusted()
    bad.unlink()
    bad.mkdir()
    with pytest.raises(ModelError, match=r"bad\.pem: a trusted key that cannot be read: Is a directory"):
        trust.trusted()
    bad.rmdir()
    os.mkfifo(bad)
    with pytest.raises(ModelError, match=r"bad\.pem: a trusted key that cannot be read: it is no plain file"):
        trust.trusted()


def test_keys_that_this_user_may_not_read_keep_every_model_out(folders: tuple[Path, Path]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    folders[1].mkdir()
    (folders[1] / "one.pem").write_bytes(PEM)
    (folders[1] / "one.pem").chmod(0)
    with pytest.raises(ModelError, match="cannot be read: Permission denied"):
        trust.trusted()
    (folders[1] / "one.pem").chmod(0o644)
    folders[1].chmod(0)
    with pytest.raises(ModelError, match="the trusted keys cannot be read: Permission denied"):
        trust.trusted()
    folders[1].chmod(0o500)
    with pytest.raises(StorageError, match="cannot be removed"):
        trust.remove("one")
    folders[1].chmod(0o700)


def test_a_folder_of_keys_that_is_a_link_to_nowhere_or_a_file_does_not_open_the_door(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in folders:
        folder.symlink_to("/nowhere")
        with pytest.raises(ModelError, match=rf"{folder.name}: the trusted keys cannot be read: a link leads nowhere"):
            trust.trusted()
        folder.unlink()
        folder.write_bytes(PEM)
        with pytest.raises(ModelError, match=rf"{folder.name}: the trusted keys cannot be read: Not a directory"):
            trust.trusted()
        folder.unlink()
    for parent in ("gone", "file"):
        monkeypatch.setattr(trust, "SYSTEM", tmp_path / parent / "keys")
        (tmp_path / "gone").symlink_to("/nowhere") if parent == "gone" else (tmp_path / "file").write_text("")
        with pytest.raises(ModelError, match=f"{parent}/keys: the trusted keys cannot be read"):
            trust.trusted()


def test_no_folder_of_keys_is_one_whose_parents_are_folders_and_the_home_of_some_services(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trust, "SYSTEM", tmp_path / "etc" / "edge" / "keys")
    monkeypatch.delenv("EDGE_KEYS")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for home in ("/dev/null", "/nowhere", str(tmp_path)):
        monkeypatch.setenv("HOME", home)
        assert trust.trusted() == ()


@pytest.mark.parametrize("name", ["owner.pub", "owner.PEM", "owner"])
def test_what_is_not_called_a_key_is_not_silently_left_out(folders: tuple[Path, Path], name: str) -> None:
    folders[1].mkdir()
    (folders[1] / name).write_bytes(PEM)
    with pytest.raises(ModelError, match=rf"{name}: among the trusted keys, but not called NAME\.pem: rename or"):
        trust.trusted()
