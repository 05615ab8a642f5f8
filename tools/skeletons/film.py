"""Skeletons as films, and models that read the joints out of them: every part of the pipeline runs, engines included.

Each joint is a disc of a colour of its own on grey ground; the colours lie on a circle around grey in the plane of
chroma, so that a colour mixed with the ground is paler and none of the others. A model finds a joint as the middle of
the pixels of its colour, by plain operators; a disc that another hides is not found, as with people.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.models.manifest import Manifest, to_toml
from edge.pose.keypoints import LIMBS
from edge.preprocess.input import Input
from edge.tools.graph import INSTALL
from edge.tools.skeletons.sequence import Sequence17
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

JOINTS = 17
LUMA, GROUND = 126, 70
RADIUS = 68.0
"""Of the circle of colours, in steps of chroma."""
NEAR = 11.0
"""How far from a joint's colour, in steps of chroma, a pixel still counts."""
LIMITED = 224 / 255
"""Steps of chroma in a film of limited range for one of full range."""
TALLEST = 360
DETECTOR, POSER = 320, 192
"""Sides of what the two models are fed, pixels."""
_TO_CHROMA: F32 = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""From R G B to Cb - 128 and Cr - 128: ITU-R BT.601, full range."""


def colours() -> F32:
    """Of each joint Cb - 128 and Cr - 128, float32 (17, 2).

    Where two discs touch, their colours mix to one that lies between them on the circle. By steps of 7 those of joints
    that are often close have no joint's colour in the middle.
    """
    angle = 2 * np.pi * (7 * np.arange(JOINTS) % JOINTS) / JOINTS
    return (RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32)


def picture(joints: F32 | None, size: tuple[int, int], stature: float, noise: NDArray[np.int16]) -> list[F32]:
    """Y, Cb and Cr planes, uint8 (h, w) and two of half the sides, of joints that are float32 (17, 3); None: nobody.

    Args:
        stature: of the person, pixels: as large are the discs in proportion
        noise: int16 (h, w), added to the luma
    """
    w, h = size
    luma = np.full((h, w), GROUND, np.uint8)
    chroma = [np.full((h, w), 128, np.uint8) for _ in range(2)]
    if joints is not None:
        points = [(round(float(x) * 4), round(float(y) * 4)) for x, y in joints[:, :2]]
        for a, b in LIMBS:
            cv2.line(luma, points[a], points[b], LUMA, max(2, round(stature / 25)), cv2.LINE_AA, 2)
        for joint in np.argsort(joints[:, 2], kind="stable").tolist():  # the surest are drawn over the others
            if joints[joint, 2] >= 0.2:
                radius = max(5, round(stature / 28))
                cv2.circle(luma, points[joint], radius * 4, LUMA, -1, cv2.LINE_8, 2)
                for plane, tone in zip(chroma, colours()[joint].tolist(), strict=True):
                    cv2.circle(plane, points[joint], radius * 4, round(128 + LIMITED * tone), -1, cv2.LINE_8, 2)
    luma = np.clip(luma + noise, 0, 255).astype(np.uint8)
    return [luma, *(plane[::2, ::2] for plane in chroma)]


def write(path: Path, planes: list[list[F32]], rate: float) -> None:
    """A film of such pictures, FFV1 in Matroska: not a bit is lost."""
    import av

    with av.open(str(path), "w") as container:
        h, w = planes[0][0].shape
        stream = container.add_stream("ffv1", rate=Fraction(rate).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = w, h, "yuv420p"
        for one in planes:
            frame = av.VideoFrame.from_ndarray(
                np.concatenate([plane.ravel() for plane in one]).reshape(-1, w), "yuv420p"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def stature(sequence: Sequence17) -> float:
    """How tall somebody is in a film of a sequence, pixels: the median over time of the joints' greater side."""
    spans = np.ptp(sequence.joints[:, :, :2], axis=1).max(axis=1)
    return float(np.median(spans)) * _shrunk(sequence)


def in_view(sequence: Sequence17) -> float:
    """The least part of the joints that lies within the picture at any time."""
    places = sequence.joints[:, :, :2]
    within = ((places >= 0) & (places < np.array(sequence.size))).all(axis=2)
    return float(within.mean(axis=1).min())


