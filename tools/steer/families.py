"""Networks that steer: a driver of 52 parameters, one of 63, and PilotNet, each with either of two heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.models.manifest import Manifest
from edge.preprocess.input import Colour, Input
from edge.tools.steer.layers import Conv, Dense, Flatten, Layer, Net, Pool, Scale, parameters
from edge.tools.steer.squeeze import NET
from edge.types import F32

Head = Literal["regression", "categorical"]
HEADS: tuple[Head, ...] = ("regression", "categorical")
BINS = 15
"""Of a categorical head, their centres from -1 to 1."""
LAST, CENTRES = "bins", "centres"
"""Layers of a categorical head: chances of the bins, and the centres by which they are weighed."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of network.

    body: all layers but the head
    shape: rows, columns, channels that it sees, of this colour
    dropout: while it learns, of what enters a mean or a row of values
    rate: the highest at which it learns; epochs, batch: how many passes, and pictures at once, usually
    """

    name: str
    body: tuple[Layer, ...]
    shape: tuple[int, int, int]
    colour: Colour
    dropout: float
    rate: float
    epochs: int
    batch: int
    about: str

    def net(self, head: Head) -> Net:
        """The network. A categorical head ends in the mean of the bins' centres, weighed by their chances, so that
        every network gives one value: the steering."""
        ends: tuple[Layer, ...] = (Dense("dense", 1),)
        if head == "categorical":
            ends = (Dense(LAST, BINS, then="softmax"), Dense(CENTRES, 1))
        given = "saturation" if self.colour == "HSV-S" else "picture"
        return Net(self.name, self.shape, (*self.body, *ends), given=given, gives="steering")

    def manifest(self, head: Head, name: str, rows: tuple[float, float]) -> Manifest:
        """What the network takes and gives. rows: of a picture that it sees, as parts of its height."""
        net = self.net(head)
        tall, wide, _ = self.shape
        return Manifest(
            name=name,
            task="values",
            decoder="values",
            input=Input(net.given, wide, tall, layout="NHWC", colour=self.colour, dtype="float32", rows=rows),
            outputs={"values": net.gives},
            labels=("steering",),
            licence="",
            notes=f"Where to steer: {self.about}, {head} head; `edge steer train`.",
        )


def trained(net: Net) -> int:
    """How many parameters are learned: all but the centres of bins, which are given."""
    return sum(int(np.prod(shape)) for name, shape in parameters(net).items() if name not in fixed(net))


def fixed(net: Net) -> dict[str, F32]:
    """Weights that are not learned."""
    if CENTRES not in parameters(net):
        return {}
    return {CENTRES: centres()[:, None], f"{CENTRES}_b": np.zeros(1, np.float32)}


def centres() -> F32:
    """Of the bins, float32 (15,)."""
    return np.linspace(-1, 1, BINS, dtype=np.float32)


MAINSQUEEZE = Family(
    "mainsqueeze",
    NET.layers[:-1],
    NET.shape,
    "HSV-S",
    0.2,
    0.02,
    40,
    128,
    "MainSqueeze, one fire module on the saturation",
)
CONV63 = Family(
    "conv63",
    (Scale(), Conv("conv", 3, 2, then="relu"), Pool(4, 4), Flatten()),
    (16, 32, 1),
    "HSV-S",
    0.25,
    0.02,
    40,
    128,
    "two filters of 3 x 3 on a saturation of 16 x 32, the largest of each 4 x 4, and one weighted sum of those 42",
)
PILOTNET = Family(
    "pilotnet",
    (
        Scale(),
        Conv("conv1", 5, 24, stride=2, then="relu"),
        Conv("conv2", 5, 36, stride=2, then="relu"),
        Conv("conv3", 5, 48, stride=2, then="relu"),
        Conv("conv4", 3, 64, then="relu"),
        Conv("conv5", 3, 64, then="relu"),
        Flatten(),
        Dense("dense1", 100, then="relu"),
        Dense("dense2", 50, then="relu"),
        Dense("dense3", 10, then="relu"),
    ),
    (66, 160, 3),
    "RGB",
    0.1,
    0.001,
    8,
    64,
    "PilotNet (Bojarski et al., arXiv 1604.07316) on 66 x 160 RGB, where NVIDIA's saw 66 x 200 YUV",
)
FAMILIES = {family.name: family for family in (MAINSQUEEZE, CONV63, PILOTNET)}
