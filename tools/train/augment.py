"""Small deformations of pictures, so that a small network learns what does not change the class.

Affine maps and elastic fields as in Simard, Steinkraus, Platt, "Best practices for convolutional neural networks"
(ICDAR 2003), the field on a coarse grid instead of a blurred fine one.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.tools.train.backend import Tensor, functional, torch


@dataclass(frozen=True, slots=True)
class Deform:
    """The most that a picture is deformed, each drawn evenly within, the elastic field normally.

    rotate: radians
    zoom: of each axis, as a share
    shear: as a share of the height
    shift: pixels of a picture of 28, in proportion for others
    elastic: standard deviation of the displacement of the `cells` x `cells` points, pixels of a picture of 28
    """

    rotate: float = 0.2
    zoom: float = 0.12
    shear: float = 0.15
    shift: float = 1.5
    elastic: float = 0.8
    cells: int = 5

    def scaled(self, by: float) -> Deform:
        """All of it, but for the number of cells, so many times as strong."""
        return Deform(self.rotate * by, self.zoom * by, self.shear * by, self.shift * by, self.elastic * by, self.cells)


def deformed(pixels: Tensor, most: Deform, draw: Tensor, chunk: int = 4096) -> Tensor:
    """A deformed copy of all pictures, (n, channels, height, width), their own dtype; black comes in from outside.

    Args:
        draw: a torch.Generator; its state alone decides.
        chunk: pictures at once, which bounds the memory.
    """
    made = torch().empty_like(pixels)
    for begin in range(0, len(pixels), chunk):
        some = pixels[begin : begin + chunk].float()
        moved = functional().grid_sample(some, _grid(some, most, draw), align_corners=False)
        if not pixels.is_floating_point():
            moved = moved.round_().clamp_(0, 255)
        made[begin : begin + chunk] = moved.to(pixels.dtype)
    return made


def _grid(some: Tensor, most: Deform, draw: Tensor) -> Tensor:
    """Where each pixel is taken from, (n, height, width, 2), -1..1 over the picture."""
    number = len(some)

    def even(limit: float) -> Tensor:
        return (torch().rand(number, generator=draw) * 2 - 1) * limit

    angle, shear = even(most.rotate), even(most.shear)
    wide, tall = 1 + even(most.zoom), 1 + even(most.zoom)
    right, down = even(most.shift / 14), even(most.shift / 14)
    rows = (
        torch().stack((wide * angle.cos(), shear - tall * angle.sin(), right), 1),
        torch().stack((wide * angle.sin(), tall * angle.cos(), down), 1),
    )
    grid = functional().affine_grid(torch().stack(rows, 1), some.shape, align_corners=False)
    field = torch().randn(number, 2, most.cells, most.cells, generator=draw) * (most.elastic / 14)
    fine = functional().interpolate(field, some.shape[2:], mode="bicubic", align_corners=True)
    return grid + fine.permute(0, 2, 3, 1)
