"""The log-mel that S2Mel makes and BigVGAN reads: 22.05 kHz, 80 bands, 256 samples a frame."""

import functools

import torch
import torchaudio
from torch import Tensor
from torch.nn import functional as F

SAMPLE_RATE = 22_050  # Hz
HOP = 256  # samples between frames: 86.13 frames a second
WINDOW = 1024  # samples of the Hann window and of the Fourier transform: 46 ms
BANDS = 80  # triangular filters from 0 Hz to half the sampling rate on the Slaney mel scale, of equal area
FLOOR = 1e-5  # smallest mel magnitude: the log of silence is -11.5
SHORTEST = (WINDOW - HOP) // 2 + 1
"""Samples that a wave needs at least, to be mirrored at its ends."""


def log_mel(wave: Tensor) -> Tensor:
    """Natural log of the mel magnitudes of waves (batch, samples) at SAMPLE_RATE: float32 (batch, BANDS, frames).

    There are samples // HOP frames: frame i is centred on the samples i·HOP … (i+1)·HOP that BigVGAN makes of it. Rows
    of different lengths are not padded here: the mirror at a wave's end must be its own.
    """
    if wave.size(-1) < SHORTEST:
        raise ValueError(f"a wave of {wave.size(-1)} samples is too short for a mel; {SHORTEST} are needed")
    margin = (WINDOW - HOP) // 2
    wave = F.pad(wave.float()[:, None], (margin, margin), mode="reflect")[:, 0]
    window, filters = _window().to(wave.device), _filters().to(wave.device)
    spectrum = torch.stft(wave, WINDOW, HOP, WINDOW, window, center=False, return_complex=True)
    magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()  # as BigVGAN was trained
    return (filters.T @ magnitude).clamp_min(FLOOR).log()


@functools.cache
def _window() -> Tensor:
    return torch.hann_window(WINDOW)


@functools.cache
def _filters() -> Tensor:
    """(WINDOW // 2 + 1, BANDS)"""
    return torchaudio.functional.melscale_fbanks(
        WINDOW // 2 + 1, 0.0, SAMPLE_RATE / 2, BANDS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
