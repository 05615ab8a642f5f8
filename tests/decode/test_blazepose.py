"""BlazePose's detector: people written as its tensors come back, and real ones are found."""

from __future__ import annotations

import numpy as np
import pytest

from edge.decode import blazepose
from edge.decode.blazepose import anchors, decode, misfit
from edge.models import catalogue
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32


@pytest.fixture
def manifest() -> Manifest:
    known = catalogue.by_name("pose-detection")
    assert known is not None
    return known.manifest


def written(people: list[F32], logits: list[float]) -> dict[str, F32]:
    """Tensors in which each person, float32 (6, 2) of two corners and four points in pixels of the input, stands at
    the anchor that is nearest to the middle of the box."""
    places = anchors(224, 224)
    boxes, scores = np.zeros((1, len(places), 12), np.float32), np.full((1, len(places), 1), -200, np.float32)
    for person, score in zip(people, logits, strict=True):
        middle = person[:2].mean(axis=0)
        at = int(np.linalg.norm(places - middle, axis=1).argmin())
        boxes[0, at, :2], boxes[0, at, 2:4] = middle - places[at], person[1] - person[0]
        boxes[0, at, 4:] = (person[2:] - places[at]).ravel()
        scores[0, at, 0] = score
    return {"boxes": boxes, "scores": scores}


def body(x: float, y: float, size: float = 40.0) -> F32:
    """Head and shoulders at x, y, the hips below, the circle reaching beyond the picture."""
    half = size / 2
    corners = [(x - half, y - half), (x + half, y + half)]
    return np.array([*corners, (x, y + 2 * size), (x, y - 3 * size), (x, y + size), (x, y - size)], np.float32)


def test_there_are_as_many_anchors_as_the_model_has_rows() -> None:
    assert anchors(224, 224).shape == (2254, 2)
    assert anchors(224, 224)[:2].tolist() == [[4, 4], [4, 4]]


def test_people_come_back_in_pixels_of_the_frame_and_their_points_beyond_it(manifest: Manifest) -> None:
    fit = Fit.of((640, 480), manifest.input)
    people = [body(60, 90), body(150, 110)]
    found = decode(written(people, [2.0, 3.0]), manifest, fit, 0.5)
    assert found.scores.tolist() == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-2))], abs=1e-4)
    zoom = 640 / 224
    for row, person in zip(found.keypoints, [people[1], people[0]], strict=True):
        assert np.allclose(row[:, :2], (person[2:] - (0, 28)) * zoom, atol=0.1)
    assert found.keypoints[0, 1, 1] < 0, "the circle reaches beyond the frame"
    assert (found.boxes >= 0).all()


def test_who_is_seen_twice_is_one_between_the_two(manifest: Manifest) -> None:
    fit = Fit.of((224, 224), manifest.input)
    found = decode(written([body(100, 100), body(108, 100)], [3.0, 3.0]), manifest, fit, 0.5)
    assert len(found) == 1
    assert found.keypoints[0, 0, 0] == pytest.approx(104, abs=0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_rubbish_is_nobody_and_no_fault(manifest: Manifest, value: float) -> None:
    tensors = written([body(100, 100)], [3.0])
    tensors["boxes"][tensors["boxes"] != 0] = value
    found = decode(tensors, manifest, Fit.of((224, 224), manifest.input), 0.5)
    assert np.isfinite(found.boxes).all()
    tensors["scores"][:] = np.nan
    assert len(decode(tensors, manifest, Fit.of((224, 224), manifest.input), 0.5)) == 0


def test_outputs_of_other_shapes_are_said(manifest: Manifest) -> None:
    assert misfit({"boxes": (1, 2254, 12), "scores": (1, 2254, 1)}, manifest) is None
    assert "2254" in (misfit({"boxes": (1, 896, 12)}, manifest) or "")
    assert blazepose.TASK == "pose"
