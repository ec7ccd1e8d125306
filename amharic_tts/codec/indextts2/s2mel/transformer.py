"""The transformer of the velocity field: bidirectional, rotary positions, norms that the time of the flow modulates.

The blocks form a U (Bao et al. 2023): each block of the first half hands its output to its mirror image in the second.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines of rotary positions, each (frames, head width / 2)."""


def rotation(frames: int, width: int, like: Tensor) -> Rotation:
    """Rotary position table (Su et al. 2021): pair i of a head turns by position · 10000^(-2i / width)."""
    rate = 10000.0 ** (-torch.arange(0, width, 2, device=like.device, dtype=torch.float32) / width)
    angle = torch.arange(frames, device=like.device, dtype=torch.float32)[:, None] * rate
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)


def rotate(x: Tensor, turn: Rotation) -> Tensor:
    """(batch, heads, frames, width) with each pair of neighbouring columns turned by its frame's angle."""
    cos, sin = turn
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class ModulatedNorm(nn.Module):
    """Root-mean-square norm whose scale and shift come from the time: (…, dim), time (dim,) → (…, dim)."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=1e-5)
        self.modulation = nn.Linear(dim, 2 * dim)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.modulation(time).chunk(2)
        return scale * self.norm(x) + shift


class Attention(nn.Module):
    """Every frame sees every frame of its row: (batch, frames, dim) → (batch, frames, dim)."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, turn: Rotation, mask: Tensor | None) -> Tensor:
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # noqa: E731
        query, key, value = map(split, self.query_key_value(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(rotate(query, turn), rotate(key, turn), value, attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a gated feed-forward (Shazeer 2020), each after a modulated norm and added to its input.

    A block with `skip` first merges what its mirror image put out.
    """

    def __init__(self, dim: int, heads: int, feed: int, skip: bool):
        super().__init__()
        self.skip = nn.Linear(2 * dim, dim) if skip else None
        self.attention_norm, self.attention = ModulatedNorm(dim), Attention(dim, heads)
        self.feed_norm = ModulatedNorm(dim)
        self.feed_gate, self.feed_up = nn.Linear(dim, feed, bias=False), nn.Linear(dim, feed, bias=False)
        self.feed_down = nn.Linear(feed, dim, bias=False)

    def forward(self, x: Tensor, time: Tensor, turn: Rotation, mask: Tensor | None) -> Tensor:
        x = x + self.attention(self.attention_norm(x, time), turn, mask)
        y = self.feed_norm(x, time)
        return x + self.feed_down(F.silu(self.feed_gate(y)) * self.feed_up(y))


class Transformer(nn.Module):
    """(batch, frames, dim), time (dim,) → (batch, frames, dim). `mask` hides padding from attention."""

    def __init__(self, dim: int, heads: int, feed: int, depth: int):
        super().__init__()
        self.half = depth // 2
        # Of an odd number of blocks the middle one neither gives nor takes.
        self.blocks = nn.ModuleList(Block(dim, heads, feed, skip=i >= depth - self.half) for i in range(depth))
        self.norm = ModulatedNorm(dim)

    def forward(self, x: Tensor, time: Tensor, mask: Tensor | None) -> Tensor:
        turn = rotation(x.size(1), x.size(-1) // self.blocks[0].attention.heads, x)
        handed: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            if block.skip is not None:
                x = block.skip(torch.cat([x, handed.pop()], -1))
            x = block(x, time, turn, mask)
            if i < self.half:
                handed.append(x)
        return self.norm(x, time)
