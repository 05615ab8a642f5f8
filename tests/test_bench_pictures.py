"""Pictures that the benchmark draws and cuts to calibrate on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.compression import pictures


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    random = np.random.default_rng(0)
    for _ in range(12):
        writer.write(random.integers(0, 256, (120, 160, 3), dtype=np.uint8))
    writer.release()
    return path


def test_pictures_are_varied_and_two_runs_write_the_same(clip: Path, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        pictures.write(folder, [[clip]], 8)
        written.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert written[0] == written[1]
    assert len(set(written[0])) > 12
    assert len(written[0]) == 16
