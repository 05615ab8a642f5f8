"""Every head of several people's joints gives back those that were put into its tensors, also through an engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decode import head
from edge.decode.head import Shape
from edge.engines.base import EngineOptions
from edge.models.manifest import to_toml
from edge.opening import open_predictor
from edge.preprocess import Fit
from edge.types import F32, Poses
from tests.support.nets import saying
from tests.support.pose_heads import FIT, INPUT, POSE_FAMILIES, SIDE, ZOOM, PoseFamily, end2end_pose, person

every_family = pytest.mark.parametrize("family", POSE_FAMILIES.values(), ids=POSE_FAMILIES)
NOBODY = np.zeros((0, 17, 3), np.float32)
quarters = [(x, y) for x in (8, 192) for y in (8, 192)]


@st.composite
def groups(draw: st.DrawFn) -> F32:
    """One to four people, each in a quarter of the input."""
    places = draw(st.lists(st.sampled_from(quarters), min_size=1, max_size=4, unique=True))
    return np.stack([person(x + draw(st.floats(0, 40)), y, draw(st.floats(110, 160))) for x, y in places])


def decoded(family: PoseFamily, people: F32, fit: Fit = FIT) -> Poses:
    seen = head(family.manifest).decode(family.encode(people, family.manifest), family.manifest, fit, 0.3)
    assert isinstance(seen, Poses)
    return seen


def matches(seen: Poses, people: F32, atol: float) -> None:
    """The same people, whatever their order, to so many pixels of the frame."""
    assert len(seen) == len(people)
    wanted = people[:, :, :2] * ZOOM
    order = [int(np.nanmean(np.abs(seen.keypoints[..., :2] - one), axis=(1, 2)).argmin()) for one in wanted]
    assert sorted(order) == list(range(len(people)))
    np.testing.assert_allclose(seen.keypoints[order, :, :2], wanted, atol=atol)


def tolerance(family: PoseFamily) -> float:
    """Pixels of the frame: half a cell of the maps, or what floats leave."""
    return 12 if family.manifest.decoder == "openpose" else 0.05


@every_family
@settings(max_examples=15, deadline=None)
@given(people=groups())
def test_people_that_were_put_in_come_out(family: PoseFamily, people: F32) -> None:
    seen = decoded(family, people)
    assert (seen.boxes.dtype, seen.scores.dtype, seen.keypoints.dtype) == (np.float32,) * 3
    matches(seen, people, tolerance(family))
    assert ((seen.keypoints[..., 2] > 0.6) & (seen.keypoints[..., 2] <= 1)).all()


@every_family
def test_two_people_side_by_side_are_two(family: PoseFamily) -> None:
    people = np.stack([person(60, 60, 240), person(130, 66, 236)])
    matches(decoded(family, people), people, tolerance(family))


@every_family
def test_half_precision_outputs_are_decoded_as_well(family: PoseFamily) -> None:
    people = person(60, 60, 240)[None]
    outputs = {role: array.astype(np.float16) for role, array in family.encode(people, family.manifest).items()}
    seen = head(family.manifest).decode(outputs, family.manifest, FIT, 0.3)
    assert isinstance(seen, Poses)
    matches(seen, people, 12)


@every_family
def test_an_empty_scene_is_nobody(family: PoseFamily) -> None:
    seen = decoded(family, NOBODY)
    assert (seen.boxes.shape, seen.scores.shape, seen.keypoints.shape) == ((0, 4), (0,), (0, 17, 3))


@every_family
@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0])
def test_tensors_of_rubbish_are_no_crash_and_no_people_of_rubbish(family: PoseFamily, rubbish: float) -> None:
    people = np.stack([person(20, 20, 150), person(200, 200, 150)])
    for role in family.encode(people, family.manifest):
        for part in (slice(None), slice(0, None, 2), slice(0, None, 7)):
            outputs = {role: array.copy() for role, array in family.encode(people, family.manifest).items()}
            outputs[role].reshape(-1)[part] = rubbish
            real(family, outputs)


@every_family
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_bits_at_random_are_no_crash(family: PoseFamily, seed: int) -> None:
    random = np.random.default_rng(seed)
    like = family.encode(NOBODY, family.manifest)
    real(family, {r: random.integers(0, 2**32, a.shape, np.uint32).view(np.float32) for r, a in like.items()})


def real(family: PoseFamily, outputs: dict[str, F32]) -> None:
    """Decode, and find whatever is seen to be real: boxes of numbers, and joints with a place or none at all."""
    seen = head(family.manifest).decode(outputs, family.manifest, FIT, 0.3)
    assert isinstance(seen, Poses)
    assert np.isfinite(seen.boxes).all()
    assert np.isfinite(seen.scores).all()
    assert (seen.boxes[:, 2:] >= seen.boxes[:, :2]).all()
    sure = seen.keypoints[..., 2]
    assert ((sure >= 0) & (sure <= 1)).all()
    assert (np.isfinite(seen.keypoints).all(axis=2) | (sure == 0)).all()


@every_family
def test_shapes_of_the_head_fit_and_others_are_told(family: PoseFamily) -> None:
    family_head = head(family.manifest)
    shapes: dict[str, Shape] = {role: array.shape for role, array in family.encode(NOBODY, family.manifest).items()}
    assert set(shapes) == set(family_head.roles)
    assert family_head.misfit(shapes, family.manifest) is None
    assert family_head.misfit({}, family.manifest) is None
    open_ended: dict[str, Shape] = {role: (None,) * len(shape) for role, shape in shapes.items()}
    assert family_head.misfit(open_ended, family.manifest) is None
    for role, bad in family.spoilt.items():
        for shape in bad:
            assert f"`{role}` has shape {shape}" in str(family_head.misfit({**shapes, role: shape}, family.manifest))


def test_maps_of_two_sizes_are_told() -> None:
    two = POSE_FAMILIES["openpose, two"].manifest
    assert "both must be maps of one size" in str(
        head(two).misfit({"heat": (1, 19, 46, 46), "paf": (1, 38, 46, 40)}, two)
    )
    assert head(two).misfit({"heat": (1, 19, 32, 57), "paf": (1, 38, 32, 57)}, two) is None


def test_maps_as_wide_as_their_channels_go_by_the_inputs_layout() -> None:
    first, last = POSE_FAMILIES["openpose, one output"].manifest, POSE_FAMILIES["openpose, channels last"].manifest
    people = person(60, 60, 240)[None]
    for given_, turned in ((first, False), (last, True)):
        maps = POSE_FAMILIES["openpose, one output"].encode(people, first)["maps"]
        maps = np.pad(maps, ((0, 0), (0, 0), (0, 0), (0, 57 - maps.shape[3])))
        wide = replace(given_, input=replace(given_.input, width=57 * 8))
        outputs = {"maps": maps.transpose(0, 2, 3, 1) if turned else maps}
        seen = head(wide).decode(outputs, wide, Fit.of((57 * 16, 3 * SIDE), wide.input), 0.3)
        assert isinstance(seen, Poses)
        matches(seen, people, 12)


def test_joints_lie_beyond_the_frame_and_boxes_do_not() -> None:
    family = POSE_FAMILIES["yolov8-pose"]
    people = person(60, 200, 240)[None]
    seen = decoded(family, people)
    matches(seen, people, 0.05)
    assert seen.keypoints[0, :, 1].max() > 3 * SIDE
    assert seen.boxes[0, 3] == 3 * SIDE


def test_a_row_that_a_graph_tells_twice_is_one_person() -> None:
    family = POSE_FAMILIES["yolo-end2end-pose"]
    one = person(60, 60, 240)
    twice = np.stack([one, one + np.float32([3, -2, 0])])
    assert len(head(family.manifest).decode(end2end_pose(twice, family.manifest), family.manifest, FIT, 0.3)) == 1


def test_a_joint_that_is_hidden_is_no_place() -> None:
    family = POSE_FAMILIES["openpose, one output"]
    hidden = person(60, 60, 240)
    hidden[[9, 15], 2] = 0
    (seen,) = decoded(family, hidden[None]).keypoints
    assert np.isnan(seen[[9, 15], :2]).all()
    assert (seen[[9, 15], 2] == 0).all()
    assert np.isfinite(np.delete(seen, [9, 15], axis=0)).all()


@every_family
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_pose_models_speak_through_an_engine(family: PoseFamily, engine: str, tmp_path: Path) -> None:
    people = np.stack([person(20, 20, 160), person(200, 190, 150)])
    path = saying(tmp_path / "mine.onnx", family.manifest.input.shape, family.encode(people, family.manifest))
    path.with_suffix(".toml").write_text(to_toml(family.manifest), encoding="utf-8")
    predictor = open_predictor(str(path), engine, EngineOptions(threads=1))
    seen = predictor.predict(np.full((3 * INPUT.height, 2 * INPUT.width, 3), 90, np.uint8))
    predictor.close()
    assert isinstance(seen, Poses)
    matches(seen, people, tolerance(family))
