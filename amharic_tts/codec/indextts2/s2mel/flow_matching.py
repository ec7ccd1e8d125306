"""Flow matching (Lipman et al. 2023): a sample of noise is carried along a velocity field until it is a mel."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor


def euler(start: Tensor, velocity: Callable[[Tensor, Tensor], Tensor], still: Tensor, steps: int) -> Tensor:
    """`start` (batch, frames, bands) carried from time 0 to 1 in `steps` equal steps of `velocity(x, time)`.

    Frames where `still` (batch, frames) is true stay zero: the prompt, which is known and enters as context, and
    padding. The sample is kept in float32 whatever the network computes in: half precision would lose small steps.
    """
    free = ~still[..., None]
    x = start.float() * free
    times = torch.linspace(0, 1, steps + 1, device=start.device)
    for time, after in itertools.pairwise(times):
        x = (x + (after - time) * velocity(x, time).float()) * free
    return x


def guided(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): away from what the network would do without a condition."""
    return conditional + guidance * (conditional - unconditional)
