"""Making recordings differ, in the log-mel domain, so that the recogniser does not lean on how clean they are.

Nothing here is codec output: the changes are generic (time, pitch, noise, smear, masks), so the recogniser stays an
independent judge.
"""

import torch
from torch import Tensor

TEMPO = (0.85, 1.18)  # factor on the number of frames
BAND_SHIFT = 2.0  # mel bands up or down: a slightly higher or lower voice
JITTER = 0.25  # standard deviation of noise on each cell, in features' units, at most
WAVER = 0.5  # standard deviation of noise that is smooth over time and bands, in features' units, at most
WAVER_FRAMES, WAVER_BANDS = 4, 10  # how far its grid points lie apart: 40 ms, an eighth of the spectrum
FLOOR = 0.6  # how far the noise floor may rise above the utterance's quietest cell, in features' units
MASKED_BANDS, MASKED_FRAMES = 10, 12  # SpecAugment (Park et al. 2019): widest masks


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _below(limit: int, generator: torch.Generator) -> int:
    return int(torch.randint(max(1, limit), (), generator=generator))


def resample_grid(features: Tensor, frames: int, band_shift: float) -> Tensor:
    """`features` (time, bands) stretched to `frames` rows and moved by `band_shift` bands (bilinear, edges held)."""
    bands = features.shape[1]
    rows = torch.linspace(-1, 1, frames)
    columns = (torch.arange(bands) + band_shift) * 2 / max(1, bands - 1) - 1
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)  # (frames, bands, (x, y))
    warped = torch.nn.functional.grid_sample(
        features[None, None], grid[None], mode="bilinear", padding_mode="border", align_corners=True
    )
    return warped[0, 0]


def waver(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Noise (time, bands) of about unit variance that is smooth over time and bands: a voice whose timbre wavers."""
    time, bands = shape
    coarse = torch.randn(1, 1, time // WAVER_FRAMES + 2, bands // WAVER_BANDS + 1, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear", align_corners=True)
    return fine[0, 0] * 1.5  # between grid points the variance falls to a half and less: on average to 4 / 9


def augment(features: Tensor, generator: torch.Generator) -> Tensor:
    """Another plausible recording of the same words: (time, bands) → (time', bands)."""
    frames = max(1, round(len(features) * _uniform(*TEMPO, generator)))
    x = resample_grid(features, frames, _uniform(-BAND_SHIFT, BAND_SHIFT, generator))
    for axis in (0, 1):  # smear over time and over bands, as rooms and cheap microphones do
        if torch.rand((), generator=generator) < 0.5:
            amount = _uniform(0.0, 0.6, generator)
            x = (1 - amount) * x + amount / 2 * (x.roll(1, axis) + x.roll(-1, axis))
    x = x + _uniform(0.0, WAVER, generator) * waver(x.shape, generator)
    x = x.clamp_min(x.min().item() + _uniform(0.0, FLOOR, generator))
    x = x + _uniform(0.0, JITTER, generator) * torch.randn(x.shape, generator=generator)
    for axis, widest in ((0, MASKED_FRAMES), (1, MASKED_BANDS), (1, MASKED_BANDS)):
        width = _below(min(widest, x.shape[axis] // 4) + 1, generator)
        start = _below(x.shape[axis] - width + 1, generator)
        x.narrow(axis, start, width).fill_(0.0)
    return x - x.mean()
