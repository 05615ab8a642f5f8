"""A fake GPU, for the tests of TensorRT and for the suite over all engines."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_tensorrt import Fake
from tests.support.gpu import NAME, SOURCE, FakeGpu, compiled
from tests.support.tensorrt_bindings import bindings


@pytest.fixture(scope="session")
def cudart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("cudart") / NAME, SOURCE)


@pytest.fixture
def gpu(cudart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGpu]:
    """A GPU with nothing allocated: each copy of the library is loaded as one of its own."""
    library = tmp_path / "cuda" / "lib64" / NAME
    library.parent.mkdir(parents=True)
    shutil.copy(cudart, library)
    fake = FakeGpu(library)
    monkeypatch.setenv("CUDA_HOME", str(fake.home))
    yield fake
    assert fake.get("pageable") == 0, "a copy went through memory that is not pinned"


@pytest.fixture
def install(gpu: FakeGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Fake]:
    """Put a release of TensorRT in place: the module, and what says that it is installed."""

    def put(release: str) -> Fake:
        fake = Fake(bindings(release), gpu)
        monkeypatch.setitem(sys.modules, "tensorrt", fake.module)
        site = tmp_path / f"site-{release}"
        info = site / f"tensorrt-{release}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tensorrt\nVersion: {release}\n")
        monkeypatch.syspath_prepend(str(site))
        return fake

    return put
