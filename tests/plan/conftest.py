"""Small models with the layout of one that reads stored prompts, and batches of equal rows."""

from dataclasses import replace

import pytest
import torch

from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.speech_lm import SpeechLM

ENCODER = ConformerConfig(dim=8, linear_units=8, heads=2, blocks=1, kernel=3, latents=32)


def sizes(**changes) -> ModelConfig:
    """Sizes of a small model."""
    given = {
        "text_rows": 600, "code_rows": 400, "dim": 128, "layers": 4, "heads": 4, "max_text": 60, "max_codes": 600,
        "conditioning_width": 16, "stored_conditioning": True, "conditioning": ENCODER,
        "emotion": replace(ENCODER, latents=1), "dropout": 0.0,
    }  # fmt: skip
    return ModelConfig(**given | changes)


def model_of(config: ModelConfig, dtype: torch.dtype = torch.float32) -> SpeechLM:
    """In training, without dropout of attention weights, with which the CPU has no fused kernel."""
    torch.manual_seed(0)
    model = SpeechLM(config).to(dtype).train()
    for block in model.trunk.blocks:
        block.attention.dropout = 0.0
    return model


def batch_of(config: ModelConfig, rows: int, text: int, codes: int, dtype: torch.dtype = torch.float32) -> tuple:
    """What `SpeechLM.forward` takes: `rows` rows of the same length."""
    draw = torch.Generator().manual_seed(0)
    whole = lambda count: torch.full((rows,), count)  # noqa: E731
    return (
        torch.randn(rows, config.stored_rows, config.dim, generator=draw).to(dtype), whole(config.stored_rows),
        torch.randint(3, config.text_rows, (rows, text), generator=draw), whole(text),
        torch.randint(0, config.code_rows - 2, (rows, codes), generator=draw), whole(codes),
    )  # fmt: skip


@pytest.fixture(scope="session")
def small():
    return sizes()
