"""torch, imported when it is wanted, and typed as Any: a machine without it checks and runs everything else."""

from __future__ import annotations

from typing import Any, TypeAlias

from edge.engines.base import need

Tensor: TypeAlias = Any
"""A torch.Tensor."""


def torch() -> Any:
    """The package. MissingError says how to install it."""
    return need("torch", "pip install 'edge-runtime[train]'")


def functional() -> Any:
    """`torch.nn.functional`."""
    return torch().nn.functional
