"""Files that are no models, or were: one line within seconds, and no crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.engines.base import Engine
from edge.errors import ModelError
from tests.conformance.engines import LOCAL, Case, each
from tests.conformance.graphs import GRAPHS
from tests.support.servers import ROOT

CONTENTS = {
    "empty": b"",
    "a text": b"this is no model\n",
    "every byte": bytes(range(256)) * 40,
    "a flatbuffer of nonsense": b"\x08\x08TFL3" * 100,
    "zeros": bytes(1 << 20),
    "a length without end": b"\x3a\xff\xff\xff\xff\x7f" + b"x" * 100,
}


@each(LOCAL)
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_that_is_no_model_is_one_line(
    case: Case, content: bytes, load: Callable[..., Engine], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"bad{case.suffix}"
    path.write_bytes(content)
    begun = time.monotonic()
    with pytest.raises(ModelError, match=f"not a model that {case.name} can read") as fault:
        load(path)
    assert time.monotonic() - begun < 20  # seconds on a loaded machine, where one that hangs has no end
    assert "\n" not in str(fault.value)
    assert capfd.readouterr() == ("", "")


@each(LOCAL)
def test_a_truncated_model_is_refused(
    case: Case, load: Callable[..., Engine], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = case.adding(tmp_path).read_bytes()
    cut = tmp_path / f"cut{case.suffix}"
    for length in range(4, len(data) - 40, max(1, len(data) // 12)):
        cut.write_bytes(data[:length])
        with pytest.raises(ModelError):
            load(cut)
    assert capfd.readouterr() == ("", "")


@each(LOCAL)
def test_damaged_models_neither_crash_nor_hang_the_process(case: Case, tmp_path: Path) -> None:
    whole = GRAPHS["detection head"].file(tmp_path / "net.onnx") if case.suffix == ".onnx" else case.adding(tmp_path)
    code = [sys.executable, "-m", "tests.support.hostile", case.name, whole, "7", "120"]
    code.append("run" if case.runs_damaged else "load")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(code, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"after {done.stdout.splitlines()[-1:]}: {done.stderr[-2000:]}"
    assert done.stdout.endswith("done\n")
    refused = [line for line in done.stdout.splitlines() if "refused" in line]
    assert len(refused) > 20
    assert all(line.endswith("refused 0") for line in refused), "a refusal has no second line"
