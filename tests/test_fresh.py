"""What a reload makes sure of before it stops what runs."""

from __future__ import annotations

import logging
import os
import pickle
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge import apart, fresh, hardware
from edge.config.load import load
from edge.config.schema import Config
from edge.errors import MissingError, ModelError
from edge.models.install import install
from edge.opening import prove
from edge.running import Running
from tests.support.epk import packed_grid


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Of a camera with a packed model whose outputs are not the head's."""
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    (tmp_path / "broken.epk").write_bytes(packed_grid(tmp_path, broken="manifest"))
    path = tmp_path / "edge.toml"
    model = f'[model]\nname = "{tmp_path / "broken.epk"}"\n'
    path.write_text(f'[[camera]]\nname = "hall"\nsource = "synthetic:"\n{model}[web]\nenabled = false\n')
    return load(path)


def running(**daemon: Any) -> Running:
    return cast(Running, SimpleNamespace(daemon=SimpleNamespace(**daemon)))


def test_a_model_that_does_not_load_is_found_out(config: Config) -> None:
    with pytest.raises(ModelError, match="it has no output `nothing`"):
        fresh.ready(config, running(config=config, model=None))


def test_a_model_that_takes_its_process_with_it_does_not_take_the_daemon(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(pid: int | None) -> int:
        """In place of what a crash or a lack of memory does."""
        os.kill(pid or 0, signal.SIGKILL)
        return 0

    monkeypatch.setattr(apart, "_resident_mb", kill)
    with pytest.raises(ModelError, match="ended the process that tried it out"):
        fresh.ready(config, running(config=config, model=None))


def test_a_trial_knows_no_passwords(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    login = 'username = "viewer"\npassword = "hidden-one"\n'
    path.write_text(
        f'[[camera]]\nname = "hall"\nsource = "rtsp://hidden-place/x"\n{login}'
        f'[model]\nname = "yolox-nano"\nengine = ["onnxruntime", "kserve"]\n'
        f'[engine.kserve]\nurl = "http://u:hidden-word@hidden-place"\n'
        f'[mqtt]\nhost = "b"\n{login}[email]\nhost = "m"\nfrom = "a@b.c"\nto = "a@b.c"\n{login}'
    )
    assert b"hidden" not in pickle.dumps(fresh._bare(load(path)))


def test_where_memory_is_short_it_is_said_that_nothing_was_tried_out(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(hardware, "memory_mb", lambda: (512, 90))
    found = fresh.ready(config, running(config=config, model=None))
    assert found is not None
    assert "is not tried out before it is to serve: that may take 200 MB, and of 90 that are avail" in caplog.text


def test_a_slot_that_fails_the_trial_makes_way_and_why_is_told_when_the_other_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    install(packed_grid(tmp_path, 1), Path("old.epk"), prove)
    install(packed_grid(tmp_path, 2, broken="manifest"), Path("new.epk"), lambda model: None)
    path = tmp_path / "edge.toml"
    path.write_text(
        '[[camera]]\nname = "hall"\nsource = "synthetic:"\n[model]\nname = "grid"\n[web]\nenabled = false\n'
    )
    config = load(path)
    model = fresh.ready(config, running(config=config, model=None))
    assert model is not None
    assert model.packed is not None
    assert model.slot is not None
    assert model.packed.origin.version == 1
    assert "it has no output `nothing`" in model.slot.passed


def test_the_model_that_runs_already_is_not_loaded_twice(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as short:
        short.setattr(hardware, "memory_mb", lambda: (512, 90))
        model = fresh.ready(config, running(config=config, model=None))
    again = fresh.ready(config, running(config=config, model=model))
    assert again is not None
    assert model is not None
    assert again.sha256 == model.sha256


def test_cameras_without_a_model_need_none(config: Config) -> None:
    motion = config.model_copy(update={"camera": [config.camera[0].model_copy(update={"labels": ["motion"]})]})
    assert fresh.ready(motion, running(config=config, model=None)) is None


def test_a_pose_model_that_is_not_here_keeps_the_daemon_that_runs(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "edge.toml"
    path.write_text(path.read_text() + "[pose]\nenabled = true\n")
    with pytest.raises(MissingError, match="edge models pull pose-landmark-full"):
        fresh.ready(load(path), running(config=config, model=None))
