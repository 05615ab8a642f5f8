"""Packed models are put in place whole, verified and tried out, or not at all; and gone back from."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import EdgeError, MissingError, ModelError, StorageError, UserError
from edge.models import catalogue, trust
from edge.models.install import content_of, install, roll_back
from edge.models.manifest import to_toml
from edge.models.packed import delta
from edge.models.packed.signing import signer
from edge.models.pull import install as install_plain
from edge.models.slots import Slots, installed_packed
from edge.models.store import Model, find, sha256_of
from edge.opening import prove
from tests.support.epk import packed_grid, packed_onnx
from tests.support.keys import key_pair
from tests.support.nets import GRID_MANIFEST, grid_detector

SOURCE = Path("new.epk")


@pytest.fixture(autouse=True)
def no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "SYSTEM", tmp_path / "system-keys")
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))


@pytest.fixture
def slots(own_cache: Path) -> Slots:
    return Slots(own_cache / "models", "grid")


def version() -> int:
    packed = find("grid").packed
    assert packed is not None
    return packed.origin.version


def works(model: Model) -> None:
    """In place of trying it out, where that is not the point."""


def test_a_model_is_found_by_its_name_and_by_its_path(tmp_path: Path, slots: Slots) -> None:
    content = packed_grid(tmp_path)
    done = install(content, SOURCE, prove)
    assert (done.name, done.path, done.version, done.before, done.fresh) == ("grid", slots.link, 1, None, True)
    found = find("grid")
    assert (found.path, found.suffix, found.manifest.name) == (slots.file("a"), ".onnx", "grid")
    assert slots.link.readlink() == Path("grid.a.epk"), "relative, so that the folder may be moved"
    assert slots.link.read_bytes() == content
    assert slots.file("a").stat().st_mode & 0o777 == 0o644
    by_path = find(str(slots.link))
    assert (by_path.sha256, by_path.slot) == (found.sha256, None)
    (tmp_path / "other.toml").write_text(GRID_MANIFEST.replace("0.5", "0.7"))
    assert find("grid", tmp_path / "other.toml").manifest.min_score == 0.7


def test_a_file_that_is_called_like_an_installed_model_does_not_hide_it(
    tmp_path: Path, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid").write_text("something else")
    install(packed_grid(tmp_path), SOURCE, works)
    assert find("grid").path == slots.file("a")
    Path("grid.epk").write_bytes(packed_grid(tmp_path, 2))
    assert (find("grid.epk").path, find("./grid.epk").path) == (Path("grid.epk"), Path("grid.epk"))
    Path("other").write_bytes(Path("grid.epk").read_bytes())
    with pytest.raises(ModelError, match=r"other: a packed model: name it (other|/.*/other)\.epk"):
        find("other")
    Path(catalogue.DEFAULTS[0]).write_text("something else")
    with pytest.raises(MissingError, match="edge models pull"):
        find(catalogue.DEFAULTS[0])


def test_the_version_before_is_kept_and_gone_back_to(tmp_path: Path, slots: Slots) -> None:
    for number in (1, 2, 3):
        done = install(packed_grid(tmp_path, number), SOURCE, works)
        assert (done.version, done.before, version()) == (number, number - 1 or None, number)
    assert roll_back("grid", works).version == 2
    assert (version(), slots.filled) == (2, ("b", "a"))
    assert roll_back("grid", works).version == 3
    with pytest.raises(UserError, match="no packed model is installed as other"):
        roll_back("other", works)


def test_one_that_was_installed_once_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    install(packed_grid(tmp_path), SOURCE, works)
    with pytest.raises(UserError, match="grid was installed once: there is nothing to go back to"):
        roll_back("grid", works)


def test_an_older_version_is_refused_unless_it_is_wanted(tmp_path: Path) -> None:
    install(packed_grid(tmp_path, 5), SOURCE, works)
    with pytest.raises(
        ModelError, match=r"new\.epk: version 4 of grid is older than 5, which was installed before: `--a"
    ):
        install(packed_grid(tmp_path, 4), SOURCE, works)
    assert version() == 5
    assert install(packed_grid(tmp_path, 4), SOURCE, works, allow_older=True).before == 5
    assert version() == 4


def test_no_older_version_comes_in_after_one_was_gone_back_from_or_removed(tmp_path: Path, slots: Slots) -> None:
    for number in (1, 3):
        install(packed_grid(tmp_path, number), SOURCE, works)
    roll_back("grid", works)
    with pytest.raises(ModelError, match="version 2 of grid is older than 3"):
        install(packed_grid(tmp_path, 2), SOURCE, works)
    assert slots.filled == ("a", "b")
    slots.remove()
    with pytest.raises(ModelError, match="version 2 of grid is older than 3"):
        install(packed_grid(tmp_path, 2), SOURCE, works)
    install(packed_grid(tmp_path, 2), SOURCE, works, allow_older=True)
    with pytest.raises(ModelError, match="version 1 of grid is older than 2"):
        install(packed_grid(tmp_path, 1), SOURCE, works)


@pytest.mark.parametrize("said", ["", "none\n", "-4", "9" * 30])
def test_without_a_readable_highest_version_both_slots_count(tmp_path: Path, slots: Slots, said: str) -> None:
    for number in (1, 3):
        install(packed_grid(tmp_path, number), SOURCE, works)
    roll_back("grid", works)
    (slots.folder / "grid.version").write_text(said)
    with pytest.raises(ModelError, match="version 2 of grid is older than 3"):
        install(packed_grid(tmp_path, 2), SOURCE, works)


def test_the_very_same_file_is_not_installed_twice(tmp_path: Path, slots: Slots) -> None:
    assert install(packed_grid(tmp_path), SOURCE, works).fresh
    assert not install(packed_grid(tmp_path), SOURCE, works).fresh
    assert slots.filled == ("a",)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [("manifest", "it has no output `nothing`"), ("nan", "its output `output` is not finite on a grey picture")],
)
def test_what_does_not_work_when_it_is_tried_out_leaves_all_as_it_was(
    tmp_path: Path, slots: Slots, broken: str, complaint: str
) -> None:
    install(packed_grid(tmp_path), SOURCE, prove)
    before = sorted(slots.folder.iterdir())
    with pytest.raises(ModelError, match=complaint):
        install(packed_grid(tmp_path, 2, broken=broken), SOURCE, prove)
    assert sorted(slots.folder.iterdir()) == before
    assert version() == 1


def test_it_is_tried_out_by_the_name_that_it_is_to_have(tmp_path: Path, slots: Slots) -> None:
    """A back end keeps what it builds in minutes under the file's name: trying out is then the only build."""
    tried: list[str] = []
    for number in (1, 2, 3):
        install(packed_grid(tmp_path, number), SOURCE, lambda model: tried.append(model.path.name))
    assert tried == ["grid.a.epk", "grid.b.epk", "grid.a.epk"]
    assert slots.file("a").read_bytes() == packed_grid(tmp_path, 3)


