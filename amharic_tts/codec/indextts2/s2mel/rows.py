"""Rows of different lengths in one padded tensor.

Every layer of S2Mel that looks along time asks here where a row ends, so that a row's result does not depend on the
rows beside it. (The reference pads a batch and lets the padding leak into convolutions and norms.)
"""

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def valid_frames(lengths: Tensor, frames: int) -> Tensor:
    """True where a frame belongs to its row and is not padding: (batch, frames) from (batch,)."""
    return torch.arange(frames, device=lengths.device)[None] < lengths[:, None]


def attention_mask(valid: Tensor) -> Tensor | None:
    """The frames that may be attended to, (batch, 1, 1, frames); None without padding, so that flash kernels apply."""
    return None if bool(valid.all()) else valid[:, None, None]


def reflected(lengths: Tensor, frames: int, reach: int) -> Tensor:
    """Frame to read at each place of a batch padded by `reach` on both sides, mirrored at each row's own two ends.

    (batch, frames + 2·reach) of indices into frames, from lengths (batch,). The frame at the mirror is not repeated:
    reach 2 reads 2 1 | 0 1 2 … n-2 n-1 | n-2 n-3. What lies further beyond a row's end reads one of its edges.
    """
    place = torch.arange(-reach, frames + reach, device=lengths.device).abs()[None]
    last = lengths[:, None] - 1
    return torch.where(place <= last, place, 2 * last - place).clamp(min=0).minimum(last)


def join(first: Tensor, first_lengths: Tensor, second: Tensor, second_lengths: Tensor) -> Tensor:
    """Each row's `first` (batch, n, dim) and then, without a gap, its `second` (batch, m, dim); zero after its end."""
    lengths = zip(first_lengths.tolist(), second_lengths.tolist(), strict=True)
    rows = [torch.cat([a[:n], b[:m]]) for a, b, (n, m) in zip(first, second, lengths, strict=True)]
    return pad_sequence(rows, batch_first=True)


def drop(joined: Tensor, first_lengths: Tensor, second_lengths: Tensor, padding: float) -> Tensor:
    """The second parts of what `join` put together: (batch, longest second, dim), `padding` after a row's end."""
    lengths = zip(first_lengths.tolist(), second_lengths.tolist(), strict=True)
    rows = [row[n : n + m] for row, (n, m) in zip(joined, lengths, strict=True)]
    return pad_sequence(rows, batch_first=True, padding_value=padding)
