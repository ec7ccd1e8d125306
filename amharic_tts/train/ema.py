"""An exponential moving average of the float32 weights (Polyak & Juditsky 1992), sharded like the optimizer.

Each rank averages its own part of the masters, so there is nothing to communicate, at any ZeRO stage.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from amharic_tts.train.processes import rank

FOLDER = "ema"
"""In a checkpoint: every rank's part."""

MASTERS = frozenset(
    (
        "fp32_groups_flat_partition",  # bf16 at stage 1
        "single_partition_of_fp32_groups",  # stages 1 and 2 otherwise
        "fp32_partitioned_groups_flat",  # stage 3
    )
)
"""What DeepSpeed's optimizers call a rank's float32 weights; each has one of them."""


def masters(engine) -> list[Tensor]:
    """This rank's part of the float32 weights that learn, one flat tensor for each group."""
    [name] = MASTERS.intersection(dir(engine.optimizer))
    return list(getattr(engine.optimizer, name))


class Ema:
    """The average of an engine's weights; begins as a copy of them."""

    def __init__(self, engine, decay: float):
        self.engine, self.decay = engine, decay
        self.steps = 0
        self.average = [part.detach().clone() for part in masters(engine)]

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights after an optimizer step. The decay warms up, so that the start is soon forgotten."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for average, part in zip(self.average, masters(self.engine), strict=True):
            average.lerp_(part.detach(), 1 - decay)

    @contextlib.contextmanager
    def in_place_of_masters(self) -> Iterator[None]:
        """Inside, the engine's masters are the averages (the module in training keeps its weights)."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for average, part in zip(self.average, masters(self.engine), strict=True):
            kept = part.detach().clone()
            part.data.copy_(average)
            average.copy_(kept)

    def save(self, staging: Path) -> None:
        """Writes this rank's part."""
        (staging / FOLDER).mkdir(exist_ok=True)
        parts = {str(i): part.cpu().contiguous() for i, part in enumerate(self.average)}
        save_file(parts | {"steps": torch.tensor(self.steps)}, staging / FOLDER / f"rank-{rank():05d}.safetensors")

    def restore(self, checkpoint: Path) -> None:
        """Reads this rank's part."""
        parts = load_file(checkpoint / FOLDER / f"rank-{rank():05d}.safetensors")
        self.steps = int(parts.pop("steps"))
        for i, average in enumerate(self.average):
            average.copy_(parts[str(i)])
