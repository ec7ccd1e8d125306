"""The formula against torch's own counter."""

import dataclasses

import pytest
import torch
from plan.conftest import ENCODER, batch_of, model_of, sizes
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from amharic_tts.model.lora import Lora, add_lora
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.plan.flops import flops
from amharic_tts.plan.shape import uniform

ROWS, TEXT, CODES = 2, 10, 70


def counted(model, batch) -> int:
    """Operations of forward and backward, attention as plain matrix products."""
    # The plain kernel multiplies what the formula says; a fused one recomputes the scores in its backward pass.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        losses = model(*batch)
        (losses.text + losses.codes).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("recompute", [True, False])
@pytest.mark.parametrize(("dim", "layers", "heads"), [(64, 2, 4), (128, 3, 2)])
def test_of_a_whole_model(dim, layers, heads, recompute):
    config = sizes(dim=dim, layers=layers, heads=heads)
    model = model_of(config)
    if recompute:
        model.trunk.checkpoint = lambda block, x: checkpoint(block, x, use_reentrant=True)
    formula = flops(config, uniform(config, ROWS, TEXT, CODES), recompute)
    assert formula.total == counted(model, batch_of(config, ROWS, TEXT, CODES))
    assert (formula.recomputed > 0) == recompute


def test_of_adapters():
    config = sizes()
    model = model_of(config)
    add_lora(model, Lora(rank=4), seed=0)
    formula = flops(config, uniform(config, ROWS, TEXT, CODES), False, adapter_rank=4)
    assert formula.total == pytest.approx(counted(model, batch_of(config, ROWS, TEXT, CODES)), rel=0.01)


def test_of_prompt_encoders_that_learn():
    config = sizes(stored_conditioning=False, emotion=dataclasses.replace(ENCODER, latents=1, latent_dim=8))
    torch.manual_seed(0)
    model, batch = SpeechLM(config).train(), batch_of(config, ROWS, TEXT, CODES)
    frames = torch.randn(ROWS, 50, config.conditioning_width)
    found = counted(model, (frames, torch.full((ROWS,), 50), *batch[2:]))
    formula = flops(config, uniform(config, ROWS, TEXT, CODES, frames=50), False, learning_encoders=True)
    assert formula.total == pytest.approx(found, rel=0.02)