def test_a_damaged_file_is_told_by_its_own_name(tmp_path: Path, slots: Slots) -> None:
    content = bytearray(packed_grid(tmp_path))
    content[-3] ^= 1
    with pytest.raises(ModelError, match=r"^new\.epk: is damaged"):
        install(bytes(content), SOURCE, prove)
    assert list(slots.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["grid.a", "grid.aside", "x" * 201])
def test_names_that_are_those_of_slots_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"new\.epk: its name"):
        install(packed_grid(tmp_path, name=name), SOURCE, works)


def test_a_known_models_name_is_taken_only_by_what_is_signed_and_says_it_was_made_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, mine = grid_detector(tmp_path / "plain.onnx"), key_pair(tmp_path, "mine")
    known = next(iter(catalogue.entries()))
    manifest = known.manifest
    content = packed_onnx(plain.read_bytes(), manifest, sign=signer(mine.private))
    with pytest.raises(ModelError, match=f"the catalogue has another model called {manifest.name}: give yours another"):
        install(content, SOURCE, works)
    same = replace(known, manifest=replace(manifest, sha256=sha256_of(plain)))
    monkeypatch.setattr(catalogue, "_read", lambda: {manifest.name: same})
    for untrusted in (content, packed_onnx(plain.read_bytes(), manifest)):
        with pytest.raises(
            ModelError, match=r"which only a file signed with a trusted key may take: sign it and trust the key"
        ):
            install(untrusted, SOURCE, works)
    trust.add(mine.public)
    for other in (replace(manifest, task="classify"), replace(manifest, decoder="scores")):
        lies = packed_onnx(plain.read_bytes(), other, sign=signer(mine.private))
        with pytest.raises(ModelError, match="the catalogue has another model"):
            install(lies, SOURCE, works)
    install(content, SOURCE, works)
    assert find(manifest.name).packed is not None, "it comes before the plain file"


