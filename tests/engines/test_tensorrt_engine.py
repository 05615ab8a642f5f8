"""The TensorRT engine on a fake: TensorRT's classes as four releases have them, CUDA made of malloc and memcpy."""

from __future__ import annotations

import gc
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.engines import registry, tensorrt
from edge.engines.base import EngineOptions, TensorSpec
from edge.engines.worker import Worker
from edge.errors import EngineError, FeedError, MissingError, ModelError
from tests.support.fake_tensorrt import Fake, plan
from tests.support.gpu import NOTHING, FakeGpu
from tests.support.nets import add_one, onnx_file
from tests.support.tensorrt_bindings import RELEASES

Install = Callable[[str], Fake]
FLOAT = TensorProto.FLOAT
ONES = np.ones((1, 4), np.float32)
every_release = pytest.mark.parametrize("release", RELEASES)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return add_one(tmp_path / "add.onnx")


@pytest.fixture
def open_model(tmp_path: Path) -> Path:
    return add_one(tmp_path / "open.onnx", ("n", 4))


@pytest.fixture
def fake(install: Install) -> Fake:
    return install("10.16.1.11")


@every_release
def test_builds_computes_and_gives_all_back(release: str, model: Path, install: Install, gpu: FakeGpu) -> None:
    install(release)
    loaded = registry.load("tensorrt", model)
    assert loaded.name == "tensorrt"
    assert loaded.inputs == (TensorSpec("x", (1, 4), "float32"),)
    assert loaded.outputs == (TensorSpec("y", (1, 4), "float32"),)
    first = loaded.run({"x": ONES})["y"]
    loaded.run({"x": ONES * 8})
    np.testing.assert_array_equal(first, 2 * ONES)
    loaded.close()
    loaded.close()
    del loaded
    gc.collect()
    assert gpu.held == NOTHING


@every_release
def test_agrees_with_the_oracle_on_a_graph_of_several_tensors(release: str, tmp_path: Path, install: Install) -> None:
    install(release)
    nodes = [
        helper.make_node("Mul", ["a", "b"], ["m"]),
        helper.make_node("Sub", ["a", "b"], ["s"]),
        helper.make_node("Transpose", ["s"], ["t"], perm=[1, 0]),
    ]
    spec, turned = ((3, 5), FLOAT), ((5, 3), FLOAT)
    path = onnx_file(tmp_path / "two.onnx", nodes, {"a": spec, "b": spec}, {"m": spec, "t": turned})
    random = np.random.default_rng(3)
    feed = {name: random.normal(size=(3, 5)).astype(np.float32) for name in "ab"}
    wanted = registry.load("reference", path).run(feed)
    got = registry.load("tensorrt", path).run(feed)
    assert got.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(got[name], array)


def test_the_table_knows_it_by_its_package_and_its_gpus(fake: Fake, gpu: FakeGpu) -> None:
    gpu.set("devices", 2)
    found = registry.probe("tensorrt", devices=True)
    assert (found.available, found.version, found.devices) == (True, "10.16.1.11", ("CUDA:0", "CUDA:1"))
    gpu.set("devices", 0)
    found = registry.probe("tensorrt", devices=True)
    assert not found.available
    assert "needs an NVIDIA GPU" in str(found.reason)


