"""Log-mel spectrograms and the way back by Griffin-Lim."""

import functools
import math

import torch
import torchaudio
from torch import Tensor

SAMPLE_RATE = 16_000  # Hz
HOP = 320  # samples between frames: 50 frames a second
WINDOW = 1024  # samples of the Hann window and of the Fourier transform: 64 ms
BANDS = 80  # triangular filters from 0 Hz to half the sampling rate on the Slaney mel scale
# Smallest mel magnitude, 74 dB under that of a full-scale tone: what is softer cannot be heard beside speech, and below
# it the log would spend the codebook on shades of silence (measured: held-out error falls by a tenth against 1e-5).
FLOOR = 1e-3
GRIFFIN_LIM_ITERATIONS = 32


def log_mel(wave: Tensor) -> Tensor:
    """Natural log of the mel magnitudes of `wave` (samples,) at SAMPLE_RATE: float32 (frames, BANDS).

    Frame i is centred on sample i·HOP, so there are samples // HOP + 1 frames.
    """
    magnitude = torch.stft(
        wave.float(), WINDOW, HOP, WINDOW, _window(), center=True, pad_mode="constant", return_complex=True
    ).abs()
    return (magnitude.T @ _filters()).clamp_min(FLOOR).log()


def griffin_lim(log_mel: Tensor) -> Tensor:
    """A wave (samples,) whose log-mel is near `log_mel` (frames, BANDS); samples = (frames - 1) · HOP.

    The magnitudes come from the filters' pseudo-inverse, the phases from fast Griffin-Lim (Perraudin et al., 2013,
    https://doi.org/10.1109/WASPAA.2013.6701851).
    """
    if len(log_mel) < 2:
        return torch.zeros(0)
    length = (len(log_mel) - 1) * HOP
    if length <= WINDOW // 2:  # the transform cannot reflect so short a wave: silence after it, cut off again
        log_mel = torch.nn.functional.pad(log_mel, (0, 0, 0, 2), value=math.log(FLOOR))
    magnitude = (log_mel.float().exp() @ _inverse_filters()).clamp_min(0.0)
    wave = torchaudio.functional.griffinlim(
        magnitude.T,
        window=_window(),
        n_fft=WINDOW,
        hop_length=HOP,
        win_length=WINDOW,
        power=1.0,
        n_iter=GRIFFIN_LIM_ITERATIONS,
        momentum=0.99,
        length=(len(log_mel) - 1) * HOP,
        rand_init=False,  # from zero phases: no worse than from random ones (measured), and always the same
    )
    return wave[:length]


@functools.cache
def _window() -> Tensor:
    return torch.hann_window(WINDOW)


@functools.cache
def _filters() -> Tensor:
    """(WINDOW // 2 + 1, BANDS)"""
    return torchaudio.functional.melscale_fbanks(
        WINDOW // 2 + 1, 0.0, SAMPLE_RATE / 2, BANDS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )


@functools.cache
def _inverse_filters() -> Tensor:
    """(BANDS, WINDOW // 2 + 1)"""
    return torch.linalg.pinv(_filters().double()).float()
