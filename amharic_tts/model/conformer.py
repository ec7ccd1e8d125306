"""Conformer encoder over feature frames (Gulati et al. 2020, in the form that wenet and IndexTTS-2 use).

Each block is attention, convolution, feed-forward, each with a residual; no macaron half-step. Positions enter through
a sinusoid that each layer projects and scores against the query (Dai et al. 2019, without the relative shift).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.model.config import ConformerConfig


def sinusoid(length: int, dim: int, device: torch.device) -> Tensor:
    """Sine and cosine positions (length, dim): even columns sine, odd columns cosine (Vaswani et al. 2017)."""
    position = torch.arange(length, device=device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2, device=device, dtype=torch.float32) * (-math.log(10000.0) / dim))
    table = torch.empty(length, dim, device=device)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


def valid_frames(lengths: Tensor, frames: int) -> Tensor:
    """True where a frame is speech and not padding: (batch, frames) from (batch,)."""
    return torch.arange(frames, device=lengths.device)[None] < lengths[:, None]


class HalfRate(nn.Module):
    """3×3 convolution of stride 2 in time and band, then a projection: (batch, t, width) → (batch, (t-1)//2, dim)."""

    def __init__(self, width: int, dim: int):
        super().__init__()
        self.conv = nn.Conv2d(1, dim, 3, 2)
        self.project = nn.Linear(dim * ((width - 1) // 2), dim)

    def forward(self, frames: Tensor) -> Tensor:
        x = F.relu(self.conv(frames[:, None]))  # (batch, dim, t', width')
        return self.project(x.transpose(1, 2).flatten(2))


class PositionAttention(nn.Module):
    """Self-attention whose scores add a term for the key's position."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.position = nn.Linear(dim, dim, bias=False)
        self.out = nn.Linear(dim, dim)
        self.content_bias = nn.Parameter(torch.zeros(heads, dim // heads))
        self.position_bias = nn.Parameter(torch.zeros(heads, dim // heads))

    def forward(self, x: Tensor, positions: Tensor, valid: Tensor) -> Tensor:
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # noqa: E731  (…, heads, t, dim/heads)
        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        position = split(self.position(positions))  # (heads, t, dim/heads)
        content = query + self.content_bias[:, None]
        place = query + self.position_bias[:, None]
        # One dot product over twice the width is the sum of both scores, so the fused kernels apply.
        y = F.scaled_dot_product_attention(
            torch.cat([content, place], -1),
            torch.cat([key, position.expand_as(key)], -1),
            value,
            attn_mask=valid[:, None, None],
            scale=query.size(-1) ** -0.5,
        )
        return self.out(y.transpose(1, 2).flatten(2))


class Convolution(nn.Module):
    """Gated pointwise, depthwise over time, layer norm, pointwise. Padding frames are zero going in and coming out.

    The gate's bias makes them non-zero again before the depthwise convolution, where the reference lets them leak into
    the last frames of a padded row; `zero_padding` stops that.
    """

    def __init__(self, dim: int, kernel: int, zero_padding: bool):
        super().__init__()
        self.zero_padding = zero_padding
        self.gate = nn.Linear(dim, 2 * dim)
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        x = F.glu(self.gate(x * valid[..., None]), dim=-1)
        if self.zero_padding:
            x = x * valid[..., None]
        x = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return self.out(F.silu(self.norm(x))) * valid[..., None]


class ConformerBlock(nn.Module):
    """(batch, t, dim), positions (t, dim), validity (batch, t) → (batch, t, dim)."""

    def __init__(self, config: ConformerConfig):
        super().__init__()
        dim = config.dim
        self.attention_norm, self.attention = nn.LayerNorm(dim), PositionAttention(dim, config.heads)
        self.convolution_norm, self.convolution = (
            nn.LayerNorm(dim),
            Convolution(dim, config.kernel, config.zero_padding),
        )
        self.feed_norm = nn.LayerNorm(dim)
        self.feed_up, self.feed_down = nn.Linear(dim, config.linear_units), nn.Linear(config.linear_units, dim)
        self.final_norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, positions: Tensor, valid: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), positions, valid)
        x = x + self.convolution(self.convolution_norm(x), valid)
        x = x + self.feed_down(F.silu(self.feed_up(self.feed_norm(x))))
        return self.final_norm(x)


class Conformer(nn.Module):
    """Feature frames (batch, t, width) and their lengths (batch,) → (batch, t', dim) at half the rate, and validity."""

    SHORTEST = 3
    """Frames that the half-rate convolution needs at least."""

    def __init__(self, width: int, config: ConformerConfig):
        super().__init__()
        self.embed = HalfRate(width, config.dim)
        self.blocks = nn.ModuleList(ConformerBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        # Silence makes up what a very short prompt lacks, so that every row has a valid frame to attend to.
        frames = F.pad(frames, (0, 0, 0, max(0, self.SHORTEST - frames.size(1))))
        lengths = lengths.clamp(min=self.SHORTEST)
        x = self.embed(frames)
        x = x * math.sqrt(x.size(-1))
        # Output frame i reads input frames 2i … 2i+2: it is valid when the last of them is.
        valid = valid_frames(lengths, frames.size(1))[:, 2::2]
        positions = sinusoid(x.size(1), x.size(-1), x.device).to(x.dtype)
        for block in self.blocks:
            x = block(x, positions, valid)
        return self.norm(x), valid
