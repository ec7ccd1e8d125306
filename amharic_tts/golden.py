"""Recorded outputs of the reference implementation: the rule that fills its weights, and how far apart two results are."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

LIMIT = 2e-4
"""Largest error of a real-valued output, relative to its largest magnitude; float32 in another order of operations."""


@dataclass(frozen=True)
class Finding:
    """One output compared."""

    what: str
    error: float
    """Relative to the largest magnitude; for discrete outputs, names and shapes the number that differ."""
    limit: float = LIMIT

    @property
    def ok(self) -> bool:
        return self.error <= self.limit  # False for NaN


Comparison = Callable[[Path, str], Iterator[Finding]]
"""(folder, name) → the findings of recording `name`."""


def seeded(key: str, shape: tuple[int, ...] | list[int], scale: float = 0.05) -> Tensor:
    """The value of a reference's tensor by the rule of golden/README.md."""
    value = scale * torch.randn(tuple(shape), generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    if key.endswith("running_var"):
        return value.abs() + 1
    return value + 1 if len(shape) == 1 and key.endswith((".weight", ".gamma")) else value


def apart(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference relative to the recorded output's largest magnitude; infinite for another shape."""
    if ours.shape != theirs.shape:
        return float("inf")
    return float((ours - theirs).abs().max() / theirs.abs().max())
