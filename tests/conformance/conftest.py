"""A cache of their own for tests that load models, and a loader that closes what it opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.engines.base import Engine, EngineOptions, ModelFile
from tests.conformance.engines import Case
from tests.support.fake_tensorrt import Fake
from tests.support.servers import Triton


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def load(case: Case, request: pytest.FixtureRequest) -> Iterator[Callable[..., Engine]]:
    """Loads a model on the case's back end with one thread; more options by name."""
    opened: list[Engine] = []

    def open_it(model: ModelFile, **more: Any) -> Engine:
        opened.append(case.load(model, EngineOptions(**{"threads": 1, **more}), request))
        return opened[-1]

    yield open_it
    for engine in opened:
        engine.close()


@pytest.fixture
def add(case: Case, load: Callable[..., Engine], tmp_path: Path) -> Engine:
    """y = x + 1, float32 (1, 4), loaded."""
    return load(case.adding(tmp_path))


@pytest.fixture
def tensorrt(install: Callable[[str], Fake]) -> Fake:
    """The release that JetPack 7 began with."""
    return install("10.16.1.11")


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    with Triton(tmp_path_factory.mktemp("triton") / "own") as made:
        yield made
