"""While TensorRT builds, the CPU serves; then the cameras' worker switches; at the next start nothing is built."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.engines import tensorrt_build
from edge.engines.base import EngineOptions
from edge.engines.chain import Chain
from edge.engines.links import Change
from edge.engines.worker import Worker
from edge.models.store import find
from edge.opening import links_of
from edge.predictor import Predictor
from tests.support.fake_tensorrt import Fake
from tests.support.nets import GRID_MANIFEST, grid_detector

ENGINES = ["tensorrt", "onnxruntime"]


@pytest.fixture
def model(tmp_path: Path) -> str:
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    return str(grid_detector(tmp_path / "grid.onnx"))


def test_the_cpu_serves_while_the_engine_is_built_and_then_the_gpu(
    model: str, install: Callable[[str], Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("10.16.1.11")
    let, told, build = threading.Event(), list[Change](), tensorrt_build.build

    def slowly(*given: Any, **more: Any) -> Any:
        assert let.wait(30)
        return build(*given, **more)

    monkeypatch.setattr("edge.engines.tensorrt.build", slowly)
    found, picture = find(model), np.zeros((64, 64, 3), np.uint8)
    picture[:32, :32] = 255
    options = EngineOptions(threads=1)
    with closing(Worker(Chain(links_of(found, ENGINES, options), told.append, again_s=(0.01, 0.02)))) as worker:
        predictor = Predictor(found, worker)
        on_cpu: Any = predictor.predict(picture)
        assert worker.name == "onnxruntime"
        assert told == [Change("onnxruntime", None, "tensorrt is being prepared", best=False, planned=True)]
        let.set()
        end = time.monotonic() + 30
        while worker.name != "tensorrt":
            assert time.monotonic() < end, "it did not switch"
            predictor.predict(picture)
        on_gpu: Any = predictor.predict(picture)
        np.testing.assert_allclose(on_gpu.boxes, on_cpu.boxes, atol=1e-3)
        assert [(change.serving, change.best) for change in told[1:]] == [("tensorrt", True)]
    with closing(Chain(links_of(found, ENGINES, options), told.append)) as chain:
        assert chain.name == "tensorrt", "what was built is kept, and loads at once"
    assert len(told) == 2
