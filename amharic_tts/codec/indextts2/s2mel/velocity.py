"""The velocity field of the flow: where each mel frame should move at a given time."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.rows import attention_mask, reflected, valid_frames
from amharic_tts.codec.indextts2.s2mel.transformer import Transformer
from amharic_tts.codec.indextts2.s2mel.wavenet import WaveNet


class TimeEmbedding(nn.Module):
    """The time of the flow, a number from 0 to 1, as a vector (dim,): sines and cosines, then two layers."""

    WAVES = 128
    SCALE = 1000.0  # so that the fastest wave turns 1000 rad from noise to speech

    def __init__(self, dim: int):
        super().__init__()
        self.up, self.out = nn.Linear(2 * self.WAVES, dim), nn.Linear(dim, dim)

    def forward(self, time: Tensor) -> Tensor:
        wave = torch.arange(self.WAVES, device=time.device, dtype=torch.float32)
        angle = self.SCALE * time.float() * torch.exp(-math.log(10000.0) / self.WAVES * wave)
        return self.out(F.silu(self.up(torch.cat([angle.cos(), angle.sin()]).to(self.up.weight.dtype))))


class Velocity(nn.Module):
    """Noisy mel frames and their context → their velocity.

    What does not change along the flow is merged once per batch by `context`; `forward` runs at every step.
    """

    def __init__(self, config: S2MelConfig):
        super().__init__()
        dim, bands = config.dim, config.bands
        self.bands, self.reach = bands, config.kernel // 2
        self.condition = nn.Linear(dim, dim)
        self.merge = nn.Linear(bands + bands + dim + config.style, dim)
        self.transformer_time = TimeEmbedding(dim)
        self.transformer = Transformer(dim, config.heads, config.feed, config.depth)
        self.long_skip = nn.Linear(dim + bands, dim)
        self.wavenet_time = TimeEmbedding(dim)
        self.wavenet_in = nn.Linear(dim, dim)
        self.wavenet = WaveNet(dim, config.wavenet_layers, config.kernel)
        self.wavenet_skip = nn.Linear(dim, dim)
        self.modulation = nn.Linear(dim, 2 * dim)
        self.final = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, bands)

    def context(self, prompt: Tensor, condition: Tensor, style: Tensor) -> Tensor:
        """(batch, frames, dim) from the prompt's mel with zeros after it (batch, frames, bands), the conditions of
        prompt and target (batch, frames, dim) and the speaker's style (batch, style)."""
        style = style[:, None].expand(-1, condition.size(1), -1)
        known = torch.cat([prompt, self.condition(condition), style], -1)
        return F.linear(known, self.merge.weight[:, self.bands :], self.merge.bias)

    def forward(self, x: Tensor, time: Tensor, context: Tensor, lengths: Tensor) -> Tensor:
        """(batch, frames, bands), a time (), context (batch, frames, dim), lengths (batch,) → (batch, frames, bands).

        What stands after a row's length is not read; what comes back there means nothing.
        """
        frames = x.size(1)
        mask = attention_mask(valid_frames(lengths, frames))
        early = self.transformer_time(time)
        y = F.linear(x, self.merge.weight[:, : self.bands]) + context
        y = self.long_skip(torch.cat([self.transformer(y, early, mask), x], -1))
        z = self.wavenet(self.wavenet_in(y), self.wavenet_time(time), reflected(lengths, frames, self.reach))
        z = z + self.wavenet_skip(y)
        shift, scale = self.modulation(F.silu(early)).chunk(2)
        z = F.layer_norm(z, z.shape[-1:], eps=1e-6) * (1 + scale) + shift
        return self.out(self.final(z))
