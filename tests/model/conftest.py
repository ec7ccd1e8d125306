"""A tiny model and random batches."""

import pytest
import torch

from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.speech_lm import SpeechLM


@pytest.fixture(scope="session")
def tiny_config():
    return ModelConfig(
        text_rows=40, code_rows=34, dim=64, layers=2, heads=2, max_text=20, max_codes=60, conditioning_width=16,
        conditioning=ConformerConfig(dim=16, linear_units=32, heads=2, blocks=1, kernel=5, latents=4),
        emotion=None, generation_offset=0, dropout=0.0,
    )  # fmt: skip


@pytest.fixture
def tiny_model(tiny_config):
    torch.manual_seed(0)
    return SpeechLM(tiny_config).eval()


@pytest.fixture
def batch():
    """(prompt, lengths, text, lengths, codes, lengths) of three rows; padding is filled with junk on purpose."""
    g = torch.Generator().manual_seed(1)
    text_lengths, code_lengths = torch.tensor([7, 3, 12]), torch.tensor([20, 33, 9])
    return (
        torch.randn(3, 24, 16, generator=g), torch.tensor([24, 11, 18]),
        torch.randint(3, 40, (3, 12), generator=g), text_lengths,
        torch.randint(0, 32, (3, 33), generator=g), code_lengths,
    )  # fmt: skip
