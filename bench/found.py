"""What is found on labelled footage, and what is not made up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench.places import PAIRS, SSD, YOLOX, footage, replay
from bench.table import Row, at_least, at_most
from edge.boxes import iou
from edge.models.catalogue import DEFAULTS
from edge.types import Box

Span = tuple[int, int]
"""First and last frame."""
DEFAULT = "the default's two"


def visits() -> Iterator[Row]:
    """One event a visit, with its start and end where the label has them; one id a visit; the same bytes twice."""
    clip = footage("onebyone_A")
    wanted = json.loads(clip.with_suffix(".json").read_text())["visits_frames"]
    for model, engine in PAIRS:
        events, summary, _, raw = replay(clip, "--model", model, "--engine", engine)
        yield _edges(f"visits in onebyone_A, {model.stem[:12]} on {engine}", _spans(events, summary), wanted)
    events, summary, _, _ = replay(clip)
    yield _edges(f"visits in onebyone_A, {DEFAULT}", _spans(events, summary), wanted)
    again = replay(clip, "--model", YOLOX, "--engine", "openvino")[3]
    yield Row("two replays, the same bytes", "yes" if again == raw else "no", "yes", again == raw)


def _spans(events: Sequence[dict[str, Any]], summary: dict[str, Any]) -> list[Span]:
    ends, fps = [event["after"] for event in events if event["type"] == "end"], summary["fps_clip"]
    return sorted((round(end["start_time"] * fps), round(end["end_time"] * fps)) for end in ends)


def _edges(name: str, found: Sequence[Span], wanted: Sequence[Span]) -> Row:
    """Whether as many spans of frames were found as wanted, each with its edges near."""
    off = max((max(abs(a - c), abs(b - d)) for (a, b), (c, d) in zip(found, wanted, strict=False)), default=None)
    near = "" if off is None else f", edges within {off} frames"
    holds = off is not None and off <= 8 and len(found) == len(wanted)
    return Row(name, f"{len(found)} of {len(wanted)}{near}", f"{len(wanted)}, within 8", holds)


def traffic() -> Iterator[Row]:
    """Cars are no people."""
    clip = footage("car-detection")
    named = [(f"{model.stem[:12]} on {engine}", ("--model", model, "--engine", engine)) for model, engine in PAIRS]
    for name, options in [*named, (DEFAULT, ())]:
        events = replay(clip, *options)[0]
        people = sum(event["type"] == "new" and event["after"]["label"] == "person" for event in events)
        yield at_most(f"person events in traffic, {name}", people, 0)


def walkers() -> Iterator[Row]:
    """Tracked boxes against hand labels, at IoU 0.5."""
    clip = footage("vtest_A")
    truth = json.loads(clip.with_suffix(".json").read_text())["frame_to_boxes_xyxy"]
    recall, precision = _against(truth, replay(clip, "--model", YOLOX, "--engine", "onnxruntime")[2])
    yield at_least("walkers in vtest_A: recall", recall, 0.85)
    yield at_least("walkers in vtest_A: precision", precision, 0.80)
    recall, precision = _against(truth, replay(clip, "--model", DEFAULTS[0])[2])
    both = _against(truth, replay(clip)[2])
    yield at_least(f"walkers in vtest_A, {DEFAULT}: recall, first alone {recall:.2f}", both[0], recall)
    yield at_least(f"walkers in vtest_A, {DEFAULT}: precision, first alone {precision:.2f}", both[1], precision)


def _against(truth: dict[str, Any], frames: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Recall and precision of what was followed, by the frames that are labelled."""
    hits = false = people = 0
    for frame in frames:
        label = truth.get(str(frame["frame"]))
        if label is None or frame["frame"] < 5:
            continue
        tracks = [track for track in frame["tracks"] if track["confirmed"] and track["label"] == "person"]
        good, wrong = _compare([track["box"] for track in tracks], label)
        hits, false, people = hits + good, false + wrong, people + len(label["persons"])
    return hits / people, hits / (hits + false)


def _compare(boxes: list[Box], label: dict[str, Any]) -> tuple[int, int]:
    """Boxes that match a person of their own, and boxes that match nobody who is labelled or set aside."""
    left = list(label["persons"])
    hits = false = 0
    for box in boxes:
        best = max(left, key=lambda person: iou(box, person), default=None)
        if best is not None and iou(box, best) >= 0.5:
            left.remove(best)
            hits += 1
        else:
            false += not any(iou(box, aside) > 0.3 for aside in label["ignore"])
    return hits, false


def gate() -> Iterator[Row]:
    """The motion gate: open for people, closed for an empty room; motion events without any model."""
    clip = footage("onebyone_A")
    label = json.loads(clip.with_suffix(".json").read_text())
    wanted = label["visits_frames"]
    frames = replay(clip, "--model", SSD, "--engine", "tflite")[2]
    empty = [f for f in frames if f["frame"] >= 30 and all(not a - 12 <= f["frame"] <= b + 12 for a, b in wanted)]
    moving = [f["motion"] for f in frames]
    late = [next((i for i in range(a - 5, len(moving)) if moving[i]), len(moving)) - a for a, b in wanted]
    yield at_most("gate: frames until a visit opens it, worst", max(late), 3)
    yield at_least("gate: open in each visit's frames, least", min(np.mean(moving[a : b + 1]) for a, b in wanted), 0.35)
    yield at_most("gate: open in the empty frames", float(np.mean([f["motion"] for f in empty])), 0.05)
    yield at_most("inferences on the empty frames", float(np.mean([f["inferred"] for f in empty])), 0.20)
    events = replay(clip, "--set", 'camera.0.labels=["motion"]')[0]
    opened = [round(event["after"]["start_time"] * 10) for event in events if event["type"] == "new"]
    near = [min((abs(at - a) for at in opened), default=len(moving)) for a, _ in wanted]
    yield at_most("motion alone: an event within so many frames of each visit, worst", max(near), 5)
    # The labels say of themselves by how many frames an edge may be wrong: an event that early is not yet a false one.
    early = sum(at < wanted[0][0] - label["tolerance_frames"] for at in opened)
    yield at_most("motion alone: events before the first visit", early, 0)