def written(path: Path, sequence: Sequence17, rate: float, random: np.random.Generator) -> Path:
    """A film of a sequence at `rate` pictures a second, at most `TALLEST` pixels high, with noise; its path."""
    factor, tall = _shrunk(sequence), stature(sequence)
    w, h = (round(side * factor) // 2 * 2 for side in sequence.size)
    times = np.arange(sequence.times[0], sequence.times[-1], 1 / rate)
    newest = np.searchsorted(sequence.times, times + 1e-9, side="right") - 1
    planes = []
    for look in newest.tolist():
        joints = sequence.joints[look].copy()
        joints[:, :2] *= factor
        noise = random.integers(-2, 3, (h, w)).astype(np.int16)
        planes.append(picture(joints if sequence.found[look] else None, (w, h), tall, noise))
    write(path, planes, rate)
    return path


def _shrunk(sequence: Sequence17) -> float:
    return min(1.0, TALLEST / sequence.size[1])


def pose_model() -> ModelProto:
    """Finds the joints in a picture of one person: MoveNet's output, float32 (1, 1, 17, 3), y x score of 0..1."""
    parts = _Graph()
    near = parts.near(POSER)
    mass = parts.node("ReduceSum", near, "axes23", keepdims=0)
    some = parts.node("Max", mass, "little")
    columns = [parts.middle(near, some, f"grid_{axis}{POSER}") for axis in "yx"]
    sure = parts.node("Clip", parts.node("Mul", mass, "third"), "zero", "most")
    stacked = parts.node("Concat", *(parts.node("Reshape", one, "column") for one in (*columns, sure)), axis=3)
    return parts.made(stacked, "keypoints", POSER, [1, 1, JOINTS, 3])


def detector_model() -> ModelProto:
    """Finds the box around all joints: float32 (1, 1, 6), x1 y1 x2 y2 of 0..1, score, class 0."""
    parts = _Graph()
    near = parts.near(DETECTOR)
    seen = parts.node(
        "Clip", parts.node("Mul", parts.node("ReduceMax", near, axes=[1], keepdims=1), "twice"), "zero", "one"
    )
    sides = []
    for axis in "xy":
        sides.append(parts.least(seen, f"grid_{axis}{DETECTOR}"))
    for axis in "xy":
        sides.append(
            parts.node("ReduceMax", parts.node("Mul", seen, f"grid_{axis}{DETECTOR}"), axes=[1, 2, 3], keepdims=0)
        )
    mass = parts.node("ReduceSum", seen, "axes123", keepdims=0)
    score = parts.node("Clip", parts.node("Mul", mass, "thirtieth"), "zero", "most")
    kind = parts.node("Mul", score, "zero")
    stacked = parts.node("Concat", *(parts.node("Reshape", one, "cell") for one in (*sides, score, kind)), axis=2)
    return parts.made(stacked, "predictions", DETECTOR, [1, 1, 6])


def save(folder: Path) -> tuple[Path, Path]:
    """Write both models with their manifests; the detector's and the pose model's file."""
    found = []
    for name, task, decoder, role, side, model in (
        ("figure-detector", "detect", "yolo-end2end", "predictions", DETECTOR, detector_model()),
        ("figure-pose", "pose", "movenet", "keypoints", POSER, pose_model()),
    ):
        fed = Input(
            "image",
            side,
            side,
            layout="NCHW",
            colour="RGB",
            dtype="float32",
            fit="letterbox",
            anchor="centre",
            pad=GROUND,
        )
        described = Manifest(
            name,
            task,
            decoder,
            fed,
            {role: role},
            ("person",) if task == "detect" else (),
            min_score=0.4 if task == "detect" else 0.15,
            box_units="unit" if task == "detect" else "pixels",
        )
        file = folder / f"{name}.onnx"
        file.write_bytes(model.SerializeToString())
        file.with_suffix(".toml").write_text(to_toml(described), encoding="utf-8")
        found.append(file)
    return found[0], found[1]


class _Graph:
    """Nodes as they are added, and the constants that they use."""

    def __init__(self) -> None:
        self._onnx = need("onnx", INSTALL)
        self._nodes: list[object] = []
        self._held: dict[str, NDArray[np.generic]] = {
            "axes23": np.array([2, 3], np.int64),
            "axes123": np.array([1, 2, 3], np.int64),
            "column": np.array([1, 1, JOINTS, 1], np.int64),
            "cell": np.array([1, 1, 1], np.int64),
        }
        numbers = {"little": 1e-3, "third": 1 / 3, "thirtieth": 1 / 30, "twice": 2, "zero": 0, "one": 1, "most": 0.95}
        self._held |= {name: np.array(value, np.float32) for name, value in numbers.items()}

    def node(self, kind: str, *given: str, **more: object) -> str:
        """Add a node; its output's name."""
        name = f"v{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, list(given), [name], **more))
        return name

    def near(self, side: int) -> str:
        """How near each pixel is to each joint's colour, (1, 17, side, side), 0..1: 1 - distance^2 / NEAR^2, not below
        0; by |c|^2 - 2 c d + |d|^2 the distance is a convolution of one pixel."""
        tones = colours()
        self._held["chroma.w"] = _TO_CHROMA.reshape(2, 3, 1, 1)
        self._held["tones.w"] = (2 * tones / NEAR**2).reshape(JOINTS, 2, 1, 1).astype(np.float32)
        self._held["tones.b"] = (1 - (tones**2).sum(axis=1) / NEAR**2).astype(np.float32)
        self._held["size.w"] = np.full((1, 2, 1, 1), 1 / NEAR**2, np.float32)
        at = (np.arange(side, dtype=np.float32) + 0.5) / side
        self._held[f"grid_x{side}"], self._held[f"grid_y{side}"] = at.reshape(1, 1, 1, -1), at.reshape(1, 1, -1, 1)
        chroma = self.node("Conv", "image", "chroma.w")
        square = self.node("Conv", self.node("Mul", chroma, chroma), "size.w")
        return self.node("Relu", self.node("Sub", self.node("Conv", chroma, "tones.w", "tones.b"), square))

    def middle(self, near: str, some: str, grid: str) -> str:
        """The middle of each joint's pixels along an axis, 0..1."""
        return self.node("Div", self.node("ReduceSum", self.node("Mul", near, grid), "axes23", keepdims=0), some)

    def least(self, seen: str, grid: str) -> str:
        """The least place along an axis that is seen, 0..1."""
        other = self.node("Mul", seen, self.node("Sub", "one", grid))
        return self.node("Sub", "one", self.node("ReduceMax", other, axes=[1, 2, 3], keepdims=0))

    def made(self, last: str, output: str, side: int, shape: list[int]) -> ModelProto:
        """The whole model."""
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        nodes = [*self._nodes, helper.make_node("Identity", [last], [output])]
        used = {name for node in nodes for name in node.input}
        held = [self._onnx.numpy_helper.from_array(array, name) for name, array in self._held.items() if name in used]
        fed = helper.make_tensor_value_info("image", kind, [1, 3, side, side])
        given = helper.make_tensor_value_info(output, kind, shape)
        graph = helper.make_graph(nodes, output, [fed], [given], held)
        model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        return model
