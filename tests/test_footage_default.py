"""What the models of the default find together on real footage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.models import catalogue, store
from tests.support.command import Edge
from tests.support.shared_data import DATA, needs_data

PULLED = [entry is not None and store.cached(entry) for entry in map(catalogue.by_name, catalogue.DEFAULTS)]
pytestmark = [
    needs_data,
    pytest.mark.slow,
    pytest.mark.skipif(not all(PULLED), reason="needs `edge models pull`"),
]


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def spans(edge: Edge, folder: Path, clip: Path) -> list[tuple[int, int]]:
    """First and last frame of each person that was told of."""
    done = edge("replay", clip, "--events", folder / "e", "--summary", folder / "s", "--threads", 1)
    assert done.code == 0, done.err
    fps = json.loads((folder / "s").read_text())["fps_clip"]
    events = [json.loads(line) for line in (folder / "e").read_text().splitlines()]
    ends = [event["after"] for event in events if event["type"] == "end"]
    return sorted((round(end["start_time"] * fps), round(end["end_time"] * fps)) for end in ends)


def test_who_comes_near_is_one_event_a_visit(edge: Edge, tmp_path: Path) -> None:
    clip = DATA / "footage" / "onebyone_A.mp4"
    wanted = json.loads(clip.with_suffix(".json").read_text())["visits_frames"]
    found = spans(edge, tmp_path, clip)
    assert len(found) == len(wanted)
    for span, visit in zip(found, wanted, strict=True):
        assert span == pytest.approx(tuple(visit), abs=8)


def test_cars_are_nobody(edge: Edge, tmp_path: Path) -> None:
    assert spans(edge, tmp_path, DATA / "footage" / "car-detection.mp4") == []
