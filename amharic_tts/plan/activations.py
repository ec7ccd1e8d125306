"""Bytes of one micro-batch beside the model states: what is kept for the backward pass, and what comes and goes.

The formula for a block is exact: tests/plan/test_activations.py counts the tensors that autograd saves. Its premise is
a fused attention kernel (flash, or the memory-efficient one that fp16 on a T4 gets), which keeps queries, keys, values,
its output and one float32 per head and position, and never the square of positions. The CPU has such a kernel as well,
but not together with dropout of attention weights.
"""

from dataclasses import dataclass

from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.encoders import encoder_cost
from amharic_tts.plan.shape import Shape

MASK = 1
"""Bytes that CUDA keeps for each element that went through dropout (the CPU: one number of the model's precision)."""

STATISTIC = 4
"""Bytes of each mean and each deviation of a layer norm: float32 on CUDA (the CPU: the model's precision)."""

ROW_INDEX = 56
"""Bytes of indices, targets, weights and losses for each position that a head reads (measured)."""


@dataclass(frozen=True)
class Activations:
    """Bytes on one GPU. Both moments of a micro-batch are given; `peak` is the worse one."""

    kept: int
    """What lives from forward to backward: block inputs or all of the blocks' insides, dropout masks, inputs of heads."""
    logits: int
    """Of both heads at the worst moment, which is in the backward pass of the code loss."""
    block: int
    """Backward through one block: its recomputed insides, if it recomputes, and gradients."""

    @property
    def peak(self) -> int:
        return self.kept + max(self.logits, self.block)


def activations(
    config: ModelConfig,
    shape: Shape,
    size: int,
    recompute: bool,
    learning_encoders: bool = False,
    mask: int = MASK,
    statistic: int = STATISTIC,
) -> Activations:
    """size: bytes of one number in the model's precision, 2 or 4. learning_encoders: the prompt encoders learn."""
    width, positions = config.dim * size, shape.positions
    inside = saved_by_block(config, positions, size, mask, statistic)
    blocks = config.layers * (positions * width if recompute else inside)
    masks = positions * config.dim * mask if config.dropout else 0
    # Outputs of the last block and of both norms behind it; the rows of them that the heads read.
    targets = shape.text_targets + shape.code_targets
    ends = positions * (3 * width + 4 * statistic) + targets * (width + ROW_INDEX)
    encoders = encoder_cost(config, shape).saved * size if learning_encoders else 0
    # At its fullest, where the feed-forward begins to go backward: the residual stream's gradient, the one going into
    # the branch, and that of the widest weight (measured; later, more gradients meet fewer saved tensors).
    gradients = 2 * positions * width + 4 * config.dim * width
    return Activations(
        kept=blocks + masks + ends + encoders,
        logits=logits(config, shape, size),
        block=gradients + (inside if recompute else 0),
    )


def saved_by_block(config: ModelConfig, positions: int, size: int, mask: int = MASK, statistic: int = STATISTIC) -> int:
    """What autograd saves of one block, its input among it.

    Rows of width dim: inputs and outputs of both norms (4), queries, keys, values (3), attention's output (1), the
    feed-forward's inner rows before and after the nonlinearity (8); two dropout masks; mean and deviation of each norm;
    a float32 per head.
    """
    dropout = 2 * config.dim * mask if config.dropout else 0
    return positions * (16 * config.dim * size + dropout + 4 * statistic + 4 * config.heads)


def logits(config: ModelConfig, shape: Shape, size: int) -> int:
    """Logits and their like at the worse of two moments. For each target and table row there are

    - going forward, text: the log-probabilities that are kept (4) and the logits (size); codes: logits (size), the same in
      float32 where that is another precision (4), log-probabilities (4);
    - going backward, text: log-probabilities (4); codes: these (4), their gradient (4) and that of the logits (4).
    """
    text, codes = shape.text_targets * config.text_rows, shape.code_targets * config.code_rows
    raised = 4 if size < 4 else 0
    forward = text * (4 + size) + codes * (size + raised + 4)
    return max(forward, text * 4 + codes * 12)
