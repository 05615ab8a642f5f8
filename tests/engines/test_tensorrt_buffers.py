"""The memory of a model on a GPU, run for real on a CUDA library made of malloc and memcpy."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import numpy as np
import pytest

from edge.engines import cuda
from edge.engines.cuda import Cuda
from edge.engines.gpu_memory import Pinned, Slot
from edge.errors import EngineError, MissingError
from tests.support.gpu import NAME, NOTHING, FakeGpu


@pytest.fixture
def device(gpu: FakeGpu) -> Cuda:
    return cuda.open_cuda(None)


def test_devices_are_named_and_the_first_has_short_names(gpu: FakeGpu) -> None:
    gpu.set("devices", 2)
    assert cuda.devices() == ("CUDA:0", "CUDA:1")
    for name, wanted in ((None, "A"), ("CUDA", "A"), ("GPU", "A"), ("CUDA:0", "A"), ("CUDA:1", "B")):
        opened = cuda.open_cuda(name)
        assert opened.gpu == f"Fake GPU {wanted}"
        opened.close()
    with pytest.raises(MissingError, match=r"tensorrt has no device CUDA:2 here; it has CUDA:0, CUDA:1$"):
        cuda.open_cuda("CUDA:2")


def test_no_gpu_and_no_cuda_are_one_line_each(gpu: FakeGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.set("devices", 0)
    with pytest.raises(MissingError, match=rf"needs an NVIDIA GPU: .*{NAME} finds none \(no CUDA-capable device"):
        cuda.devices()
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    with pytest.raises(MissingError, match="needs an NVIDIA GPU: libcudart, CUDA's runtime library, is not here"):
        cuda.devices()
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / "libcudart.so").write_text("no library")
    with pytest.raises(MissingError, match="is not here"):
        cuda.devices()


def test_a_library_that_finds_no_gpu_is_passed_over_for_one_that_does(gpu: FakeGpu, cudart: Path) -> None:
    # As where a toolkit that is newer than the driver is installed beside one that is not.
    (gpu.home / "lib").mkdir()
    (gpu.home / "lib" / "libcudart.so.13").write_bytes(cudart.read_bytes())
    other = FakeGpu(gpu.home / "lib" / "libcudart.so.13")
    other.set("devices", 0)
    assert cuda.devices() == ("CUDA:0",)
    gpu.set("devices", 0)
    other.set("devices", 3)
    assert len(cuda.devices()) == 3


def test_the_library_that_pip_brings_is_found(
    gpu: FakeGpu, cudart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "site" / "nvidia" / "cuda_runtime" / "lib"
    wheel.mkdir(parents=True)
    (wheel / NAME).write_bytes(cudart.read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delenv("CUDA_HOME")
    assert "CUDA:0" in cuda.devices()


def test_a_tensor_goes_there_and_back_only_when_waited_for(device: Cuda) -> None:
    slot = Slot(device, Pinned(device), "float32")
    slot.fit((2, 3))
    with device.current():
        slot.put(np.arange(6, dtype=np.float32).reshape(2, 3))
        slot.stage[...] = 7  # still read: the copy has not begun
        slot.fetch()
        assert (slot.stage == 7).all()
        device.wait()
    np.testing.assert_array_equal(slot.stage, 7)
    slot.free()
    device.close()


def test_a_pinned_array_is_read_where_it_is(device: Cuda) -> None:
    pinned = Pinned(device)
    array = pinned.array((4, 8), "uint8")
    array[...] = 5
    slot = Slot(device, pinned, "uint8")
    slot.fit((4, 8))
    with device.current():
        slot.put(array)
        array[...] = 6  # the device reads it when it comes to it
        slot.fetch()
        device.wait()
    np.testing.assert_array_equal(slot.stage, 6)
    slot.free()
    device.close()


def test_pinned_memory_is_known_again_by_its_views(device: Cuda) -> None:
    pinned = Pinned(device)
    array = pinned.array((4, 8), "float32")
    assert array.shape == (4, 8)
    assert array.dtype == np.float32
    assert pinned.holds(array)
    assert pinned.holds(array[1:3])
    assert not pinned.holds(array[:, ::2])
    assert not pinned.holds(np.empty((4, 8), np.float32))
    device.close()


def test_pinned_memory_lives_as_long_as_a_view_of_it_also_after_closing(gpu: FakeGpu, device: Cuda) -> None:
    array = Pinned(device).array((2, 2), "uint8")
    array[...] = 9
    device.close()
    view = array[1:]
    del array
    gc.collect()
    assert gpu.held == {**NOTHING, "pinned": 1}
    np.testing.assert_array_equal(view, 9)
    del view
    gc.collect()
    assert gpu.held == NOTHING


def test_memory_grows_and_is_given_back_once(gpu: FakeGpu, device: Cuda) -> None:
    slot = Slot(device, Pinned(device), "float32")
    slot.fit((1, 4))
    first = slot.address
    slot.fit((1, 2))
    assert slot.address == first
    slot.fit((8, 4))
    assert slot.address != first
    assert gpu.held["device"] == 1
    assert slot.stage.shape == (8, 4)
    slot.free()
    slot.free()
    device.close()
    device.close()
    del slot
    gc.collect()
    assert gpu.held == NOTHING


def test_a_fault_is_told_in_cudas_words_and_not_left_behind(gpu: FakeGpu, device: Cuda) -> None:
    gpu.set("room_left", 100)
    with pytest.raises(EngineError, match="CUDA: cudaMalloc failed: out of memory"):
        device.memory(101)
    assert gpu.library.fake_last_error() == 0
    address, free = device.memory(100)
    assert address
    free()
    device.close()


def test_a_lost_device_is_told_when_it_is_waited_for(gpu: FakeGpu, device: Cuda) -> None:
    gpu.set("next_wait", 700)
    with device.current(), pytest.raises(EngineError, match="cudaEventSynchronize failed: an illegal memory access"):
        device.wait()
    device.close()


def test_the_second_gpu_works_in_a_thread_that_never_heard_of_it(gpu: FakeGpu) -> None:
    gpu.set("devices", 2)
    device = cuda.open_cuda("CUDA:1")
    pinned = Pinned(device)
    slot = Slot(device, pinned, "uint8")
    slot.fit((16,))
    done: list[int] = []

    def work() -> None:
        array = pinned.array((16,), "uint8")
        array[...] = 3
        with device.current():
            slot.put(array)
            slot.fetch()
            device.wait()
        done.append(int(slot.stage.sum()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert done == [48]
    slot.free()
    device.close()


def test_many_buffers_leave_nothing_behind(gpu: FakeGpu, device: Cuda) -> None:
    pinned = Pinned(device)
    kept = [pinned.array((n + 1, 3), "float32") for n in range(50)]
    assert gpu.held["pinned"] == 50
    assert all(pinned.holds(array) for array in kept)
    kept.clear()
    gc.collect()
    assert gpu.held["pinned"] == 0
    assert not pinned.holds(np.empty(3, np.float32))
    device.close()
