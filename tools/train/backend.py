"""torch, imported when it is wanted, and typed as Any: a machine without it checks and runs everything else."""

from __future__ import annotations

from pathlib import Path
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


def multiplies_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 by itself (AVX512-BF16, AMX, Arm's BF16): training takes half the time."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(told)