def test_without_a_gpu_tensorrt_is_not_even_started(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    gpu.set("devices", 0)
    for ask in (registry.load, lambda _, path: tensorrt.quick(path, EngineOptions())):
        with pytest.raises(MissingError, match="tensorrt needs an NVIDIA GPU") as fault:
            ask("tensorrt", model)
        assert "\n" not in str(fault.value)


def test_without_the_package_the_message_says_how_to_get_it(model: Path) -> None:
    with pytest.raises(MissingError, match=r"tensorrt .*is not installed \(with JetPack: apt install python3-libnv"):
        registry.load("tensorrt", model)


def test_a_device_that_is_not_here_is_refused(fake: Fake, model: Path) -> None:
    with pytest.raises(MissingError, match="tensorrt has no device NPU9 here; it has CUDA:0"):
        registry.load("tensorrt", model, EngineOptions(device="NPU9"))


@pytest.mark.parametrize(
    ("feed", "complaint"),
    [
        ({}, "`x` is missing"),
        ({"x": ONES.astype(np.float64)}, "wants float32, got float64"),
        ({"x": np.zeros((1, 5), np.float32)}, r"wants shape \(1, 4\), got \(1, 5\)"),
        ({"x": ONES, "z": ONES}, "no input is called `z`"),
    ],
)
def test_refuses_a_feed_that_does_not_fit(feed: dict[str, np.ndarray], complaint: str, fake: Fake, model: Path) -> None:
    loaded = registry.load("tensorrt", model)
    with pytest.raises(FeedError, match=complaint):
        loaded.run(feed)
    np.testing.assert_array_equal(loaded.run({"x": ONES})["y"], 2)


def test_a_buffer_is_pinned_and_read_without_a_copy_on_the_host(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    loaded = registry.load("tensorrt", model)
    before = gpu.held["pinned"]
    buffer = loaded.buffer("x", (1, 4))
    assert gpu.held["pinned"] == before + 1
    for value in (1, 5):
        buffer[...] = value
        np.testing.assert_array_equal(loaded.run({"x": buffer})["y"], value + 1)
    assert gpu.held["pinned"] <= before + 2, "the buffer, and what the output is fetched to; none for the input"
    strided = np.arange(8, dtype=np.float32).reshape(1, 8)[:, ::2]
    np.testing.assert_array_equal(loaded.run({"x": strided})["y"], [[1, 3, 5, 7]])
    loaded.close()
    np.testing.assert_array_equal(buffer, 5)
    del buffer, loaded
    gc.collect()
    assert gpu.held == NOTHING


def test_its_bare_call_computes_the_same(fake: Fake, model: Path) -> None:
    call = registry.load("tensorrt", model).bare({"x": ONES})
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(call())[0], [[2, 2, 2, 2]])


def test_works_in_a_thread_that_did_not_load_it_and_on_the_second_gpu(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    gpu.set("devices", 2)
    worker = Worker(registry.load("tensorrt", model, EngineOptions(device="CUDA:1")))
    seen: dict[int, float] = {}

    def camera(number: int) -> None:
        buffer = worker.buffer("x", (1, 4))
        buffer[...] = number
        seen[number] = sum(float(worker.run({"x": buffer})["y"][0, 3]) for _ in range(5))

    threads = [threading.Thread(target=camera, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    worker.close()
    assert seen == {0: 5, 1: 10, 2: 15}


def test_two_models_are_loaded_side_by_side(fake: Fake, tmp_path: Path, gpu: FakeGpu) -> None:
    one = registry.load("tensorrt", add_one(tmp_path / "one.onnx"))
    two = registry.load("tensorrt", add_one(tmp_path / "two.onnx", (2, 3)))
    one.close()
    np.testing.assert_array_equal(two.run({"x": np.zeros((2, 3), np.float32)})["y"], 1)
    two.close()
    assert gpu.held["streams"] == 0


@pytest.mark.parametrize("release", ["8.6.1", "11.4.0.106"])
def test_open_sizes_take_the_shape_given_at_loading(release: str, open_model: Path, install: Install) -> None:
    fake = install(release)
    loaded = registry.load("tensorrt", open_model, EngineOptions(inputs={"x": (3, 4)}))
    assert loaded.inputs[0].shape == loaded.outputs[0].shape == (3, 4)
    assert fake.built[0]["profile"] == {"x": [[3, 4]] * 3}
    assert loaded.run({"x": np.zeros((3, 4), np.float32)})["y"].shape == (3, 4)
    with pytest.raises(FeedError, match=r"wants shape \(3, 4\), got \(2, 4\)"):
        loaded.run({"x": np.zeros((2, 4), np.float32)})


@pytest.mark.parametrize("inputs", [{}, {"x": (None, 4)}])
def test_a_batch_left_open_takes_one_to_sixteen(
    inputs: dict[str, tuple[int | None, ...]], open_model: Path, fake: Fake
) -> None:
    loaded = registry.load("tensorrt", open_model, EngineOptions(inputs=inputs))
    assert loaded.inputs[0].shape == loaded.outputs[0].shape == (None, 4)
    assert fake.built[0]["profile"] == {"x": [[1, 4], [4, 4], [16, 4]]}
    for batch in (1, 16, 2, 7):
        got = loaded.run({"x": np.full((batch, 4), batch, np.float32)})["y"]
        np.testing.assert_array_equal(got, np.full((batch, 4), batch + 1))
    held = fake.gpu.held
    for batch in (3, 16, 1) * 5:
        loaded.run({"x": np.zeros((batch, 4), np.float32)})
    assert fake.gpu.held == held, "memory is for the largest batch so far"
    for batch in (0, 17):
        with pytest.raises(FeedError, match=r"`x` wants shapes from \(1, 4\) to \(16, 4\), got"):
            loaded.run({"x": np.zeros((batch, 4), np.float32)})


def test_another_size_left_open_has_to_be_given(tmp_path: Path, fake: Fake) -> None:
    wide = add_one(tmp_path / "wide.onnx", (1, "w"))
    with pytest.raises(ModelError, match=r"input `x` leaves axis 1 open.*only the first axis may stay open"):
        registry.load("tensorrt", wide)
    assert registry.load("tensorrt", wide, EngineOptions(inputs={"x": (1, 9)})).inputs[0].shape == (1, 9)


def test_a_shape_that_contradicts_the_model_does_not_change_it(fake: Fake, model: Path) -> None:
    loaded = registry.load("tensorrt", model, EngineOptions(inputs={"x": (1, 9)}))
    assert loaded.inputs[0].shape == (1, 4)


def test_an_output_whose_size_depends_on_the_data_is_refused(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    fake.data_dependent = True
    with pytest.raises(ModelError, match=r"output `y` has a size that depends on .*; try onnxruntime"):
        registry.load("tensorrt", model)
    gc.collect()
    assert gpu.held == NOTHING


@pytest.mark.parametrize(("name", "what"), [("packed", "in CHW4 order"), ("host", "in the host's memory")])
def test_a_tensor_that_is_no_plain_device_memory_is_refused(
    name: str, what: str, tmp_path: Path, fake: Fake, gpu: FakeGpu
) -> None:
    spec = ((1, 4), FLOAT)
    path = onnx_file(tmp_path / "t.onnx", [helper.make_node("Relu", [name], ["y"])], {name: spec}, {"y": spec})
    with pytest.raises(ModelError, match=what):
        registry.load("tensorrt", path)
    gc.collect()
    assert gpu.held == NOTHING


def test_a_lack_of_memory_is_told_at_loading_and_leaves_nothing(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    gpu.set("room_left", 20)
    with pytest.raises(EngineError, match="cudaMalloc failed: out of memory"):
        registry.load("tensorrt", model)
    gc.collect()
    assert gpu.held == NOTHING


def test_a_fault_of_the_device_is_one_engine_error_and_the_next_run_may_work(
    fake: Fake, model: Path, gpu: FakeGpu
) -> None:
    loaded = registry.load("tensorrt", model)
    gpu.set("next_wait", 700)
    with pytest.raises(EngineError, match="an illegal memory access was encountered"):
        loaded.run({"x": ONES})
    np.testing.assert_array_equal(loaded.run({"x": ONES})["y"], 2)


def test_a_device_that_is_lost_can_be_closed(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    loaded = registry.load("tensorrt", model)
    gpu.set("devices", 0)
    with pytest.raises(EngineError, match="cudaSetDevice failed"):
        loaded.run({"x": ONES})
    loaded.close()


def test_ten_thousand_runs_leave_nothing_behind(fake: Fake, tmp_path: Path, gpu: FakeGpu) -> None:
    loaded = registry.load("tensorrt", add_one(tmp_path / "wide.onnx", (1, 4000)))
    pictures = [np.zeros((1, 4000), np.float32), loaded.buffer("x", (1, 4000))]
    for picture in pictures * 50:
        loaded.run({"x": picture})
    held, resident = gpu.held, resident_kb()
    for picture in pictures * 5000:
        loaded.run({"x": picture})
    assert gpu.held == held
    # One leaked output a run would be 16 kB, 160 MB in all.
    assert resident_kb() - resident < 5 << 10


def resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


@pytest.mark.parametrize("description", [b"", b'{"task": "detect"}'])
def test_an_engine_file_is_loaded_as_it_is(description: bytes, model: Path, fake: Fake, tmp_path: Path) -> None:
    """Ultralytics' exporter writes a description before the engine, and its length before that."""
    built = tmp_path / "model.engine"
    head = len(description).to_bytes(4, "little") + description if description else b""
    built.write_bytes(head + plan({"version": "10.16.1.11", "profile": {}}, model.read_bytes()))
    assert tensorrt.quick(built, EngineOptions())
    np.testing.assert_array_equal(registry.load("tensorrt", built).run({"x": ONES})["y"], 2)
    assert fake.built == []


def test_an_engine_of_another_release_is_one_line_that_says_what_to_do(model: Path, fake: Fake, tmp_path: Path) -> None:
    built = tmp_path / "old.engine"
    built.write_bytes(plan({"version": "8.6.1", "profile": {}}, model.read_bytes()))
    with pytest.raises(
        ModelError, match=r"old\.engine: built by another release .*here are TensorRT 10\.16\.1\.11 and Fake"
    ) as f:
        registry.load("tensorrt", built)
    assert "\n" not in str(f.value)


@pytest.mark.parametrize("suffix", [".onnx", ".engine"])
@pytest.mark.parametrize("content", [b"", b"this is no model\n", bytes(range(256)) * 40, b"\x08\0\0\0{}" * 9])
def test_a_file_that_is_no_model_is_one_line(
    suffix: str, content: bytes, fake: Fake, tmp_path: Path, capfd: pytest.CaptureFixture[str], gpu: FakeGpu
) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a model that tensorrt can read") as fault:
        registry.load("tensorrt", path)
    assert "\n" not in str(fault.value)
    assert capfd.readouterr() == ("", "")
    gc.collect()
    assert gpu.held == NOTHING


def test_an_operator_that_it_lacks_is_told_with_the_engines_to_try(fake: Fake, tmp_path: Path) -> None:
    spec = ((1, 4), FLOAT)
    node = helper.make_node("Erf", ["x"], ["y"])
    path = onnx_file(tmp_path / "erf.onnx", [node], {"x": spec}, {"y": spec})
    with pytest.raises(ModelError, match=r"no operator for it: .*Erf; try onnxruntime or openvino"):
        registry.load("tensorrt", path)


def test_what_tensorrt_says_of_a_failed_build_is_told(fake: Fake, model: Path, gpu: FakeGpu) -> None:
    fake.refuse = "Could not find any implementation\nfor node {ForeignNode}."
    with pytest.raises(ModelError, match="cannot build it: Could not find any implementation for node"):
        registry.load("tensorrt", model)
    assert gpu.held == NOTHING


@pytest.mark.parametrize("suffix", [".onnx", ".engine"])
def test_a_driver_that_tensorrt_cannot_work_with_is_a_missing_part(
    suffix: str, fake: Fake, model: Path, gpu: FakeGpu
) -> None:
    fake.no_start = "CUDA initialization failure with error: 35"
    with pytest.raises(MissingError, match="tensorrt cannot start here: CUDA initialization failure with error: 35"):
        registry.load("tensorrt", model.rename(model.with_suffix(suffix)))
    assert gpu.held == NOTHING
