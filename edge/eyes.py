"""What one camera looks with: its detector, and what finds people's joints; each is loaded when it is first wanted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge import wiring
from edge.bodies import Bodies
from edge.both import AnyDetector
from edge.config.schema import Camera, PoseTable
from edge.errors import MissingError, ModelError
from edge.posers import Poser
from edge.posture.temporal import Network
from edge.supervisor import Part
from edge.switches import Switches
from edge.types import ModelRef

log = logging.getLogger(__name__)

LOAD_S = 180.0
"""How long a model may take to load that no camera needed before, until that is a fault."""


@dataclass(frozen=True, slots=True)
class Joints:
    """What makes a camera look for people's joints. poser: gives the one of this camera alone (a twin)."""

    settings: PoseTable
    poser: Callable[[], Poser]


class Eyes:
    """The models of one camera. For its pipeline's thread; what does not say so is for any.

    Args:
        name: the camera's
        detector: gives the one of this camera alone (a twin); None where motion alone is wanted
        joints: None where no joints are wanted
        switches: what its owner has switched on
    """

    def __init__(
        self, name: str, detector: Callable[[], AnyDetector] | None, joints: Joints | None, switches: Switches
    ) -> None:
        self._name, self._open_detector, self._joints, self._switches = name, detector, joints, switches
        self._detector: AnyDetector | None = None
        self._poser: Poser | None = None
        self._network: Network | None = None
        self._fault: str | None = None

    @property
    def blind(self) -> bool:
        """Whether it looks for motion alone."""
        return self._open_detector is None

    def detector(self, part: Part) -> AnyDetector | None:
        """The detector for what follows, None while nothing is to be detected. Raises EdgeError as its maker does."""
        if not self._switches.begin("detect") or self._open_detector is None:
            return None
        if self._detector is None:
            part.waiting(LOAD_S, "loading the model")
            self._detector = self._open_detector()
        return self._detector

    def bodies(self, part: Part, camera: Camera) -> Bodies | None:
        """What looks for joints in what follows, None while that is not wanted, and where it cannot be: then people are
        still detected, and it is told. Once there, it follows the switch by itself."""
        if self._joints is None or not self._switches.begin("pose"):
            return None
        if self._poser is None:
            part.waiting(LOAD_S, "loading the pose model")
            try:
                poser = self._joints.poser()
                self._network = wiring.network_of(self._joints.settings, poser)
            except (MissingError, ModelError) as fault:
                log.error("%s: nobody's joints are looked at: %s", self._name, fault)
                self._failed(str(fault))
                return None
            self._poser = poser
        self._failed(None)
        return wiring.bodies_of(
            camera,
            self._joints.settings,
            self._poser,
            network=self._network,
            wanted=lambda: self._switches.begin("pose"),
            fault=self._failed,
        )

    def changed(self, detector: AnyDetector | None, bodies: Bodies | None) -> bool:
        """Whether others are wanted now than these."""
        if self._switches.wanted("detect") != (detector is not None) and self._open_detector is not None:
            return True
        wants = self._joints is not None and self._switches.wanted("pose")
        return wants and bodies is None and self._fault is None

    def rest(self) -> None:
        """Nothing is looked at now."""
        self._switches.rest("detect")
        self._switches.rest("pose")
        self._fault = None

    def close(self) -> None:
        """Give back what is this camera's alone, the network; whoever wants bodies after that has it loaded again. From
        the pipeline's thread. Twins are only let go: they go over workers, which other cameras use."""
        network, self._network, self._poser = self._network, None, None
        if network is not None:
            network.close()

    def ref(self) -> ModelRef | None:
        """The model behind an event, with what its newest inference took."""
        return None if self._detector is None else replace(self._detector.ref, infer_ms=self.infer_ms)

    @property
    def infer_ms(self) -> float | None:
        """How long the newest inference took, with the wait for its turn; None before the first. Any thread."""
        return None if self._detector is None else round(self._detector.infer_s * 1e3, 1) or None

    @property
    def engines_ms(self) -> list[float]:
        """The same of each model; 0 before the first, empty without models. Any thread."""
        parts = () if self._detector is None else self._detector.parts
        return [round(part.infer_s * 1e3, 1) for part in parts]

    @property
    def pose_ms(self) -> float | None:
        """How long the pose model took for the newest look; None before the first. Any thread."""
        poser = self._poser
        return None if poser is None else round(poser.infer_s * 1e3, 1) or None

    @property
    def poses(self) -> bool:
        """Whether people's joints are looked at now. Any thread."""
        on = self._switches.on("pose") and self._switches.on("detect")
        return on and self._joints is not None and self._fault is None

    def pose_status(self) -> dict[str, Any] | None:
        """How looking for joints is doing, JSON-ready; None where it is not wanted. Any thread."""
        if self._joints is None:
            return None
        state = "fault" if self._fault else "up" if self._switches.on("pose") else "off"
        return {"state": state, "reason": self._fault, "infer_ms": self.pose_ms}

    def _failed(self, why: str | None) -> None:
        self._fault = why
