from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines.base import EngineOptions
from edge.judging import open_network
from edge.models.packed.read import read
from edge.posture.temporal import STEPS, Window
from edge.tools.skeletons.learn import FAR, FIRST, HIDDEN, KERNEL, NEXT, SECOND, Recipe, varied
from edge.tools.skeletons.measure import HIPS, PARTS, ROWS, measured
from edge.tools.skeletons.write import packed
from edge.types import F32
from tests.support.figures import joints


def seen(tilt: float, where: tuple[float, float] = (300, 440), size: float = 200.0) -> F32:
    """The rows of one who stood for a second and leans."""
    window = Window()
    for step in range(20):
        window.add(joints(where, size, tilt if step > 10 else 0.0), step / 10)
    return measured(window.fed(size)[0])[0]


def test_rows_do_not_depend_on_where_somebody_is_nor_on_how_far_away() -> None:
    np.testing.assert_allclose(seen(60), seen(60, (40, 100), 50.0), atol=2e-3)
    assert seen(60).shape[0] == ROWS


def test_places_are_from_the_hips_and_who_lies_is_wide() -> None:
    up, down = seen(0), seen(88)
    assert up[HIPS].mean() == pytest.approx(0, abs=1e-5)
    wide, tall = up[PARTS], up[2 * PARTS + 1]
    assert tall[-1] > 0.8 > 0.5 > wide[-1]
    assert down[PARTS, -1] > 0.8 > 0.5 > down[2 * PARTS + 1, -1]


def test_windows_are_varied_without_a_width_that_is_moved_or_turned_about() -> None:
    plain = np.tile(seen(60)[None, None], (64, 1, 1, 1))
    made = varied(plain.copy(), Recipe(), np.random.default_rng(3))
    scale = made[:, :, PARTS] / plain[:, :, PARTS]
    assert 0.6 < scale.min() < 0.95 < 1.05 < scale.max() < 1.6
    np.testing.assert_allclose(np.ptp(scale, axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(made[:, :, 2 * PARTS + 1] / plain[:, :, 2 * PARTS + 1], scale, atol=1e-5)
    steps, before = np.diff(made), np.diff(plain)
    np.testing.assert_allclose(
        np.abs(steps[:, :, :PARTS]), np.abs(before[:, :, :PARTS]) * scale[:, :, None, :1], atol=1e-4
    )
    np.testing.assert_allclose(
        steps[:, :, PARTS + 1 : -PARTS - 1], before[:, :, PARTS + 1 : -PARTS - 1] * scale[:, :, None, :1], atol=1e-4
    )
    assert ((made[:, :, -PARTS:] >= 0) & (made[:, :, -PARTS:] <= 1)).all()


def along(x: F32, weight: F32, bias: F32) -> F32:
    """A convolution over time with a stride of two, float32 (channels, rows, steps), and what is above zero of it."""
    half = weight.shape[-1] // 2
    wide = np.pad(x, ((0, 0), (0, 0), (half, half)))
    views = np.lib.stride_tricks.sliding_window_view(wide, weight.shape[-1], axis=2)[:, :, ::2]
    return np.maximum(np.einsum("crtk,ocrk->ot", views, weight) + bias[:, None], 0)


def test_the_file_measures_joints_as_the_oracle_does_and_judges_what_was_trained(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not here: pip install 'edge-runtime[tools]'")
    random = np.random.default_rng(0)
    shapes = {
        "first": (FIRST, 1, ROWS, KERNEL),
        "second": (SECOND, FIRST, 1, NEXT),
        "third": (HIDDEN, SECOND * -(-STEPS // 4)),
        "last": (2, HIDDEN),
    }
    made = {}
    for name, shape in shapes.items():
        made[f"{name}.weight"] = random.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(np.float32)
        made[f"{name}.bias"] = random.normal(0, 0.3, shape[0]).astype(np.float32)
    path = tmp_path / "drawn.epk"
    path.write_bytes(packed(made, "drawn", {}))
    held = dict(read(path).weights())
    network = open_network(path, options=EngineOptions(threads=1))
    window = Window()
    for step in range(50):
        window.add(joints((300 + 5 * step, 440), 200, min(3 * step, 90)), step / 10)
        fed = window.fed(200)
        x = along(np.clip(measured(fed[0]), -FAR, FAR), held["first.weight"], held["first.bias"])
        x = along(x[:, None], held["second.weight"], held["second.bias"]).ravel()
        x = np.maximum(held["third.weight"] @ x + held["third.bias"], 0)
        wanted = 1 / (1 + np.exp(-(held["last.weight"] @ x + held["last.bias"])))
        np.testing.assert_allclose(network(fed), wanted, atol=1e-5)
