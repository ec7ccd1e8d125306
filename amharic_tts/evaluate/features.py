"""What the recogniser hears: log-mel bands, made insensitive to level and to the noise floor.

The recogniser reads original recordings, codec output and generated speech alike. Digital silence in one and the faint
hiss of Griffin-Lim in another must look the same to it, so everything quieter than `DYNAMIC_RANGE` below the loudest
cell of an utterance is cut off, and the mean over the utterance is taken away.
"""

import functools

import torch
import torchaudio
from torch import Tensor

SAMPLE_RATE = 16_000  # Hz
HOP = 160  # samples: 100 frames per second
WINDOW = 1024  # samples: 64 ms
BANDS = 80
LOWEST, HIGHEST = 50.0, 7600.0  # Hz
DYNAMIC_RANGE = 9.0  # natural log of power: 39 dB
SCALE = 2.5  # natural log of power: about the standard deviation of speech, brings features near unit variance


@functools.cache
def _mel_spectrogram() -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE, n_fft=1024, win_length=WINDOW, hop_length=HOP, f_min=LOWEST, f_max=HIGHEST, n_mels=BANDS
    )


def log_mel(wave: Tensor) -> Tensor:
    """Features (frames, BANDS) of a mono wave (samples,) at SAMPLE_RATE; at least one frame, whatever the wave."""
    if wave.numel() < WINDOW:  # an utterance that stopped at once is still an utterance: it reads as silence
        wave = torch.nn.functional.pad(wave, (0, WINDOW - wave.numel()))
    mel = _mel_spectrogram()(wave.float().cpu()).T.clamp_min(1e-10).log()
    mel = mel.clamp_min(mel.max().item() - DYNAMIC_RANGE)
    return (mel - mel.mean()) / SCALE
