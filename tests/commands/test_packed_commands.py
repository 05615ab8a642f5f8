"""Packed models as their owner meets them: inspected, verified, unpacked, signed, installed and gone back from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge.models import trust
from edge.models.packed import signing
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.read import read
from edge.tools.carrier_ir import cut_ir, read_ir
from tests.support.command import Edge
from tests.support.epk import packed_grid, packed_onnx
from tests.support.keys import key_pair
from tests.support.nets import GRID_MANIFEST, grid_detector, ir_adding

ROOT = Path(__file__).parents[2]


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    """In a folder with versions 1 and 2 of a packed model and a picture with one object."""
    monkeypatch.setattr(trust, "SYSTEM", tmp_path / "system-keys")
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        Path(f"grid-{number}.epk").write_bytes(packed_grid(tmp_path, number))
    Path("made.toml").unlink()
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[30:, 40:] = 255
    cv2.imwrite("corner.png", picture)
    return Edge(monkeypatch, capsys)


def test_inspect_prints_the_contracts_json(edge: Edge) -> None:
    done = edge("inspect", "grid-2.epk", "--json")
    said: dict[str, Any] = json.loads(done.out)
    packed = read(Path("grid-2.epk"))
    assert (said["bytes"], said["task"], said["signed"]) == (Path("grid-2.epk").stat().st_size, "detect", False)
    assert (said["source_sha256"], said["peak_bytes"]) == (packed.origin.source_sha256, packed.peak_bytes)
    (tensor,) = said["tensors"]
    assert set(tensor) == {"name", "shape", "dtype", "codec", "bytes", "bits_per_weight", "nonzero"}
    assert (tensor["name"], tensor["shape"], tensor["dtype"], tensor["nonzero"]) == (
        "mean",
        [1, 3, 16, 16],
        "float32",
        768,
    )
    assert tensor["bits_per_weight"] == pytest.approx(8 * tensor["bytes"] / 768, abs=1e-4)
    assert edge("models", "inspect", "grid-2.epk", "--json").out == done.out


def test_inspect_tells_people_the_totals_and_whose_it_is(edge: Edge, tmp_path: Path) -> None:
    said = edge("inspect", "grid-1.epk").out
    assert "grid (detect), version 1, .onnx inside" in said
    assert "not signed;" in said
    assert "1 tensors, 768 weights: 3,072 bytes in" in said
    mine = key_pair(tmp_path, "mine")
    edge("models", "trust", mine.public)
    assert "not signed, so it is refused here" in edge("inspect", "grid-1.epk").out
    edge("sign", "grid-1.epk", "--key", mine.private)
    assert "trusted here as mine" in edge("inspect", "grid-1.epk").out
    edge("sign", "grid-1.epk", "--key", key_pair(tmp_path, "other").private)
    assert "which is not trusted here" in edge("inspect", "grid-1.epk").out


def test_inspect_of_a_plain_model_says_what_models_inspect_does(edge: Edge) -> None:
    grid_detector(Path("plain.onnx"))
    Path("text.onnx").write_text("this is no model")
    assert edge("inspect", "plain.onnx").out == edge("models", "inspect", "plain.onnx").out
    assert json.loads(edge("inspect", "plain.onnx", "--json").out)["engine"] == "onnxruntime"
    assert edge("inspect", "text.onnx").code == 2
    done = edge("inspect", "nothing.epk")
    assert (done.code, done.err) == (2, "edge: nothing.epk: no such file\n")


def test_verify_decodes_everything_and_says_what_is_wrong(edge: Edge) -> None:
    done = edge("verify", "grid-1.epk", "grid-2.epk")
    assert (done.code, done.out.count("sound; not signed")) == (0, 2)
    content = bytearray(Path("grid-2.epk").read_bytes())
    content[-2] ^= 4
    Path("grid-2.epk").write_bytes(content)
    done = edge("verify", "grid-1.epk", "grid-2.epk", "--json")
    good, bad = json.loads(done.out)
    assert (done.code, good["ok"], good["reason"], good["signed"], bad["ok"]) == (1, True, None, False, False)
    assert "grid-2.epk: is damaged" in bad["reason"]
    Path("renamed").write_bytes(Path("grid-1.epk").read_bytes())
    assert "sound" in edge("verify", "renamed").out
    assert edge("verify", "grid-1.epk", "nothing.epk").code == 2


def test_unpack_gives_a_plain_model_that_runs(edge: Edge) -> None:
    done = edge("unpack", "grid-1.epk", "-o", "out.onnx")
    assert done.code == 0
    (mean,) = (tensor for tensor in onnx.load("out.onnx").graph.initializer if tensor.name == "mean")
    np.testing.assert_array_equal(numpy_helper.to_array(mean), dict(read(Path("grid-1.epk")).weights())["mean"])
    plain, packed = (
        json.loads(edge("infer", name, "corner.png", "--threads", "1", "--json").out)["images"][0]["detections"]
        for name in ("out.onnx", "grid-1.epk")
    )
    assert plain == packed
    assert len(plain) == 1


def test_an_openvino_model_is_unpacked_into_both_of_its_files(edge: Edge, tmp_path: Path) -> None:
    xml, blob = read_ir(ir_adding(tmp_path / "adding.xml", np.arange(1, 65, dtype=np.float32)))
    skeleton, weights = cut_ir(xml, blob)
    manifest = read(Path("grid-1.epk")).manifest
    Path("ir.epk").write_bytes(pack("openvino", skeleton, weights, manifest, Origin("0" * 64), size=len(blob)))
    assert edge("unpack", "ir.epk", "-o", "out.xml").code == 0
    assert (Path("out.xml").read_bytes(), Path("out.bin").read_bytes()) == (xml, blob)
    Path("out.xml").unlink()
    assert edge("unpack", "ir.epk", "-o", "out.xml").err == "edge: out.bin is there already: `--force` overwrites it\n"


def test_unpack_overwrites_nothing_unless_it_is_told_to(edge: Edge) -> None:
    Path("out.onnx").write_bytes(b"precious")
    done = edge("unpack", "grid-1.epk", "-o", "out.onnx")
    assert (done.code, done.err) == (2, "edge: out.onnx is there already: `--force` overwrites it\n")
    assert Path("out.onnx").read_bytes() == b"precious"
    assert edge("unpack", "grid-1.epk", "-o", "out.onnx", "--force").code == 0
    done = edge("unpack", "grid-1.epk", "-o", "out.tflite")
    assert (done.code, "the model inside is .onnx: name it out.onnx" in done.err) == (2, True)


def test_a_packed_model_is_named_wherever_a_model_is(edge: Edge) -> None:
    row = json.loads(edge("bench", "grid-1.epk", "--seconds", "0.1", "--threads", "1", "--json").out)
    assert (row["model"], row["model_bytes"]) == ("grid", Path("grid-1.epk").stat().st_size)
    Path("other.toml").write_text(GRID_MANIFEST.replace("Person", "Robot"))
    seen = edge("infer", "grid-1.epk", "corner.png", "--manifest", "other.toml", "--json")
    assert json.loads(seen.out)["images"][0]["detections"][0]["label"] == "Robot"
    clip = cv2.VideoWriter("clip.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (80, 60))
    for _ in range(3):
        clip.write(cv2.imread("corner.png"))
    clip.release()
    done = edge("replay", "clip.avi", "--events", "events.jsonl", "--model", "grid-1.epk", "--summary", "told.json")
    assert (done.code, json.loads(Path("told.json").read_text())["model"]) == (0, "grid")


def test_several_engines_are_timed_on_a_packed_model(edge: Edge) -> None:
    done = edge("bench", "grid-1.epk", "--engine", "onnxruntime,openvino", "--seconds", "0.1", "--json")
    assert [row["engine"] for row in json.loads(done.out)["engines"]] == ["onnxruntime", "openvino"]


def test_a_model_is_installed_updated_gone_back_from_and_removed(edge: Edge, tmp_path: Path) -> None:
    place = tmp_path / "cache" / "models" / "grid.epk"
    assert edge("models", "install", "grid-1.epk").out == f"grid: version 1 serves: {place}\n"
    assert edge("models", "install", "grid-1.epk").out == "grid: this very file serves already, version 1\n"
    assert "% of grid-2.epk" in edge("delta", "grid-1.epk", "grid-2.epk", "-o", "update.epd").out
    assert "a sound update, from" in edge("verify", "update.epd").out
    done = edge("models", "install", "update.epd")
    assert done.err == "edge: a service that runs takes it in with `systemctl reload edge`\n"
    assert done.out == f"grid: version 2 serves in place of 1, which is kept: {place}\n"
    assert place.read_bytes() == Path("grid-2.epk").read_bytes()
    assert edge("models", "install", "grid-1.epk").code == 2
    (row,) = (row for row in json.loads(edge("models", "list", "--json").out) if row["packed"])
    assert (row["name"], row["yours"], row["packed"]["version"], row["packed"]["aside"]) == ("grid", True, 2, None)
    slots = [(slot["slot"], slot["version"], slot["serves"]) for slot in row["packed"]["slots"]]
    assert slots == [("b", 2, True), ("a", 1, False)]
    assert "packed: version 2 serves, version 1 kept: " in edge("models", "list").out
    assert edge("models", "rollback", "grid").out == f"grid: version 1 serves in place of 2, which is kept: {place}\n"
    assert "packed: version 1 serves, version 2 kept: " in edge("models", "list").out
    assert json.loads(edge("infer", "grid", "corner.png", "--json").out)["model"] == "grid"
    assert json.loads(edge("models", "verify", "--json").out)[0]["ok"]
    assert edge("models", "remove", "grid").code == 0
    assert sorted(path.name for path in place.parent.iterdir()) == [".lock", "grid.version"]
    assert edge("models", "remove", "grid").err.startswith("edge: no model called grid is installed")


def test_an_update_that_leads_back_is_told_of(edge: Edge) -> None:
    assert "installing wants `--allow-older`" in edge("delta", "grid-2.epk", "grid-1.epk", "-o", "back.epd").err
    edge("models", "install", "grid-2.epk")
    assert edge("models", "install", "back.epd").code == 2
    assert edge("models", "install", "back.epd", "--allow-older").code == 0


def test_an_update_between_two_models_is_none(edge: Edge, tmp_path: Path) -> None:
    Path("other.epk").write_bytes(packed_grid(tmp_path, name="other"))
    done = edge("delta", "grid-1.epk", "other.epk", "-o", "update.epd")
    assert (done.code, "other.epk is other, grid-1.epk is grid: no update leads there" in done.err) == (2, True)


def test_only_signed_models_are_taken_once_a_key_is_trusted(edge: Edge, tmp_path: Path) -> None:
    mine = key_pair(tmp_path, "mine")
    assert "any packed model is taken" in edge("models", "trust", "--list").out
    fingerprint = edge("models", "trust", mine.public).out.split()[-1]
    assert fingerprint in edge("models", "trust", "--list").out
    for command in (["infer", "grid-1.epk", "corner.png"], ["models", "install", "grid-1.epk"]):
        done = edge(*command)
        assert (done.code, done.err) == (
            2,
            "edge: grid-1.epk: is not signed, and this device takes only models that are: `edge sign` it on the "
            "workstation, or let any in again with `edge models trust --remove NAME`\n",
        )
    assert edge("sign", "grid-1.epk", "--key", mine.private, "-o", "signed.epk").out.split()[-1] == fingerprint
    assert read(Path("grid-1.epk")).key is None
    assert edge("infer", "signed.epk", "corner.png").code == 0
    assert edge("verify", "signed.epk").out.endswith("trusted here as mine\n")
    assert edge("verify", "grid-1.epk").code == 1
    assert "none is left: any packed model is taken" in edge("models", "trust", "--remove", "mine").out
    assert edge("infer", "grid-1.epk", "corner.png").code == 0
    assert edge("models", "trust", mine.private).code == 2
    assert edge("models", "trust").code == 2


def test_what_a_terminal_would_obey_is_not_printed(edge: Edge, tmp_path: Path) -> None:
    odd = replace(read(Path("grid-1.epk")).manifest, licence="\x1b]0;pwn\x07\x1b[2J", labels=("\x1b[31mA\x9b2J",) * 2)
    Path("odd.epk").write_bytes(packed_onnx(grid_detector(tmp_path / "made.onnx").read_bytes(), odd))
    Path("odd.toml").write_text('"\\u001b]0;pwn\\u0007\\nedge: all is well" = 1\n' + GRID_MANIFEST)
    assert edge("models", "install", "odd.epk").code == 0
    listed, seen = edge("models", "list"), edge("infer", "odd.epk", "corner.png")
    assert "?]0;pwn??[2J" in listed.out
    assert "?[31mA?2J" in seen.out
    refused = edge("infer", "odd.epk", "corner.png", "--manifest", "odd.toml")
    assert refused.err.count("\n") == 1
    assert "]0;pwn??edge: all is well` is not a key of manifests" in refused.err
    for said in (listed.out, seen.out, refused.err):
        assert all(line.isprintable() for line in said.split("\n"))
    labels = [
        row["label"]
        for row in json.loads(edge("infer", "odd.epk", "corner.png", "--json").out)["images"][0]["detections"]
    ]
    assert labels == ["\x1b[31mA\x9b2J"]


def test_signing_with_what_is_no_private_key_leaves_the_file_as_it_is(edge: Edge, tmp_path: Path) -> None:
    content = Path("grid-1.epk").read_bytes()
    done = edge("sign", "grid-1.epk", "--key", key_pair(tmp_path, "mine").public)
    assert (done.code, "no private key that can be read" in done.err) == (2, True)
    assert Path("grid-1.epk").read_bytes() == content


def test_doctor_and_check_know_packed_models_and_what_was_gone_back_from(edge: Edge, tmp_path: Path) -> None:
    config = '[[camera]]\nname = "door"\nsource = "synthetic:"\nlabels = ["person"]\n[model]\nname = "grid"\n'
    Path("edge.toml").write_text(f'{config}[node]\nname = "n"\ndata = "{tmp_path / "data"}"\n[web]\nenabled = false\n')
    assert edge("check").code == 2
    edge("models", "install", "grid-1.epk")
    assert edge("check").code == 0
    assert model_of(edge)["grade"] == "ok"
    edge("models", "install", "grid-2.epk")
    place = tmp_path / "cache" / "models"
    (place / "grid.b.epk").write_bytes(b"")
    before = sorted(place.iterdir())
    found = model_of(edge)
    assert found["grade"] == "warn"
    assert found["found"].startswith("grid version 1 on onnxruntime")
    assert "grid.b.epk: is no packed model" in found["found"]
    assert sorted(place.iterdir()) == before, "looking changes nothing"
    done = edge("infer", "grid", "corner.png")
    assert (done.code, "version 1 of grid, installed before, serves instead" in done.err) == (0, True)
    assert "is no packed model" in model_of(edge)["found"]
    assert "one set aside" in edge("models", "list").out


def test_doctor_tells_whose_models_are_taken_and_what_keeps_that_from_being_checked(edge: Edge, tmp_path: Path) -> None:
    Path("edge.toml").write_text(
        f'[[camera]]\nname = "door"\nsource = "synthetic:"\nlabels = ["motion"]\n'
        f'[node]\nname = "n"\ndata = "{tmp_path / "data"}"\n[web]\nenabled = false\n'
    )
    assert found_by(edge, "keys") is None
    edge("models", "trust", key_pair(tmp_path, "maker").public)
    assert found_by(edge, "keys")["found"] == "packed models must be signed by maker"
    (tmp_path / "keys" / "bad.pem").symlink_to("nowhere")
    found = found_by(edge, "keys")
    assert (found["grade"], "bad.pem: a trusted key that cannot be read" in found["found"]) == ("fail", True)


def model_of(edge: Edge) -> dict[str, Any]:
    return dict(found_by(edge, "model"))


def found_by(edge: Edge, name: str) -> Any:
    checks = json.loads(edge("doctor", "--json").out)["checks"]
    return next((check for check in checks if check["name"] == name), None)


def test_who_may_only_read_the_cache_uses_the_sound_slot_and_switches_nothing(edge: Edge, tmp_path: Path) -> None:
    for number in (1, 2):
        edge("models", "install", f"grid-{number}.epk")
    (tmp_path / "cache" / "models" / "grid.b.epk").write_bytes(b"")
    shared = Path(tempfile.mkdtemp(prefix="edge-test-"))
    try:
        shutil.copytree(tmp_path / "cache", shared, dirs_exist_ok=True, symlinks=True)
        shared.chmod(0o755)
        (shared / "models").chmod(0o555)
        command = [sys.executable, "-m", "tests.support.reading_user", "grid", shared / "models" / "grid.a.epk"]
        where = {**os.environ, "EDGE_CACHE": str(shared), "EDGE_KEYS": str(shared / "keys"), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, env=where, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "version 1 of grid, installed before, serves instead\nversion 1\n" in done.stdout
        assert (shared / "models" / "grid.epk").readlink() == Path("grid.b.epk")
    finally:
        (shared / "models").chmod(0o755)
        shutil.rmtree(shared)


def test_trusting_a_first_key_names_what_is_refused_from_then_on(edge: Edge, tmp_path: Path) -> None:
    assert edge("models", "install", "grid-1.epk").code == 0
    done = edge("models", "trust", key_pair(tmp_path, "maker").public)
    assert done.code == 0
    assert "edge: grid is refused from now on: " in done.err
    assert "`edge sign` it on the workstation, or let any in again with `edge models trust --remove NAME`" in done.err
    assert edge("models", "trust", key_pair(tmp_path, "second").public).err == "", "it was refused before"


def test_a_key_is_trusted_only_where_signatures_can_be_verified(
    edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_pair(tmp_path, "maker").public
    monkeypatch.setitem(sys.modules, signing.ED25519, None)
    done = edge("models", "trust", key)
    assert (done.code, edge("models", "trust", "--list").out) == (3, "no key is trusted: any packed model is taken\n")
    assert done.err.startswith("edge: cryptography cannot be imported (")
    assert done.err.endswith("; install it: pip install 'edge-runtime[sign]'\n")


def test_what_is_no_key_is_said_to_be_none(edge: Edge) -> None:
    Path("door.epk").write_bytes(b"EPK1" + bytes(1 << 17))
    done = edge("models", "trust", "door.epk")
    assert (done.code, done.err) == (2, "edge: door.epk: no public key: it has more than 64 KB\n")


@pytest.mark.parametrize(
    "command", [["infer", "FILE", "corner.png"], ["inspect", "FILE"], ["models", "inspect", "FILE"]]
)
def test_a_file_of_another_kind_is_called_what_it_is(edge: Edge, command: list[str]) -> None:
    def said(name: str) -> str:
        done = edge(*(name if word == "FILE" else word for word in command))
        assert (done.code, done.out) == (2, "")
        return done.err

    edge("delta", "grid-1.epk", "grid-2.epk", "-o", "grid.epd")
    ways = "`edge models install grid.epd` takes it, `edge verify grid.epd` checks it"
    assert said("grid.epd") == f"edge: grid.epd: an update of a packed model: {ways}\n"
    Path("grid.epd").rename("grid.tflite")
    if command[0] != "inspect":
        assert said("grid.tflite") == f"edge: grid.tflite: an update of a packed model: name it grid.epd, then {ways}\n"
    grid_detector(Path("plain.onnx")).rename("plain.epk")
    assert "plain.epk: is no packed model, whatever its name; `edge compress` makes one" in said("plain.epk")
    Path("grid-1.epk").rename("grid.onnx")
    if command[0] != "inspect":  # which shows it
        assert said("grid.onnx") == "edge: grid.onnx: a packed model: name it grid.epk\n"


def test_what_no_engine_reads_is_not_installed(edge: Edge) -> None:
    Path("squeeze.net").write_bytes(b"a codebook")
    Path("squeeze.toml").write_text(GRID_MANIFEST)
    done = edge("models", "install", "squeeze.net")
    assert done.code == 2
    assert "no engine reads .net; known: .engine, .epk, .onnx, " in done.err
    assert "`edge compress` makes an .epk of it" in done.err


def test_only_an_unknown_name_is_guessed_at(edge: Edge) -> None:
    edge("models", "install", "grid-1.epk")
    slot = Path("cache/models/grid.a.epk")
    slot.write_bytes(slot.read_bytes()[:-1])
    for name, guessed in (("grid", False), ("gird", True)):
        config = f'[[camera]]\nname = "porch"\nsource = "synthetic:"\n[model]\nname = "{name}"\n'
        Path("edge.toml").write_text(config)
        done = edge("check", "--config", "edge.toml")
        assert (done.code, "did you mean `grid`?" in done.err, "there are " in done.err) == (2, guessed, False)


def test_an_update_is_called_one_and_overwrites_nothing_unasked(edge: Edge) -> None:
    done = edge("delta", "grid-1.epk", "grid-2.epk", "-o", "grid-2.epk")
    assert (done.code, done.err) == (2, "edge: grid-2.epk: an update is called NAME.epd: name it grid-2.epd\n")
    done = edge("delta", "grid-1.epk", "grid-2.epk", "-o", "updates/new.bin")
    assert "name it updates/new.epd\n" in done.err
    Path("grid.epd").write_bytes(b"mine")
    done = edge("delta", "grid-1.epk", "grid-2.epk", "-o", "grid.epd")
    assert (done.code, Path("grid.epd").read_bytes()) == (2, b"mine")
    assert edge("delta", "grid-1.epk", "grid-2.epk", "-o", "grid.epd", "--force").code == 0


def test_a_known_model_that_is_installed_packed_is_listed_once(edge: Edge, tmp_path: Path) -> None:
    places = tmp_path / "cache" / "models"
    places.mkdir(parents=True)
    (places / "yolox-nano.a.epk").write_bytes(packed_grid(tmp_path, name="yolox-nano"))
    (places / "yolox-nano.epk").symlink_to("yolox-nano.a.epk")
    (row,) = (row for row in json.loads(edge("models", "list", "--json").out) if row["name"] == "yolox-nano")
    assert row["packed"]["version"] == 1
    assert edge("models", "list").out.count("yolox-nano  ") == 1
