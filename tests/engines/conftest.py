"""A cache of their own for tests that load models, and a server that may be odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions
from tests.support.odd_server import MODEL_FILE, OddServer


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[OddServer]:
    made = OddServer()
    yield made
    made.close()


@pytest.fixture
def load(server: OddServer) -> Iterator[Callable[..., Engine]]:
    opened: list[Engine] = []

    def open_it(**more: Any) -> Engine:
        opened.append(
            registry.load("kserve", MODEL_FILE, EngineOptions(**{"server": server.url, "timeout_s": 10, **more}))
        )
        return opened[-1]

    yield open_it
    for engine in opened:
        engine.close()
