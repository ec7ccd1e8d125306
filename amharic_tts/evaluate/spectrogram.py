"""Spectrograms as small palette PNGs, written with the standard library alone."""

import struct
import zlib

import numpy as np
import torch
import torchaudio
from torch import Tensor

FRAMES_PER_SECOND = 100
BANDS = 96  # pixel rows
RANGE = 60.0  # dB below the loudest cell: the darkest colour

# Anchor colours from silence to loud (dark blue, violet, orange, pale yellow), evenly spaced; between them linear.
_ANCHORS = [(8, 10, 28), (38, 18, 84), (96, 26, 110), (160, 44, 98), (214, 74, 66), (245, 132, 38), (251, 196, 78), (252, 250, 190)]  # fmt: skip


def palette() -> bytes:
    """256 RGB colours."""
    anchors = np.array(_ANCHORS, dtype=float)
    place = np.linspace(0, len(anchors) - 1, 256)
    colours = [np.interp(place, np.arange(len(anchors)), anchors[:, channel]) for channel in range(3)]
    return np.stack(colours, axis=1).round().astype(np.uint8).tobytes()


def png(pixels: np.ndarray) -> bytes:
    """A PNG of palette indices, uint8 (height, width). Format: https://www.w3.org/TR/png-3/, colour type 3."""
    height, width = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.astype(np.uint8)], axis=1)  # filter type 0 first
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"PLTE", palette()), chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def levels(wave: Tensor, sample_rate: int) -> np.ndarray:
    """Log-mel of a wave (samples,) as palette indices (BANDS, frames), low frequencies at the bottom."""
    hop = sample_rate // FRAMES_PER_SECOND
    n_fft = 1024 if sample_rate <= 24_000 else 2048
    if len(wave) < n_fft:
        wave = torch.nn.functional.pad(wave, (0, n_fft - len(wave)))
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate,
        n_fft,
        win_length=min(n_fft, sample_rate // 32),
        hop_length=hop,
        n_mels=BANDS,
        f_max=sample_rate / 2,
    )
    decibel = 10 * transform(wave.float()).clamp_min(1e-10).log10()
    share = (decibel - decibel.max() + RANGE) / RANGE
    return (share.clamp(0, 1) * 255).round().to(torch.uint8).flip(0).numpy()


def spectrogram_png(wave: Tensor, sample_rate: int, seconds: float | None = None) -> bytes:
    """PNG of a wave's log-mel, one pixel per 10 ms; padded with silence to `seconds`, so that several can be compared."""
    pixels = levels(wave, sample_rate)
    if seconds is not None:
        missing = round(seconds * FRAMES_PER_SECOND) + 1 - pixels.shape[1]
        pixels = np.pad(pixels, ((0, 0), (0, max(0, missing))))
    return png(pixels)