def test_a_plain_model_of_the_same_name_waits_behind_the_packed_one(tmp_path: Path, slots: Slots) -> None:
    grid_detector(tmp_path / "mine.onnx")
    (tmp_path / "mine.toml").write_text(GRID_MANIFEST)
    install_plain(find(str(tmp_path / "mine.onnx")))
    assert find("grid").packed is None
    install(packed_grid(tmp_path), SOURCE, works)
    assert find("grid").packed is not None
    assert slots.remove() == [slots.link, slots.file("a")]
    assert find("grid").path.suffix == ".onnx", "and not what is remembered of the packed one"


@pytest.mark.parametrize("first", [True, False], ids=["the first install", "an update"])
def test_whenever_it_is_killed_a_whole_model_is_there_afterwards(tmp_path: Path, first: bool) -> None:
    old, new = tmp_path / "old.epk", tmp_path / "new.epk"
    if not first:
        old.write_bytes(packed_grid(tmp_path, 1))
    new.write_bytes(packed_grid(tmp_path, 2))
    command = [sys.executable, "-m", "tests.support.killed_install", str(tmp_path / "killed"), str(old), str(new)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["killed"] for row in rows] == [True] * (len(rows) - 1) + [False]
    assert len(rows) > 10
    switched = next(number for number, row in enumerate(rows) if row["at"] == "settle the link")
    for number, row in enumerate(rows):
        placed = first and any(earlier["at"] == "settle the slot" for earlier in rows[: number + 1])
        assert row["found"] == (2 if number >= switched or placed else 0 if first else 1), row
        assert row["after"] == 2
        assert len(row["left"]) <= 5, f"{row}: something was left"


def test_what_is_to_be_named_is_on_the_disk_before_it_is(tmp_path: Path) -> None:
    steps: list[str] = []
    install(packed_grid(tmp_path), SOURCE, works, step=steps.append)
    order = ["write the draft", "settle the draft", "try it out", "put it into its slot", "settle the slot"]
    assert [step for step in steps if step in order] == order
    assert steps.index("settle the slot") < steps.index("switch the link") < steps.index("settle the link")


def test_without_the_package_that_verifies_signatures_none_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = key_pair(tmp_path, "mine")
    signed = packed_grid(tmp_path, sign=signer(mine.private))
    trust.add(mine.public)
    for module in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingError, match=r"pip install 'edge-runtime\[sign\]'"):
        install(signed, SOURCE, works)


