"""A reload whose model cannot serve takes no camera away: what ran goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.models.install import install
from edge.models.slots import slots_of
from edge.opening import prove
from tests.support.broker import eventually, free_port
from tests.support.daemon import Daemon
from tests.support.epk import packed_grid
from tests.support.keys import key_pair

ON = "not reloaded, the daemon goes on as it was"


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """One with an installed packed model, on a machine without the package that verifies signatures."""
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    install(packed_grid(tmp_path), Path("new.epk"), prove)
    absent = tmp_path / "absent" / "cryptography"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text('raise ImportError("no such package")\n')
    config = f"""
        [[camera]]
        name = "street"
        source = "synthetic:"
        [model]
        name = "grid"
        [web]
        port = {free_port()}
    """
    daemon = Daemon(tmp_path, config, {"PYTHONPATH": f"{absent.parent}:{os.environ.get('PYTHONPATH', '')}"})
    daemon.start()
    yield daemon
    daemon.kill()


def reload(daemon: Daemon, says: str) -> str:
    """What a reload has logged, once it is over."""
    before = len(daemon.log())
    daemon.signal(signal.SIGHUP)
    eventually(lambda: says in daemon.log()[before:], 20)
    return daemon.log()[before:]


def test_what_cannot_serve_changes_nothing(daemon: Daemon, tmp_path: Path) -> None:
    eventually(lambda: daemon.watches("street"))
    good = daemon.config.read_text()
    key = tmp_path / "keys" / "maker.pem"
    key.parent.mkdir()
    key.write_bytes(key_pair(tmp_path, "maker").public.read_bytes())
    assert "pip install 'edge-runtime[sign]'" in reload(daemon, ON)
    key.unlink()

    daemon.config.write_text(good.replace('"grid"', '"yolox-nano"'))
    assert "model yolox-nano is not on this machine" in reload(daemon, ON)

    broken = tmp_path / "broken.epk"
    broken.write_bytes(packed_grid(tmp_path, name="other", broken="manifest"))
    daemon.config.write_text(good.replace('"grid"', f'"{broken}"'))
    assert "it has no output `nothing`" in reload(daemon, ON)
    broken.write_bytes(packed_grid(tmp_path, name="other"))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: daemon.watches("street") and daemon.serves("other"), 20)


def test_going_back_wants_no_file(daemon: Daemon) -> None:
    eventually(lambda: daemon.watches("street"))
    slots = slots_of("grid")
    assert slots is not None
    slots.remove()
    assert "no model is called `grid`" in reload(daemon, ON)
    good = daemon.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken_port = f"port = {taken.getsockname()[1]}"
        motion = good.replace('"synthetic:"', '"synthetic:"\nlabels = ["motion"]').replace('name = "grid"', "")
        daemon.config.write_text(re.sub(r"port = \d+", taken_port, motion))
        reload(daemon, "back to the configuration before")
        eventually(lambda: daemon.watches("street"), 20)
        assert daemon.serves("grid")
