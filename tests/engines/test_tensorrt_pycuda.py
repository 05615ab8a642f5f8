"""The TensorRT engine through pycuda, where that is installed; on fakes of both."""

from __future__ import annotations

import gc
import importlib.machinery
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge.engines import cuda, registry
from edge.engines.cuda_pycuda import PyCuda
from edge.engines.worker import Worker
from edge.errors import EngineError, MissingError
from tests.support.fake_pycuda import fake_pycuda
from tests.support.fake_tensorrt import Fake
from tests.support.gpu import NOTHING, FakeGpu
from tests.support.nets import add_one


@pytest.fixture
def pycuda(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    package = fake_pycuda(gpu)
    package.__spec__ = importlib.machinery.ModuleSpec("pycuda", None, is_package=True)
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", package.driver)
    return package


def test_computes_in_a_thread_of_its_own_and_gives_all_back(
    pycuda: ModuleType, install: Callable[[str], Fake], tmp_path: Path, gpu: FakeGpu
) -> None:
    install("10.16.1.11")
    model = add_one(tmp_path / "add.onnx")
    assert cuda.open_cuda(None).gpu == "Fake GPU by pycuda"
    worker = Worker(registry.load("tensorrt", model))
    buffer = worker.buffer("x", (1, 4))
    buffer[...] = 3
    for feed in (buffer, np.array(buffer)):
        np.testing.assert_array_equal(worker.run({"x": feed})["y"], 4)
    worker.close()
    assert pycuda.driver.contexts() == 0, "pycuda aborts a process that ends with a context on the stack"
    np.testing.assert_array_equal(buffer, 3)
    del buffer, feed, worker
    gc.collect()
    assert gpu.held == NOTHING


def test_no_gpu_is_one_line(pycuda: ModuleType, gpu: FakeGpu) -> None:
    gpu.set("devices", 0)
    with pytest.raises(MissingError, match=r"needs an NVIDIA GPU: pycuda finds none .*no CUDA-capable device"):
        cuda.devices()


def test_a_fault_is_an_engine_error(pycuda: ModuleType, gpu: FakeGpu) -> None:
    device = cuda.open_cuda(None)
    gpu.set("room_left", 1)
    with device.current(), pytest.raises(EngineError, match="CUDA: cudaMalloc failed: out of memory"):
        device.memory(100)
    device.close()


def test_a_gpu_that_is_lost_is_an_engine_error_and_can_be_closed(
    pycuda: ModuleType, install: Callable[[str], Fake], tmp_path: Path, gpu: FakeGpu
) -> None:
    install("10.16.1.11")
    loaded = registry.load("tensorrt", add_one(tmp_path / "add.onnx"))
    gpu.set("devices", 0)
    with pytest.raises(EngineError, match="CUDA: cudaSetDevice failed: ") as fault:
        loaded.run({"x": np.zeros((1, 4), np.float32)})
    assert "\n" not in str(fault.value)
    loaded.close()
    assert pycuda.driver.contexts() == 0


def test_a_gpu_that_is_lost_while_it_is_used_is_an_engine_error(pycuda: ModuleType, gpu: FakeGpu) -> None:
    device = cuda.open_cuda(None)
    with pytest.raises(EngineError, match="CUDA: cuCtxPopCurrent failed: "), device.current():
        gpu.set("devices", 0)
    device.close()


def test_a_gpu_that_is_lost_before_it_is_opened_is_an_engine_error(pycuda: ModuleType, gpu: FakeGpu) -> None:
    gpu.set("devices", 2)
    devices = cuda.devices()
    gpu.set("devices", 1)
    with pytest.raises(EngineError, match="CUDA: cuDeviceGet failed: "):
        PyCuda(len(devices) - 1)
