"""What a camera looks with: loaded when it is first wanted, switched while it works, and a pose model that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.board import Board
from edge.config.schema import Camera, PoseTable
from edge.detector import Detector
from edge.engines.base import Feed, TensorSpec
from edge.errors import MissingError, UserError
from edge.eyes import Eyes, Joints
from edge.posers import Poser
from edge.posture.temporal import Network
from edge.supervisor import Part
from edge.switches import Panel, Switches
from tests.support.figures import Poses, pose
from tests.support.stand_ins import Memory

DETECTOR: Detector = object()  # type: ignore[assignment]
HALL = Camera.model_validate({"name": "hall", "source": "synthetic:", "zone": []})


class Site:
    """One camera's eyes and switches."""

    def __init__(self, opens: Callable[[], Poser], table: PoseTable | None = None) -> None:
        self.board, self.opened = Board(), 0
        self.switches: Switches = Panel([HALL], self.board, Memory(), poses=True)["hall"]

        def counted() -> Poser:
            self.opened += 1
            return opens()

        self.eyes = Eyes("hall", lambda: DETECTOR, Joints(table or PoseTable(), counted), self.switches)
        self.part = Part("hall: pipeline", lambda part: None)

    @property
    def state(self) -> str | None:
        return self.board.get("hall/pose/state")


def working() -> Poser:
    return Poses(lambda time, number: pose())  # type: ignore[return-value]


class Counted:
    """The network's engine, which notes the threads that gave it back."""

    name = "counted"
    inputs = (TensorSpec("window", (1, 1, 20, 24), "float32"),)
    outputs = (TensorSpec("chances", (1, 2), "float32"),)

    def __init__(self) -> None:
        self.closed: list[str] = []

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.zeros(shape, np.float32)

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        return {"chances": np.zeros((1, 2), np.float32)}

    def close(self) -> None:
        self.closed.append(threading.current_thread().name)


class Twin(Poses):
    """Goes over a worker that other cameras use."""

    def __init__(self) -> None:
        super().__init__(lambda time, number: pose())
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> list[Counted]:
    """The networks that are loaded, as they come."""
    loaded: list[Counted] = []

    def network(engine: str) -> Network:
        loaded.append(Counted())
        return Network(loaded[-1])

    monkeypatch.setattr("edge.wiring.network_or_none", network)
    return loaded


def broken() -> Poser:
    raise MissingError("no pose model here")


def test_the_model_is_loaded_once_it_is_wanted_and_kept() -> None:
    site = Site(working)
    site.switches.set("pose", False, "test")
    assert site.eyes.bodies(site.part, HALL) is None
    assert (site.opened, site.state) == (0, "OFF")
    site.switches.set("pose", True, "test")
    assert site.eyes.changed(DETECTOR, None), "the pipeline begins anew, with bodies"
    bodies = site.eyes.bodies(site.part, HALL)
    assert bodies is not None
    assert (site.opened, site.state) == (1, "ON")
    assert site.eyes.pose_status() == {"state": "up", "reason": None, "infer_ms": 1.0}
    site.eyes.bodies(site.part, HALL)
    assert site.opened == 1


def test_once_loaded_the_switch_ends_nothing() -> None:
    """What is followed goes on: the people are there still, and only their joints are not looked at."""
    site = Site(working)
    bodies = site.eyes.bodies(site.part, HALL)
    site.switches.set("pose", False, "test")
    assert not site.eyes.changed(DETECTOR, bodies)
    assert site.state == "ON", "until the next frame"
    site.eyes.rest()
    assert site.state == "OFF"
    assert site.eyes.pose_status()["state"] == "off"  # type: ignore[index]


def test_a_pose_model_that_cannot_be_loaded_blinds_no_camera() -> None:
    site = Site(broken)
    assert site.eyes.bodies(site.part, HALL) is None
    assert site.eyes.pose_status() == {"state": "fault", "reason": "no pose model here", "infer_ms": None}
    assert not site.eyes.changed(DETECTOR, None), "nor is it tried at every frame"


@pytest.mark.parametrize(
    ("given", "poses", "why"),
    [({}, False, "pose.enabled"), ({"pose": False}, True, "pose = false"), ({"labels": ("dog",)}, True, "person")],
)
def test_where_there_can_be_no_postures_the_switch_says_why(given: dict[str, object], poses: bool, why: str) -> None:
    camera = Camera.model_validate({"name": "hall", "source": "synthetic:", **given})
    board = Board()
    switches = Panel([camera], board, Memory(), poses=poses)["hall"]
    assert board.get("hall/pose/state") == "OFF"
    assert "pose" in switches.stay_off()
    with pytest.raises(UserError, match=why):
        switches.set("pose", True, "test")


def test_the_network_that_judges_falls_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("edge.wiring.network_or_none", asked.append)
    site = Site(working, PoseTable(judge="both"))
    for _ in range(3):
        assert site.eyes.bodies(site.part, HALL) is not None
    assert asked == ["none"]


def test_a_network_of_the_user_s_own_that_is_none_is_told_and_blinds_no_camera(tmp_path: Path) -> None:
    (tmp_path / "own.epk").write_bytes(b"no model")
    site = Site(working, PoseTable(network=str(tmp_path / "own.epk")))
    assert site.eyes.bodies(site.part, HALL) is None
    status = site.eyes.pose_status()
    assert status is not None
    assert "`pose.network`" in str(status["reason"])


def test_what_is_the_camera_s_alone_is_given_back_once_and_what_others_use_is_not(networks: list[Counted]) -> None:
    twins: list[Twin] = []

    def twin() -> Poser:
        twins.append(Twin())
        return twins[-1]  # type: ignore[return-value]

    site = Site(twin, PoseTable(judge="both"))
    for _ in range(2):
        assert site.eyes.bodies(site.part, HALL) is not None
        site.eyes.rest()
    assert [network.closed for network in networks] == [[]], "off and on again goes on with the same"
    for _ in range(2):
        site.eyes.close()
    assert [len(network.closed) for network in networks] == [1]
    assert site.eyes.pose_ms is None
    assert site.eyes.bodies(site.part, HALL) is not None, "a pipeline that fell over begins anew"
    site.eyes.close()
    assert [len(network.closed) for network in networks] == [1, 1]
    assert [one.closed for one in twins] == [0, 0]


def test_eyes_that_never_looked_have_nothing_to_give_back(networks: list[Counted]) -> None:
    Site(working, PoseTable(judge="both")).eyes.close()
    assert not networks


def test_that_the_pose_model_works_again_is_told() -> None:
    opens = [broken]
    site = Site(lambda: opens[-1]())
    assert site.eyes.bodies(site.part, HALL) is None
    assert site.eyes.pose_status()["state"] == "fault"  # type: ignore[index]
    opens.append(working)
    assert site.eyes.bodies(site.part, HALL) is not None
    assert site.eyes.pose_status() == {"state": "up", "reason": None, "infer_ms": 1.0}
