"""From the rate of the codes to the rate of the mel frames."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.codec.indextts2.s2mel.rows import valid_frames


def nearest_frame(lengths: Tensor, frames: Tensor) -> Tensor:
    """The code that each mel frame reads: (batch, longest row) indices, from codes and frames per row, each (batch,).

    Frame i reads code ⌊i · codes / frames⌋. The scale is rounded to float32 before it is multiplied, as torch's own
    nearest-neighbour interpolation does: at exact multiples the rounding decides which code is read.
    """
    scale = lengths.float() / frames.float()
    place = torch.arange(int(frames.max()), device=lengths.device, dtype=torch.float32)
    return (place[None] * scale[:, None]).long().minimum(lengths[:, None] - 1)


class RowNorm(nn.Module):
    """Group norm with one group: each row has mean 0 and variance 1 over its own frames and channels together.

    (batch, dim, frames), validity (batch, frames) → (batch, dim, frames).
    """

    EPSILON = 1e-5

    def __init__(self, dim: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        weight = valid[:, None].float()
        count = weight.sum((1, 2), keepdim=True) * x.size(1)
        mean = (x.float() * weight).sum((1, 2), keepdim=True) / count
        centred = x.float() - mean
        variance = (centred.square() * weight).sum((1, 2), keepdim=True) / count
        normal = (centred * torch.rsqrt(variance + self.EPSILON)).to(x.dtype)
        return normal * self.weight[:, None] + self.bias[:, None]


class LengthRegulator(nn.Module):
    """Content at the codes' rate (batch, codes, content) → conditions at the mel's rate (batch, frames, dim).

    A projection, a nearest-neighbour stretch, then convolutions that smooth its steps.
    """

    def __init__(self, content: int, dim: int, layers: int):
        super().__init__()
        self.project = nn.Linear(content, dim)
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, dim, 3, padding=1) for _ in range(layers))
        self.norms = nn.ModuleList(RowNorm(dim) for _ in range(layers))
        self.out = nn.Linear(dim, dim)

    def forward(self, content: Tensor, lengths: Tensor, frames: Tensor) -> Tensor:
        """`lengths` (batch,) codes are stretched to `frames` (batch,) mel frames; zero after a row's end."""
        index = nearest_frame(lengths, frames)
        valid = valid_frames(frames, index.size(1))
        x = self.project(content)
        x = x.gather(1, index[..., None].expand(-1, -1, x.size(-1))).transpose(1, 2)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.mish(norm(convolution(x * valid[:, None]), valid))
        return self.out(x.transpose(1, 2)) * valid[..., None]