def test_only_one_install_at_a_time(tmp_path: Path, slots: Slots) -> None:
    install(packed_grid(tmp_path), SOURCE, works)
    handle = os.open(slots.folder / ".lock", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(StorageError, match="another install is under way"):
        install(packed_grid(tmp_path, 2), SOURCE, works)
    os.close(handle)


@pytest.mark.parametrize(("folder", "lock"), [(0o755, 0o600), (0o700, 0o600), (0o775, 0o660)])
def test_only_who_may_write_to_the_folder_can_hold_off_installs(
    tmp_path: Path, slots: Slots, folder: int, lock: int
) -> None:
    slots.folder.mkdir(parents=True)
    slots.folder.chmod(folder)
    handle = os.open(slots.folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    install(packed_grid(tmp_path), SOURCE, works)
    os.close(handle)
    assert (slots.folder / ".lock").stat().st_mode & 0o777 == lock


def test_an_install_that_tries_out_holds_nobody_off_and_gives_way_to_one_that_was_faster(
    tmp_path: Path, slots: Slots
) -> None:
    install(packed_grid(tmp_path, 1), SOURCE, works)

    def meanwhile(model: Model) -> None:
        install(packed_grid(tmp_path, 3), SOURCE, works)
        assert model.path.exists(), "the other one does not sweep this one's draft away"

    with pytest.raises(StorageError, match=r"grid\.epk: was changed while new\.epk was tried out: try again"):
        install(packed_grid(tmp_path, 2), SOURCE, meanwhile)
    assert version() == 3
    assert not list(slots.folder.glob(".packed-*"))
    with pytest.raises(StorageError, match="was changed while the other one was tried out"):
        roll_back("grid", lambda model: slots.switch(model.path))


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path, slots: Slots) -> None:
    slots.folder.mkdir(parents=True)
    (slots.folder / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="models: cannot be written: "):
        install(packed_grid(tmp_path), SOURCE, works)
    assert not (tmp_path / "elsewhere").exists()


def test_a_slot_that_is_damaged_or_gone_is_passed_over_and_told(tmp_path: Path, slots: Slots) -> None:
    for number in (1, 2):
        install(packed_grid(tmp_path, number), SOURCE, works)
    for harm in (lambda: slots.file("b").write_bytes(b"\x89EPK nothing"), lambda: slots.file("b").unlink()):
        harm()
        found = find("grid")
        assert found.slot is not None
        assert (version(), found.slot.letter) == (1, "a")
        assert "grid.b.epk: " in found.slot.passed
        assert slots.active == "b", "finding changes nothing"
    slots.file("a").write_bytes(b"")
    with pytest.raises(ModelError, match=r"grid\.b\.epk: "):
        find("grid")


def test_without_its_link_the_newest_whole_slot_serves(tmp_path: Path, slots: Slots) -> None:
    for number in (1, 2, 3):
        install(packed_grid(tmp_path, number), SOURCE, works)
    slots.link.unlink()
    assert version() == 3
    assert list(installed_packed()) == ["grid"]
    install(packed_grid(tmp_path, 4), SOURCE, works)
    assert (version(), roll_back("grid", works).version) == (4, 3)


def test_a_slot_is_set_aside_with_its_reason_until_the_next_install(tmp_path: Path, slots: Slots) -> None:
    for number in (1, 2):
        install(packed_grid(tmp_path, number), SOURCE, works)
    slots.set_aside("b", "it was\nno good", slots.mark("a"))
    assert slots.active == "b", "the file that was no good is not there any more"
    slots.set_aside("b", "it was\nno good", slots.mark("b"))
    assert (slots.active, slots.filled, slots.aside) == ("a", ("a",), "it was no good")
    assert (slots.folder / "grid.aside.epk").read_bytes() == packed_grid(tmp_path, 2)
    slots.set_aside("a", "nothing is left to go back to", slots.mark("a"))
    assert slots.active == "a"
    install(packed_grid(tmp_path, 2), SOURCE, works)
    assert (version(), slots.aside) == (2, "")
    assert sorted(path.name for path in slots.folder.iterdir()) == [
        ".lock",
        "grid.a.epk",
        "grid.b.epk",
        "grid.epk",
        "grid.version",
    ]


def test_an_update_makes_the_new_file_out_of_the_installed_one(tmp_path: Path, slots: Slots) -> None:
    old, new = packed_grid(tmp_path, 1), packed_grid(tmp_path, 2)
    update = tmp_path / "update.epd"
    update.write_bytes(delta.diff(old, new))
    with pytest.raises(ModelError, match=r"update\.epd: an update of a file with sha256 .*, which is not installed"):
        content_of(update)
    install(old, SOURCE, works)
    assert content_of(update) == new
    assert install(content_of(update), update, works).before == 1
    assert slots.link.read_bytes() == new


def test_only_who_is_trusted_is_let_in_and_an_unsigned_one_that_serves_is_refused_from_then_on(tmp_path: Path) -> None:
    mine, other = key_pair(tmp_path, "mine"), key_pair(tmp_path, "other")
    install(packed_grid(tmp_path, 1), SOURCE, works)
    trust.add(mine.public)
    with pytest.raises(ModelError, match=r"grid\.a\.epk: is not signed"):
        find("grid")
    with pytest.raises(ModelError, match=r"new\.epk: is not signed"):
        install(packed_grid(tmp_path, 2), SOURCE, works)
    with pytest.raises(ModelError, match=r"new\.epk: is signed by a key that this device does not trust"):
        install(packed_grid(tmp_path, 2, sign=signer(other.private)), SOURCE, works)
    signed = packed_grid(tmp_path, 2, sign=signer(mine.private))
    assert install(signed, SOURCE, works).version == 2
    assert version() == 2
    forged = bytearray(signed)
    forged[100] ^= 1
    with pytest.raises(ModelError, match=r"new\.epk: has a signature that does not hold"):
        install(bytes(forged), SOURCE, works)


def test_a_key_that_cannot_be_read_keeps_every_packed_model_out(tmp_path: Path) -> None:
    install(packed_grid(tmp_path), SOURCE, works)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "broken.pem").symlink_to("nowhere")
    with pytest.raises(EdgeError, match=r"broken\.pem: a trusted key that cannot be read"):
        find("grid")


def test_the_manifest_of_a_packed_model_is_the_one_that_was_packed(tmp_path: Path) -> None:
    install(packed_grid(tmp_path), SOURCE, works)
    assert to_toml(find("grid").manifest).startswith('name = "grid"')
