"""Spectrograms are true pictures in a true PNG."""

import io
import math

import numpy as np
import torch
from PIL import Image

from amharic_tts.evaluate.spectrogram import BANDS, levels, palette, png, spectrogram_png


def sine(pitch: float, seconds: float = 0.5) -> torch.Tensor:
    return torch.sin(2 * math.pi * pitch * torch.arange(round(16000 * seconds)) / 16000)


def test_the_png_holds_the_pixels_it_was_given():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 13), dtype=np.uint8)
    image = Image.open(io.BytesIO(png(pixels)))
    image.verify()
    image = Image.open(io.BytesIO(png(pixels)))
    assert np.array_equal(np.asarray(image), pixels)
    assert bytes(image.getpalette()) == palette()


def test_louder_is_brighter():
    colours = np.frombuffer(palette(), np.uint8).reshape(256, 3).astype(int)
    brightness = colours @ [299, 587, 114]
    assert (np.diff(brightness) >= 0).all()


def test_a_high_tone_is_drawn_above_a_low_one():
    low, high = (levels(sine(pitch), 16000).mean(axis=1).argmax() for pitch in (300, 3000))
    assert 0 < high < low < BANDS


def test_time_runs_at_a_hundred_pixels_a_second_and_padding_is_silence():
    image = np.asarray(Image.open(io.BytesIO(spectrogram_png(sine(500, 0.5), 16000, seconds=1.0))))
    assert image.shape == (BANDS, 101)
    assert image[:, 60:].max() == 0 < image[:, :50].max()


def test_silence_and_nothing_are_drawn_too():
    assert levels(torch.zeros(16000), 16000).shape[0] == BANDS
    assert levels(torch.zeros(0), 16000).shape[0] == BANDS
