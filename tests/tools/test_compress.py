"""Compressing to a bound in bytes, and tuning."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edge.errors import MissingError, UserError
from edge.models.store import find
from edge.tools.compress import compress
from edge.tools.settings import Settings, check
from tests.support.small_cnn import small_feeds, write_small


@pytest.mark.parametrize(
    "wanted",
    [
        Settings(quantize="int8", calibrate=Path("a"), max_bytes=10),
        Settings(quantize="int6", max_bytes=10),
        Settings(quantize="int6", calibrate=Path("a"), max_bytes=10, max_drop=0.1),
        Settings(quantize="int6", calibrate=Path("a"), max_bytes=0),
    ],
)
def test_a_bound_in_bytes_is_of_grids_alone(wanted: Settings) -> None:
    with pytest.raises(UserError, match="max_bytes"):
        check(wanted)


def test_a_bound_in_bytes_goes_with_grids_and_pictures() -> None:
    check(Settings(quantize="int6", calibrate=Path("a"), max_bytes=10))


@pytest.mark.parametrize(
    "wanted",
    [
        Settings(quantize="int6", tune=3),
        Settings(quantize="fp16", calibrate=Path("a"), tune=3),
        Settings(share=4, calibrate=Path("a"), tune=3),
        Settings(tune=3),
    ],
)
def test_tuning_is_of_grids_on_pictures(wanted: Settings) -> None:
    with pytest.raises(UserError, match="`--tune` trains"):
        check(wanted)


def test_without_torch_tuning_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    path = write_small(tmp_path)
    with pytest.raises(MissingError, match=r"edge-runtime\[train\]"):
        compress(find(str(path)), Settings(quantize="int6", calibrate=tmp_path / "samples.npz", tune=3))


def test_tuning_on_the_only_picture_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    path = write_small(tmp_path)
    wanted = Settings(quantize="int6", calibrate=tmp_path / "samples.npz", tune=3, pictures=1)
    with pytest.raises(UserError, match="give more than one with `--calibrate`"):
        compress(find(str(path)), wanted)


def test_a_tuned_model_is_nearer_to_the_original_on_pictures_that_it_was_not_tuned_on(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    path = write_small(tmp_path)
    np.savez(tmp_path / "many.npz", data=np.concatenate([feed["data"] for feed in small_feeds(64)]))
    wanted = Settings(prune=0.6, quantize="int6", calibrate=tmp_path / "many.npz", tune=40)
    *_, before, after = compress(find(str(path)), wanted).steps
    assert after.name == "tuned"
    assert before.quality is not None
    assert after.quality is not None
    assert after.quality.sqnr_db["scores"] > before.quality.sqnr_db["scores"] + 3
