"""How a network is trained: what a user may set, and what suits the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.tools.train.augment import Deform


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run. Parts are shares of all steps, in the order in which they come.

    epochs: passes over the training samples, all phases together
    batch: samples a step
    rate: the highest learning rate of Adam; it rises over the first 3 % and falls along a half cosine to 0
    density: the share of weights that stay, all prunable layers together; 1 prunes nothing
    limit: bytes that the weights may take by their entropy; the density follows from it; 0: `density` counts
    bits: a large layer's weights share 2 ** bits values, a small one's twice as many; 0 shares nothing
    dense: until here no weight is pruned
    pruned: from here the density stays as it is
    sharing: from here the weights take the values of codebooks, and stay or stay away for good
    deform: how training pictures are deformed, None not at all
    variants: epochs that share one deformed copy
    distil: how much of the loss is to match the outputs of the model as it came, 0 to 1
    temperature: of that match (Hinton, Vinyals, Dean 2015, arXiv:1503.02531)
    validation: share of the training samples that is only looked at to choose
    seed: of initial weights, order, deformation and split
    threads: of torch
    """

    epochs: int = 20
    batch: int = 128
    rate: float = 2e-3
    density: float = 0.1
    limit: int = 0
    bits: int = 3
    dense: float = 0.1
    pruned: float = 0.6
    sharing: float = 0.7
    deform: Deform | None = None
    variants: int = 1
    distil: float = 0.0
    temperature: float = 3.0
    validation: float = 0.1
    seed: int = 0
    threads: int = 1


RECIPES: Mapping[str, Recipe] = {
    "lenet-300-100": Recipe(
        epochs=50, density=0.07, bits=2, dense=0.05, sharing=0.75, deform=Deform().scaled(0.4), variants=3
    ),
    "lenet-5": Recipe(
        epochs=24,
        rate=1e-3,
        density=0.0205,
        bits=2,
        dense=0.0,
        pruned=0.5,
        sharing=0.65,
        deform=Deform().scaled(0.6),
        distil=0.5,
    ),
    "convnet": Recipe(epochs=6, density=0.1, bits=3),
}
"""What the built-in architectures are trained by; chosen on the validation split of seed 0."""
