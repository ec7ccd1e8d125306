"""Decoding's four networks with small seeded weights."""

import torch

from amharic_tts.codec.indextts2.campplus import CAMPPlus
from amharic_tts.codec.indextts2.decode import Decoder
from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.model import S2Mel
from amharic_tts.codec.indextts2.semantic_codec import SemanticCodec
from amharic_tts.codec.indextts2.vocoder import Vocoder


def small_sizes(width: int, latent: int) -> S2MelConfig:
    """width: of the prompt's features; latent: of the language model's hidden states."""
    return S2MelConfig(
        latent=latent, latent_path=(6,), content=width, dim=16, regulator_layers=2, depth=3, heads=2, feed=24,
        wavenet_layers=2,
    )  # fmt: skip


def small_decoder(width: int, latent: int, codes: int) -> Decoder:
    """Every call makes the same weights; sizes as in `small_sizes`, and `codes` different codes."""
    torch.manual_seed(0)
    parts = (
        SemanticCodec(width=width, dim=8, feed=16, blocks=1, codes=codes, code_dim=4), S2Mel(small_sizes(width, latent)),
        CAMPPlus(), Vocoder(64),
    )  # fmt: skip
    with torch.no_grad():
        for part in (parts[0], parts[1], parts[3]):  # CAMPPlus as it is: its style stays as large as a real one
            for parameter in part.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return Decoder(*(part.eval() for part in parts))
