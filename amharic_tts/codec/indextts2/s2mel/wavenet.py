"""Gated convolutions with residual and skip paths (van den Oord et al. 2016), not causal, undilated."""

import torch
from torch import Tensor, nn


class WaveNet(nn.Module):
    """(batch, frames, dim), time (dim,) → (batch, frames, dim): the sum of what each layer lets through.

    `mirror` (batch, frames + kernel - 1) says which frame stands at each place of the padded row: the convolutions
    reflect a row at its own ends (`rows.reflected`).
    """

    def __init__(self, dim: int, layers: int, kernel: int):
        super().__init__()
        self.layers = layers
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, 2 * dim, kernel) for _ in range(layers))
        self.time = nn.Linear(dim, layers * 2 * dim)
        # Residual and skip path together; nothing would read the residual path after the last layer.
        self.outs = nn.ModuleList(nn.Linear(dim, 2 * dim if i < layers - 1 else dim) for i in range(layers))

    def forward(self, x: Tensor, time: Tensor, mirror: Tensor) -> Tensor:
        mirror = mirror[..., None].expand(-1, -1, x.size(-1))
        total = torch.zeros_like(x)
        for layer, bias in enumerate(self.time(time).chunk(self.layers)):
            padded = x.gather(1, mirror).transpose(1, 2)
            signal, gate = (self.convolutions[layer](padded).transpose(1, 2) + bias).chunk(2, -1)
            y = self.outs[layer](signal.tanh() * gate.sigmoid())
            if layer < self.layers - 1:
                residual, y = y.chunk(2, -1)
                x = x + residual
            total = total + y
        return total
