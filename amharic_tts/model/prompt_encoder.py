"""A prompt's feature frames → the rows that condition the language model, and an emotion vector added to each of them.

With a pretrained base these encoders are frozen and their outputs lie in the shards, so that training holds neither
them nor the frames (336 M of IndexTTS-2's 866 M parameters).
"""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.conformer import Conformer
from amharic_tts.model.perceiver import Perceiver

ENCODERS = "prompt_encoder."
"""What the names of the encoders' tensors begin with in a `SpeechLM`."""


def encoder_fingerprint(state: Mapping[str, Tensor]) -> str:
    """Hash (32 hex digits) of the encoders' tensors in a state dict of `SpeechLM`, as float32; prompts that other encoders
    have read mean nothing to a model."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(name for name in state if name.startswith(ENCODERS)):
        value = state[name].detach().to("cpu", torch.float32).contiguous()
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.numpy().astype("<f4", copy=False))
    return digest.hexdigest()


class Prefix(nn.Module):
    """Feature frames of a prompt → latents (batch, latents, latent_dim)."""

    def __init__(self, width: int, config: ConformerConfig, latent_dim: int):
        super().__init__()
        self.conformer = Conformer(width, config)
        self.perceiver = Perceiver(latent_dim, config.dim, config.latents, config.heads, config.perceiver_mult)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.perceiver(*self.conformer(frames, lengths))


class PromptEncoder(nn.Module):
    """Prompt frames (batch, t, width) and their lengths (batch,) → (batch, `config.stored_rows`, dim): the latents and,
    where the model has an emotion encoder, the emotion vector as the last row."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.conditioning = Prefix(config.conditioning_width, config.conditioning, config.dim)
        self.emotion = None
        if config.emotion is not None:
            latent_dim = config.emotion.latent_dim or config.dim
            self.emotion = Prefix(config.conditioning_width, config.emotion, latent_dim)
            self.emotion_in, self.emotion_out = nn.Linear(latent_dim, config.dim), nn.Linear(config.dim, config.dim)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        latents = self.conditioning(frames, lengths)
        if self.emotion is None:
            return latents
        return torch.cat([latents, self.emotion_vector(frames, lengths)[:, None]], 1)

    def emotion_vector(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(batch, dim)"""
        return self.emotion_out(self.emotion_in(self.emotion(frames, lengths)[:, 0]))
