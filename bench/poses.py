"""What joints tell on real footage: falls, postures, and how two models agree."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.fallen import confirmed, fell, onset
from bench.places import DATA, MOVENET, footage, replay
from bench.table import Missing, Row, at_least, at_most
from edge.types import JOINT_SEEN

ON = ("--set", "pose.enabled=true")
MODELS = {"BlazePose": (), "MoveNet": ("--set", f"pose.model={json.dumps(str(MOVENET))}")}
LEGS = slice(13, 17)
_MARGIN = 4
"""Frames around a visit's labelled ends that are neither occupied nor empty: somebody is half in the picture."""


def falls() -> Iterator[Row]:
    """Acted falls and everyday clips through the whole pipeline: the last picture held for three seconds."""
    folder = DATA / "falls"
    if not (folder / "labels.json").is_file():
        raise Missing("falls beside the checkout, in ../shared/data")
    labels = json.loads((folder / "labels.json").read_text())
    for name, model in MODELS.items():
        delays: list[float] = []
        false, real = 0, sum(label["fall"] for label in labels.values())
        for clip, label in labels.items():
            events = replay(folder / clip, "--hold", 3, *ON, *model)[0]
            at = confirmed(events)
            if not label["fall"]:
                false += at is not None
                continue
            told = "missed" if at is None else f"{at - onset(label):.1f} s"
            yield Row(f"fall in {Path(clip).stem}, {name}: from its labelled onset to its confirmation", told)
            delays += [] if at is None else [at - onset(label)]
        yield at_least(f"falls confirmed of {real}, {name}", len(delays), real)
        yield at_most(f"false falls in {len(labels) - real} everyday clips, {name}", false, 0)
        yield at_most(f"from a fall's onset to its confirmation, median, {name}", statistics.median(delays), 2.0, " s")


def postures() -> Iterator[Row]:
    """People who walk by stand, nobody falls, and in an empty room there are no joints."""
    for name, model in MODELS.items():
        clip = footage("onebyone_A")
        visits = json.loads(clip.with_suffix(".json").read_text())["visits_frames"]
        events, _, frames, _ = replay(clip, *ON, *model)
        legs, standing, empty, ghosts = 0, 0, 0, 0
        for frame in frames:
            n = frame["frame"]
            poses = [track for track in frame["tracks"] if track.get("pose")]
            if any(a + _MARGIN <= n <= b - _MARGIN for a, b in visits):
                seen = [track for track in poses if _has_legs(track["pose"])]
                legs += bool(seen)
                standing += any(track["posture"] == "standing" for track in seen)
            elif not any(a - _MARGIN <= n <= b + _MARGIN for a, b in visits):
                empty += 1
                ghosts += bool(poses)
        what = f"onebyone_A, {name}"
        yield at_least(
            f"{what}: standing in the frames with legs in view ({legs})", 100 * standing / max(legs, 1), 90, " %"
        )
        yield at_most(f"{what}: joints in empty frames", 100 * ghosts / empty, 2, " %")
        yield at_most(f"{what}: falls", sum(fell(event) for event in events), 0)
    for other in ("vtest_A", "car-detection"):
        events = replay(footage(other), *ON)[0]
        yield at_most(f"{other}: falls", sum(fell(event) for event in events), 0)


def _has_legs(pose: dict[str, Any]) -> bool:
    """Whether a knee and an ankle of one side at least are seen."""
    scores = np.array([joint[2] for joint in pose["keypoints"]])[LEGS].reshape(2, 2)
    return bool((scores >= JOINT_SEEN).all(axis=0).any())
