"""A daemon whose packed model is damaged starts with the version before, and its owner hears of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.models.install import install
from edge.models.slots import Slots
from edge.opening import prove
from tests.support.broker import free_port
from tests.support.daemon import Daemon
from tests.support.epk import packed_grid


def test_the_version_before_serves_and_the_owner_hears_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    for number in (1, 2):
        install(packed_grid(tmp_path, number), Path("new.epk"), prove)
    slots = Slots(tmp_path / "cache" / "models", "grid")
    slots.file("b").write_bytes(slots.file("b").read_bytes()[:-1])
    config = f"""
        [[camera]]
        name = "street"
        source = "synthetic:"
        [model]
        name = "grid"
        [web]
        port = {free_port()}
    """
    daemon = Daemon(tmp_path, config).start()
    try:
        (engine,) = daemon.status()["engines"]
        assert (engine["model"], engine["version"], engine["state"]) == ("grid", 1, "standing_in")
        assert "grid version 1" in daemon.edge("status")
        assert engine["reason"].startswith("version 1 of grid stands in: ")
        assert "grid.b.epk: is damaged" in engine["reason"]
        rows = json.loads(daemon.edge("events", "--json"))
        assert [row["after"]["sub_label"] for row in rows if row["after"]["label"] == "engine"] == [engine["reason"]]
        assert (slots.active, slots.filled) == ("a", ("a",))
        daemon.stop()
        daemon.start()
        assert daemon.status()["engines"][0]["state"] == "up", "it is old news"
    finally:
        daemon.kill()
