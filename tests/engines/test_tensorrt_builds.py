"""What TensorRT is told to build, by release and precision, and what is kept of it; on the fake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.engines import kept, registry, tensorrt
from edge.engines.base import EngineOptions
from edge.engines.tensorrt_log import Progress
from edge.errors import ModelError
from tests.support.fake_tensorrt import Fake
from tests.support.nets import add_one, onnx_file
from tests.support.tensorrt_bindings import RELEASES

Install = Callable[[str], Fake]
FEED = {"x": np.ones((1, 4), np.float32)}
every_release = pytest.mark.parametrize("release", RELEASES)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return add_one(tmp_path / "add.onnx")


@pytest.fixture
def half_model(tmp_path: Path) -> Path:
    spec = ((1, 4), TensorProto.FLOAT16)
    node = helper.make_node("Add", ["x", "one"], ["y"])
    return onnx_file(tmp_path / "half.onnx", [node], {"x": spec}, {"y": spec}, {"one": np.ones(1, np.float16)})


@pytest.fixture
def quantized_model(tmp_path: Path) -> Path:
    spec = ((1, 4), TensorProto.FLOAT)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    weights = {"scale": np.array(0.5, np.float32), "zero": np.array(0, np.int8)}
    return onnx_file(tmp_path / "int8.onnx", nodes, {"x": spec}, {"y": spec}, weights)


@pytest.fixture
def fake(install: Install) -> Fake:
    return install("10.16.1.11")


@pytest.mark.parametrize(
    ("release", "network"),
    [
        ("8.6.1", {"EXPLICIT_BATCH"}),
        ("10.3.0", {"EXPLICIT_BATCH", "STRONGLY_TYPED"}),
        ("10.16.1.11", {"EXPLICIT_BATCH", "STRONGLY_TYPED"}),
        ("11.4.0.106", {"STRONGLY_TYPED"}),
    ],
)
def test_f32_is_the_files_own_precision_without_tf32(
    release: str, network: set[str], model: Path, install: Install
) -> None:
    fake = install(release)
    registry.load("tensorrt", model)
    assert fake.built[0]["network"] == network
    assert fake.built[0]["flags"] == set()
    assert fake.built[0]["limits"] == {"WORKSPACE": 1 << 30}


@pytest.mark.parametrize("release", ["8.6.1", "10.3.0", "10.16.1.11"])
def test_f16_is_a_flag_where_there_is_one(release: str, model: Path, install: Install) -> None:
    fake = install(release)
    registry.load("tensorrt", model, EngineOptions(precision="f16"))
    assert fake.built[0]["network"] == {"EXPLICIT_BATCH"}
    assert fake.built[0]["flags"] == {"FP16", "TF32"}


@pytest.mark.parametrize(
    ("release", "precision", "usual"),
    [("11.4.0.106", "f16", "float16"), ("11.4.0.106", "bf16", "bfloat16"), ("8.6.1", "bf16", "bfloat16")],
)
def test_a_precision_that_only_the_file_can_have_is_refused_with_what_to_do(
    release: str, precision: str, usual: str, model: Path, install: Install
) -> None:
    install(release)
    with pytest.raises(
        ModelError, match=rf"TensorRT {release} computes in the file's own types.* ONNX to {usual}, or set"
    ):
        registry.load("tensorrt", model, EngineOptions(precision=precision))  # type: ignore[arg-type]


def test_bf16_is_a_flag_of_release_10(model: Path, fake: Fake) -> None:
    registry.load("tensorrt", model, EngineOptions(precision="bf16"))
    assert fake.built[0]["flags"] == {"BF16", "TF32"}


@every_release
@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_a_file_in_float16_is_computed_as_it_is(
    release: str, precision: str, half_model: Path, install: Install
) -> None:
    install(release)
    loaded = registry.load("tensorrt", half_model, EngineOptions(precision=precision))  # type: ignore[arg-type]
    assert loaded.inputs[0].dtype == loaded.outputs[0].dtype == "float16"
    np.testing.assert_array_equal(loaded.run({"x": np.ones((1, 4), np.float16)})["y"], 2)


@pytest.mark.parametrize(
    ("release", "precision", "flags"),
    [
        ("8.6.1", "f32", {"INT8"}),
        ("8.6.1", "f16", {"INT8", "FP16", "TF32"}),
        ("10.3.0", "f32", set()),
        ("10.16.1.11", "f16", {"INT8", "FP16", "TF32"}),
        ("11.4.0.106", "f32", set()),
    ],
)
def test_int8_comes_from_the_quantized_graph_with_no_calibration(
    release: str, precision: str, flags: set[str], quantized_model: Path, install: Install
) -> None:
    fake = install(release)
    fake.refuse = "enough seen"  # the reference cannot compute it
    with pytest.raises(ModelError, match="enough seen"):
        registry.load("tensorrt", quantized_model, EngineOptions(precision=precision))  # type: ignore[arg-type]
    assert fake.built[0]["flags"] == flags
    fake.refuse = ""


def test_a_build_is_kept_and_the_next_load_is_quick(model: Path, fake: Fake) -> None:
    assert not tensorrt.quick(model, EngineOptions())
    registry.load("tensorrt", model)
    assert tensorrt.quick(model, EngineOptions())
    np.testing.assert_array_equal(registry.load("tensorrt", model).run(FEED)["y"], 2)
    assert len(fake.built) == 1


def test_another_model_release_gpu_precision_or_shape_is_built_anew(tmp_path: Path, install: Install) -> None:
    fake, path = install("10.16.1.11"), add_one(tmp_path / "m.onnx", ("n", 4))
    fake.gpu.set("devices", 2)
    seen = [
        EngineOptions(),
        EngineOptions(precision="f16"),
        EngineOptions(inputs={"x": (1, 4)}),
        EngineOptions(inputs={"x": (2, 4)}),
        EngineOptions(device="CUDA:1"),
    ]
    for count, options in enumerate(seen, 1):
        registry.load("tensorrt", path, options)
        assert len(fake.built) == count
    for options in seen:
        registry.load("tensorrt", path, options)
    assert len(fake.built) == len(seen)
    add_one(path, ("m", 4))
    registry.load("tensorrt", path)
    assert len(fake.built) == len(seen) + 1
    newer = install("11.4.0.106")
    registry.load("tensorrt", path)
    assert len(newer.built) == 1


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "foreign"])
def test_a_kept_engine_that_is_damaged_or_refused_is_built_anew(
    damage: str, model: Path, fake: Fake, own_cache: Path
) -> None:
    registry.load("tensorrt", model)
    (place,) = (own_cache / "tensorrt").glob("add-*.built")
    whole = place.read_bytes()
    if damage == "foreign":
        # As after a change of the driver, or of what the key does not know.
        kept.keep(place, whole[kept.DIGEST :].replace(b"10.16.1", b"10.15.9"))
    else:
        place.write_bytes({"cut": whole[:-7], "changed": whole[:-1] + b"?", "emptied": b""}[damage])
    assert tensorrt.quick(model, EngineOptions()) is (damage == "foreign")
    np.testing.assert_array_equal(registry.load("tensorrt", model).run(FEED)["y"], 2)
    assert len(fake.built) == 2
    assert place.read_bytes() == whole


@pytest.mark.parametrize("where", ["file", "none"])
def test_works_without_a_cache_that_may_be_written(
    where: str, model: Path, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EDGE_CACHE", "CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if where == "file":
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        np.testing.assert_array_equal(registry.load("tensorrt", model).run(FEED)["y"], 2)
    assert len(fake.built) == 2


def test_what_was_timed_serves_the_next_build(tmp_path: Path, fake: Fake, own_cache: Path) -> None:
    registry.load("tensorrt", add_one(tmp_path / "one.onnx"))
    registry.load("tensorrt", add_one(tmp_path / "two.onnx", (1, 5)))
    (place,) = (own_cache / "tensorrt").glob("timing-10.16.1.11-Fake-GPU-A.cache")
    assert [built["timed"] for built in fake.built] == [b"", b"|timed"]
    place.write_bytes(b"damaged")
    registry.load("tensorrt", add_one(tmp_path / "three.onnx", (1, 6)))
    assert fake.built[2]["timed"] == b""
    assert [p.name for p in own_cache.rglob("*") if p.is_dir()] == ["tensorrt"], "no drafts are left"


@every_release
def test_a_build_tells_its_progress_and_a_kept_engine_is_ready_at_once(
    release: str, model: Path, install: Install
) -> None:
    install(release)
    told: list[tuple[float, str]] = []
    options = EngineOptions(progress=lambda part, doing: told.append((part, doing)))
    registry.load("tensorrt", model, options)
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert parts[0] == 0
    assert told[0][1] == "reading add.onnx"
    assert told[-1] == (1.0, "ready")
    within = {round(part, 2) for part in parts if 0.02 < part < 0.95}
    assert len(within) == (0 if release == "8.6.1" else 4), "release 8 does not tell how far a build is"
    told.clear()
    registry.load("tensorrt", model, options)
    assert told == [(1.0, "ready")]


def test_progress_of_nested_phases_only_grows() -> None:
    told: list[float] = []
    progress = Progress(lambda part, doing: told.append(round(part, 3)))
    progress.start("all", None, 4)
    progress.step("all", 0)
    progress.start("part", "all", 2)
    progress.step("part", 0)
    progress.finish("part")  # before its last step
    assert progress.step("unheard of", 3)
    progress.step("all", 1)
    progress.start("another root", None, 10)
    progress.step("another root", 0)
    progress.step("all", 9)
    assert told == [0, 0.25, 0.25, 0.375, 0.5, 0.5, 0.5, 1]
