"""Floating-point operations of one micro-batch: its matrix products, each multiplication and each addition counted.

Attention is counted as the whole square of positions, as torch's own counter does, though the causal kernels leave out
nearly half of it. The formula is compared with `torch.utils.flop_counter` in tests/plan/test_flops.py.
"""

from dataclasses import dataclass

from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.encoders import encoder_cost
from amharic_tts.plan.shape import Shape


@dataclass(frozen=True)
class Flops:
    """Of one micro-batch, forward and backward."""

    model: float
    """What the model needs: the numerator of model FLOPs utilisation (MFU)."""
    recomputed: float
    """The trunk's forward pass once more, where activations are recomputed."""

    @property
    def total(self) -> float:
        """What the hardware does."""
        return self.model + self.recomputed


def flops(
    config: ModelConfig, shape: Shape, recompute: bool, adapter_rank: int = 0, learning_encoders: bool = False
) -> Flops:
    """Forward 2 operations for each weight and position, backward 4: 2 for the gradient of what the weight is multiplied
    with, 2 for the weight's own.

    adapter_rank: of LoRA on the trunk, whose own weights then get no gradient. learning_encoders: the prompt encoders
    learn (else they only run forward, if the model has them).
    """
    dim, positions = config.dim, shape.positions
    linear = 2 * positions * 12 * dim * dim * config.layers
    attention = 4 * positions * shape.longest * dim * config.layers
    heads = 2 * dim * (shape.text_targets * config.text_rows + shape.code_targets * config.code_rows)
    adapters = 2 * positions * adapter_rank * 18 * dim * config.layers  # (d+3d) + (d+d) + (d+4d) + (4d+d) = 18 d
    trunk = linear + attention + adapters
    own_gradient = 0 if adapter_rank else linear
    backward = linear + own_gradient + 2 * (attention + adapters + heads)
    encoders = encoder_cost(config, shape).flops * (3 if learning_encoders else 1)
    return Flops(trunk + heads + backward + encoders, trunk if recompute else 0)
