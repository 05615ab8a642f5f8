"""Every board's profile watches a clip: its engine takes its model, and on the smallest board memory suffices."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge.cache import search_folders
from edge.firmware.board import board, boards
from tests.support.shared_data import DATA, SSD, YOLOX, needs_data

FRAMES, SIZE = 20, (640, 480)
SMALLEST_MB = 150
"""Peak of the process on a board of 512 MB. Measured here, on x86, where code is about as large as on aarch64."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the models of all profiles, and the first frames of a street as `clip.avi`."""
    folder = tmp_path_factory.mktemp("cache")
    env = os.environ | {"EDGE_CACHE": str(folder)}
    for model in (SSD, YOLOX):
        command = [sys.executable, "-m", "edge", "models", "install", model]
        subprocess.run(command, env=env, check=True, capture_output=True)
    for name in ("ssdlite-pedestrian.pb", "pose-detection.tflite"):
        kept = next((path / name for path in search_folders() if (path / name).is_file()), None)
        if kept is None:
            pytest.skip(f"{name} is not in the cache: edge models pull")
        shutil.copy(kept, folder / "models" / name)
    film = cv2.VideoCapture(str(DATA / "footage" / "vtest_A.mp4"))
    clip = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, SIZE)
    for _ in range(FRAMES):
        clip.write(cv2.resize(film.read()[1], SIZE))
    clip.release()
    film.release()
    return folder


@needs_data
@pytest.mark.parametrize("name", boards())
def test_a_profile_finds_people_with_its_own_engine(name: str, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(board(name).profile)
    command = [sys.executable, "-m", "edge", "replay", str(cache / "clip.avi"), "--config", "edge.toml"]
    command += ["--events", "events.jsonl", "--summary", "told.json"]
    env = os.environ | {"EDGE_CACHE": str(cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    # A process begins with the peak of the one it was forked from: not these tests' own, but a shell's.
    shell = ["sh", "-c", '"$@"; exit $?', "sh"]
    done = subprocess.run([*shell, *command], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["inferences"] > FRAMES / 2
    assert told["alerts"]["person"] > 0
    assert f'"{told["engine"]}"' in board(name).profile
    if name == "pi-zero-2w":
        assert told["peak_rss_mb"] <= SMALLEST_MB
