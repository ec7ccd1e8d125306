"""Perceiver resampler: a fixed number of learned latents read a sequence of any length (Jaegle et al. 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LatentAttention(nn.Module):
    """The latents attend to themselves and to the context together."""

    HEAD_DIM = 64

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, heads * self.HEAD_DIM, bias=False)
        self.key_value = nn.Linear(dim, 2 * heads * self.HEAD_DIM, bias=False)
        self.out = nn.Linear(heads * self.HEAD_DIM, dim, bias=False)

    def forward(self, latents: Tensor, context: Tensor, valid: Tensor) -> Tensor:
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # noqa: E731
        key, value = self.key_value(torch.cat([latents, context], 1)).chunk(2, -1)
        mask = F.pad(valid, (latents.size(1), 0), value=True)[:, None, None]
        y = F.scaled_dot_product_attention(split(self.query(latents)), split(key), split(value), attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))


class GatedFeedForward(nn.Module):
    """GEGLU (Shazeer 2020) at 2/3 of the nominal width, so its parameters equal the ungated layer's."""

    def __init__(self, dim: int, mult: int):
        super().__init__()
        inner = int(dim * mult * 2 / 3)
        self.up, self.down = nn.Linear(dim, 2 * inner), nn.Linear(inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.up(x).chunk(2, -1)
        return self.down(F.gelu(gate) * x)


class ScaledNorm(nn.Module):
    """x / ‖x‖ · √dim · gain: root-mean-square norm without an epsilon inside the mean."""

    def __init__(self, dim: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1) * x.size(-1) ** 0.5 * self.gain


class Perceiver(nn.Module):
    """(batch, t, context_dim) with validity (batch, t) → (batch, latents, dim)."""

    def __init__(self, dim: int, context_dim: int, latents: int, heads: int, mult: int, depth: int = 2):
        super().__init__()
        self.latents = nn.Parameter(torch.empty(latents, dim).normal_(std=0.02))
        self.project = nn.Linear(context_dim, dim)
        self.attentions = nn.ModuleList(LatentAttention(dim, heads) for _ in range(depth))
        self.feeds = nn.ModuleList(GatedFeedForward(dim, mult) for _ in range(depth))
        self.norm = ScaledNorm(dim)

    def forward(self, context: Tensor, valid: Tensor) -> Tensor:
        context = self.project(context)
        latents = self.latents.expand(context.size(0), -1, -1)
        for attention, feed in zip(self.attentions, self.feeds, strict=True):
            latents = attention(latents, context, valid) + latents
            latents = feed(latents) + latents
        return self.norm(latents)
