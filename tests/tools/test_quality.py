"""What quality is measured by, how it is kept, and what is fed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import SourceError
from edge.models.manifest import read_manifest
from edge.tools import evaluate
from edge.tools.control import coarsest, finest, given_back
from edge.tools.faster import TARGETS, faster, plans
from edge.tools.quantize import Latency
from edge.tools.samples import feeds
from edge.types import Detections
from tests.support.small_cnn import MANIFEST, SIDE


def seen(*boxes: tuple[float, float, float, float, float, int]) -> Detections:
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


def test_the_mean_average_precision_of_the_truth_itself_is_1() -> None:
    truth = [seen((0, 0, 10, 10, 0.9, 0), (20, 20, 40, 40, 0.8, 1)), seen()]
    assert evaluate.mean_average_precision(truth, truth) == 1
    assert evaluate.mean_average_precision([seen()], [seen()]) == 1


def test_misses_and_doubles_cost_precision() -> None:
    truth = [seen((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.9, 0))]
    assert evaluate.mean_average_precision(truth, [seen()]) == 0
    assert evaluate.mean_average_precision(truth, [seen((0, 0, 10, 10, 0.9, 0))]) == 0.5
    double = [seen((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0), (50, 50, 60, 60, 0.7, 0))]
    assert evaluate.mean_average_precision(truth, double) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_what_is_lost_or_new_at_the_least_score_is_not_matched() -> None:
    one, other = (0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0)
    assert evaluate.f1([seen(one, other), seen()], [seen(other, one), seen()]) == 1
    assert evaluate.f1([seen(one, other)], [seen(one)]) == pytest.approx(2 / 3)
    assert evaluate.f1([seen(one)], [seen(one, other)]) == pytest.approx(2 / 3)
    assert evaluate.f1([seen(one)], [seen((0, 0, 10, 10, 0.9, 1))]) == 0
    assert evaluate.f1([seen()], [seen()]) == 1


def test_the_worse_of_both_figures_counts() -> None:
    assert evaluate.Quality("map", 1.0, {}, {}, {}, 2, 0.5, 4).worse == 0.5
    assert evaluate.Quality("top1", 0.75, {}, {}, {}, 2).worse == 0.75


def test_figures_of_two_tensors() -> None:
    a = np.array([3.0, 4.0])
    assert evaluate.cosine(a, 2 * a) == pytest.approx(1)
    assert evaluate.cosine(a, np.array([-4.0, 3.0])) == pytest.approx(0)
    assert evaluate.cosine(0 * a, 0 * a) == 1
    assert evaluate.max_error(a, a + np.array([0, 0.5])) == 0.5
    assert evaluate.sqnr_db(a, 0.9 * a) == pytest.approx(20)


@pytest.mark.parametrize("needed", range(6))
def test_no_more_layers_are_given_back_than_it_takes(needed: int) -> None:
    names = ["a", "b", "c", "d", "e"]
    asked: list[int] = []

    def make(back: frozenset[str]) -> int:
        asked.append(len(back))
        assert back == frozenset(names[: len(back)])
        return len(back)

    assert given_back(names, make, lambda made: made >= needed) == needed
    assert len(asked) <= len(names) + 1


@pytest.mark.parametrize("limit", [0.002, 0.9, 1.0, 3.0, 700.0])
def test_the_largest_error_that_holds_is_found(limit: float) -> None:
    found = coarsest(lambda error: error, lambda error: error <= limit, 1.0, tries=12)
    assert limit / 2 <= found <= limit


@pytest.mark.parametrize("guess", [1e-6, 0.01, 5.0])
def test_the_smallest_error_that_fits_into_the_bytes_is_found(guess: float) -> None:
    def size(error: float) -> int:
        return int(20_000 + 100_000 * (4 - 0.45 * np.log2(error)) / 8)

    found = finest(lambda error: error, size, 90_000, guess, 100_000)
    assert 0.998 * 90_000 <= size(found) <= 90_000


def test_where_nothing_fits_the_smallest_is_given() -> None:
    sizes = iter(range(900, 100, -100))
    assert finest(lambda error: next(sizes), lambda made: made, 50, 1.0, 10_000) == 200


TIMES = (
    Latency("float", "onnxruntime", 30, 1.0),
    Latency("int8 openvino", "onnxruntime", 60, 0.5),
    Latency("int8 vnni", "onnxruntime", 20, 1.5),
    Latency("float", "openvino", 40, 1.0),
    Latency("int8 openvino", "openvino", 20, 2.0),
    Latency("int8 vnni", "openvino", 41, 0.98),
)


def test_an_integer_model_must_beat_the_float_model_on_its_engine() -> None:
    assert faster(TIMES, "onnxruntime", everywhere=False) == ["vnni"]
    assert faster(TIMES, "openvino", everywhere=False) == ["openvino"]
    assert faster((), "openvino", everywhere=False) == []


def test_without_a_target_it_may_be_slower_on_no_engine() -> None:
    assert faster(TIMES, "onnxruntime", everywhere=True) == ["vnni"]
    assert faster(TIMES, "openvino", everywhere=True) == []


def test_every_target_has_a_plan() -> None:
    for target in TARGETS[1:]:
        assert [(name, plan.target) for name, plan in plans(target).items()] == [(target, target)]
    assert len(plans("auto")) == 2


def test_feeds_are_what_the_runtime_feeds(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(MANIFEST)
    manifest = read_manifest(tmp_path / "small.toml")
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((30, 40, 3), 10 * number, np.uint8))
    given = feeds(tmp_path, manifest)
    assert [round(float(feed["data"].mean()), 3) for feed in given] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert given[0]["data"].shape == (1, 3, SIDE, SIDE)
    assert len(feeds(tmp_path, manifest, limit=2)) == 2
    assert len(feeds(tmp_path / "3.png", manifest)) == 1


def test_arrays_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(MANIFEST)
    manifest = read_manifest(tmp_path / "small.toml")
    data = np.random.default_rng(0).random((7, 3, SIDE, SIDE)).astype(np.float32)
    np.savez(tmp_path / "good.npz", data=data)
    np.savez(tmp_path / "other.npz", pictures=data)
    np.savez(tmp_path / "shape.npz", data=data[:, :1])
    assert np.array_equal(np.concatenate([feed["data"] for feed in feeds(tmp_path / "good.npz", manifest)]), data)
    with pytest.raises(SourceError, match="no array `data`"):
        feeds(tmp_path / "other.npz", manifest)
    with pytest.raises(SourceError, match="wanted"):
        feeds(tmp_path / "shape.npz", manifest)


@pytest.mark.parametrize("name", ["gone", "empty", "text.npz", "text.png"])
def test_what_holds_no_pictures_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(MANIFEST)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("text")
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(SourceError, match=name) as told:
        feeds(tmp_path / name, read_manifest(tmp_path / "small.toml"))
    assert "\n" not in str(told.value)
