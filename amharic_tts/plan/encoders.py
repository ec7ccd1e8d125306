"""What the prompt encoders cost in a model that has them: counted on tensors without storage, at the real sizes."""

import functools
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from amharic_tts.model.config import ModelConfig
from amharic_tts.model.prompt_encoder import PromptEncoder
from amharic_tts.plan.shape import Shape


@dataclass(frozen=True)
class EncoderCost:
    """Of one micro-batch."""

    flops: float
    """Forward."""
    saved: int
    """Elements kept for the backward pass, if the encoders learn."""


def encoder_cost(config: ModelConfig, shape: Shape) -> EncoderCost:
    """Nothing for stored prompts. Attention counts as without a fused kernel, which is the most it can be."""
    if config.stored_conditioning or not shape.frames:
        return EncoderCost(0, 0)
    return counted(config, shape.rows, shape.frames)


@functools.lru_cache(maxsize=64)
def counted(config: ModelConfig, rows: int, frames: int) -> EncoderCost:
    """Runs them on the device `meta`, where an operation has a shape and no values."""
    with torch.device("meta"):
        encoder = PromptEncoder(config)
        prompt = torch.empty(rows, frames, config.conditioning_width)
        lengths = torch.empty(rows, dtype=torch.int64)
    own = {id(parameter) for parameter in encoder.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in own:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with FlopCounterMode(display=False) as counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        encoder(prompt, lengths)
    saved = sum(tensor.untyped_storage().nbytes() // tensor.element_size() for tensor in kept.values())
    return EncoderCost(counter.get_total_flops(), saved)
