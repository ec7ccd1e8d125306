"""The causal transformer: GPT-2's blocks with plain linear layers (Radford et al. 2019).

Every sequence of a batch is contiguous and padded only at its end, so causal attention without a mask tensor is exact
and the fused kernels apply. With a cache, row i's new position is written at its own place.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class KeyValueCache:
    """Keys and values of the past, (layers, batch, heads, positions, dim/heads), filled at each row's own place."""

    def __init__(self, layers: int, batch: int, heads: int, positions: int, head_dim: int, like: Tensor):
        shape = (layers, batch, heads, positions, head_dim)
        self.keys = torch.zeros(shape, device=like.device, dtype=like.dtype)
        self.values = torch.zeros_like(self.keys)

    def fill(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Stores a prefix (batch, heads, n, dim/heads). What lies beyond a row's own end is overwritten later."""
        self.keys[layer, :, :, : key.size(2)] = key
        self.values[layer, :, :, : value.size(2)] = value

    def append(self, layer: int, key: Tensor, value: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Writes one position per row at `place` (batch,); returns all keys and values up to the furthest place."""
        row = torch.arange(place.numel(), device=place.device)
        self.keys[layer, row, :, place] = key[:, :, 0]
        self.values[layer, row, :, place] = value[:, :, 0]
        end = int(place.max()) + 1
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


class CausalAttention(nn.Module):
    """(batch, n, dim) → (batch, n, dim). With `cache` the keys are kept; with `place` (batch,), n is 1 and a row's new
    position goes to its own place."""

    def __init__(self, dim: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(
        self, x: Tensor, layer: int = 0, cache: KeyValueCache | None = None, place: Tensor | None = None
    ) -> Tensor:
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # noqa: E731
        query, key, value = map(split, self.query_key_value(x).chunk(3, -1))
        if place is None:
            if cache is not None:
                cache.fill(layer, key, value)
            y = F.scaled_dot_product_attention(
                query, key, value, is_causal=True, dropout_p=self.dropout if self.training else 0.0
            )
        else:
            key, value = cache.append(layer, key, value, place)
            seen = torch.arange(key.size(2), device=x.device)[None] <= place[:, None]
            y = F.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None])
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and feed-forward, each after a norm and added to its input: (batch, n, dim) → (batch, n, dim)."""

    def __init__(self, dim: int, heads: int, dropout: float):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(dim), CausalAttention(dim, heads, dropout)
        self.feed_norm = nn.LayerNorm(dim)
        self.feed_up, self.feed_down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.residual_dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, layer: int = 0, cache: KeyValueCache | None = None, place: Tensor | None = None
    ) -> Tensor:
        x = x + self.residual_dropout(self.attention(self.attention_norm(x), layer, cache, place))
        feed = self.feed_down(F.gelu(self.feed_up(self.feed_norm(x)), approximate="tanh"))
        return x + self.residual_dropout(feed)


class Trunk(nn.Module):
    """(batch, positions, dim) → the same shape, each position seeing itself and what stands before it."""

    def __init__(self, dim: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.dim, self.heads = dim, heads
        self.embedding_dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(dim, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.checkpoint: Callable | None = None
        """Set by the training engine: runs a block so that its activations are recomputed in the backward pass."""

    def new_cache(self, batch: int, positions: int) -> KeyValueCache:
        like = self.norm.weight
        return KeyValueCache(len(self.blocks), batch, self.heads, positions, self.dim // self.heads, like)

    def forward(self, x: Tensor, cache: KeyValueCache | None = None, place: Tensor | None = None) -> Tensor:
        x = self.embedding_dropout(x)
        for layer, block in enumerate(self.blocks):
            if self.checkpoint is not None and self.training and cache is None:
                x = self.checkpoint(block, x)
            else:
                x = block(x, layer, cache, place)
        return self.norm(x)
