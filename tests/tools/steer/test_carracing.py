"""CarRacing-v3: what needs no simulator, and a short drive where it is installed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.steer.pilot import open_pilot
from edge.tools.steer.carracing import (
    FAST,
    HALF_WIDTH_M,
    NODE_M,
    Drive,
    Race,
    action,
    allowed,
    by_expert,
    cross_track,
    pursue,
    straight_on,
)
from edge.tools.steer.carracing_imitate import NET, TAUGHT, Eye, Recipe, imitate, manifest
from edge.tools.steer.carracing_judge import LAST, MOST, Row
from edge.tools.steer.export import exported
from edge.tools.steer.layers import parameters
from edge.types import F32, U8, Steering

RADIUS_M = 60.0


def needs_simulator() -> None:
    for part in ("gymnasium", "Box2D", "pygame"):
        pytest.importorskip(part, reason=f"{part} is not here: pip install 'edge-runtime[carracing]'")


def circle(radius: float = RADIUS_M) -> F32:
    """Anticlockwise, from (radius, 0), where its way is +y."""
    angles = np.arange(0, 2 * math.pi, NODE_M / radius)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], 1).astype(np.float32)


def test_the_expert_steers_into_a_bend_and_back_to_the_road() -> None:
    line = circle()
    assert pursue(line, (RADIUS_M, 0.0), 0.0, 20.0, 0.0).steering < -0.1
    assert pursue(line[::-1].copy(), (RADIUS_M, 0.0), math.pi, 20.0, 0.0).steering > 0.1
    there = [pursue(line, (RADIUS_M + beside, 0.0), 0.0, 20.0, 0.0).steering for beside in (-4.0, 0.0, 4.0)]
    assert there == sorted(there, reverse=True)


def test_the_expert_brakes_where_it_is_too_fast_and_spins_no_wheel_while_it_turns_hard() -> None:
    line = circle()
    most = allowed(line[:12])
    assert pursue(line, (RADIUS_M, 0.0), 0.0, most + 10, 0.0).throttle < 0
    assert pursue(line, (RADIUS_M, 0.0), 0.0, most - 10, 0.0).throttle > 0
    assert pursue(line, (RADIUS_M, 0.0), 2.0, 5.0, 0.0).throttle <= 0.21


def test_a_car_that_turns_fast_is_held() -> None:
    line = circle()
    calm, turning = (pursue(line, (RADIUS_M, 0.0), 0.0, 30.0, rate).steering for rate in (0.0, 1.0))
    assert turning > calm


@given(st.floats(-math.pi, math.pi), st.floats(-200, 200), st.floats(-200, 200), st.floats(-6, 6), st.floats(0, 70))
def test_the_expert_does_not_care_where_the_world_begins(
    turn: float, x: float, y: float, beside: float, speed: float
) -> None:
    line, place = circle(), np.array([RADIUS_M + beside, 0.2])
    around = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    moved, there = line @ around.T + (x, y), around @ place + (x, y)
    here = pursue(line, (place[0], place[1]), 0.1, speed, 0.0)
    elsewhere = pursue(moved.astype(np.float32), (there[0], there[1]), 0.1 + turn, speed, 0.0)
    assert elsewhere.steering == pytest.approx(here.steering, abs=1e-2)
    assert elsewhere.throttle == pytest.approx(here.throttle, abs=1e-2)


def test_bends_allow_less_the_tighter_and_the_nearer_they_are() -> None:
    straight = np.stack([np.zeros(12), NODE_M * np.arange(12)], 1).astype(np.float32)
    assert allowed(straight) == FAST
    assert allowed(circle(20)[:12]) < allowed(circle(40)[:12]) < FAST
    near, far = straight.copy(), straight.copy()
    near[4:, 0] += 2.5 * np.arange(8)
    far[8:, 0] += 2.5 * np.arange(4)
    assert allowed(near) < allowed(far)


@given(st.floats(0, 2 * math.pi), st.floats(-20, 20))
def test_cross_track_is_the_distance_from_the_line_not_from_its_points(angle: float, beside: float) -> None:
    place = ((RADIUS_M + beside) * math.cos(angle), (RADIUS_M + beside) * math.sin(angle))
    assert cross_track(circle(), place) == pytest.approx(abs(beside), abs=0.2)


def test_what_the_simulator_is_told() -> None:
    assert action(Steering(0.5, 0.25)).tolist() == [0.5, 0.25, 0.0]
    assert action(Steering(-3.0, -0.5)).tolist() == [-1.0, 0.0, 0.5]
    assert action(Steering(math.nan, math.nan)).tolist() == [0.0, 0.0, 0.0]


def test_a_row_tells_the_score_and_what_makes_no_sense_as_none() -> None:
    drives = [Drive(900.0, 900, True, 1.0, 3.0, False), Drive(100.0, 100, False, 2.0, 8.0, True)]
    row = asdict(Row.of("model", drives))
    assert (row["pilot"], row["laps"], row["off_track"], row["jerk"]) == ("model", 1, 1, None)
    assert row["score"] == 500.0
    assert row["scores"] == (900.0, 100.0)
    assert row["cross_track_rms_m"] == pytest.approx(math.sqrt(1.3), abs=1e-4)
    assert row["cross_track_worst_m"] == 8.0


def test_no_track_that_judges_teaches() -> None:
    assert LAST * MOST + MOST - 1 < TAUGHT


def test_the_network_has_at_most_5000_parameters() -> None:
    assert sum(math.prod(shape) for shape in parameters(NET).values()) == 4845


@pytest.mark.parametrize(
    ("engine", "package", "name"),
    [
        ("onnxruntime", "onnxruntime", "drawn.epk"),
        ("openvino", "openvino", "drawn.onnx"),
        ("tflite", "ai_edge_litert", "drawn.tflite"),
        ("reference", "onnx", "drawn.onnx"),
    ],
)
def test_an_engine_tells_steering_and_throttle_as_the_network_learned_to(
    engine: str, package: str, name: str, tmp_path: Path
) -> None:
    pytest.importorskip(package)
    torch = pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    from edge.tools.steer.tensors import drawn, run, weights_of

    held = drawn(NET, np.random.default_rng(2))
    path = tmp_path / name
    for file, content in exported(path, NET, weights_of(held), manifest("drawn"), {}).items():
        file.write_bytes(content)
    pilot, eye = open_pilot(str(path), engine, EngineOptions(threads=1)), Eye()
    rng = np.random.default_rng(1)
    for _ in range(3):
        picture = rng.integers(0, 256, (96, 96, 3), np.uint8)
        with torch.no_grad():
            wanted = run(NET, held, torch.from_numpy(eye.see(picture))[None, None])[NET.gives][0].clip(-1, 1)
        told = pilot.drive(picture)
        assert (told.steering, told.throttle) == pytest.approx(wanted.tolist(), abs=1e-4)
    with pytest.raises(ModelError, match="no single value"):
        pilot.steer(picture)
    pilot.close()


def test_a_model_that_steers_alone_does_not_race() -> None:
    pilot = open_pilot(options=EngineOptions(threads=1))
    with pytest.raises(ModelError, match="does not drive"):
        pilot.drive(np.zeros((96, 96, 3), np.uint8))
    pilot.close()


def test_the_expert_keeps_to_the_road_and_the_same_seed_is_the_same_drive() -> None:
    needs_simulator()

    def some(picture: U8, race: Race) -> Steering | None:
        nonlocal count
        count += 1
        return by_expert(picture, race) if count <= 150 else None

    drives, race = [], Race()
    for _ in range(2):
        count = 0
        drives.append(race.run(3, some))
    race.close()
    assert drives[0] == drives[1]
    assert drives[0].steps == 150
    assert drives[0].score > 0
    assert drives[0].worst_m < HALF_WIDTH_M


def test_who_never_steers_leaves_the_road() -> None:
    needs_simulator()
    race = Race()
    drive = race.run(3, lambda picture, race: straight_on(picture, race) if race.beside_m() < 10 else None)
    race.close()
    assert drive.off
    assert not drive.whole


@pytest.mark.slow
def test_a_network_is_taught() -> None:
    needs_simulator()
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    told = []
    made = imitate(Recipe(tracks=1, rounds=0, drives=1, steps=(20, 10)), told.append)
    assert {name: array.shape for name, array in made.weights.items()} == parameters(NET)
    assert made.rounds == tuple(told)
    assert made.chosen.samples > 100
