"""Log-mel spectrograms: shapes, scale and the way back."""

import math

import pytest
import torch

from amharic_tts.audio import mel


def tone(frequency: float, samples: int = 16_000, level: float = 0.5) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * frequency * torch.arange(samples) / mel.SAMPLE_RATE)


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 1000, 16_000])
def test_one_frame_per_hop_and_one(samples: int) -> None:
    frames = mel.log_mel(torch.rand(samples))
    assert frames.shape == (samples // mel.HOP + 1, mel.BANDS)
    assert frames.dtype == torch.float32


def test_silence_lies_on_the_floor() -> None:
    torch.testing.assert_close(mel.log_mel(torch.zeros(3200)), torch.full((11, mel.BANDS), math.log(mel.FLOOR)))


def test_twice_the_level_adds_log_two() -> None:
    noise = 0.2 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    difference = mel.log_mel(2 * noise) - mel.log_mel(noise)
    torch.testing.assert_close(difference, torch.full_like(difference, math.log(2)), atol=1e-3, rtol=0)


def test_higher_tones_peak_in_higher_bands() -> None:
    peaks = [int(mel.log_mel(tone(frequency))[25].argmax()) for frequency in (150, 300, 700, 1500, 3000, 6000)]
    assert peaks == sorted(set(peaks))
    assert peaks[-1] < mel.BANDS


def test_a_frame_lies_where_its_sound_is() -> None:
    wave = torch.zeros(16_000)
    wave[8000] = 1.0  # frame 25
    assert int(mel.log_mel(wave).mean(dim=1).argmax()) == 25


def test_griffin_lim_gives_a_wave_of_the_same_spectrogram() -> None:
    noise = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    sweep = torch.sin(2 * math.pi * torch.cumsum(torch.linspace(200, 2000, 16_000), 0) / mel.SAMPLE_RATE)
    wanted = mel.log_mel(0.3 * sweep + noise)
    wave = mel.griffin_lim(wanted)
    assert wave.shape == ((len(wanted) - 1) * mel.HOP,)
    found = mel.log_mel(wave)
    away = float((found - wanted).square().mean().sqrt())
    silent = float((mel.log_mel(torch.zeros(16_000)) - wanted).square().mean().sqrt())
    assert away < 0.5
    assert away < silent / 5


def test_griffin_lim_gives_the_same_wave_every_time_and_leaves_the_random_state_alone() -> None:
    wanted = mel.log_mel(tone(500))
    state = torch.random.get_rng_state()
    first = mel.griffin_lim(wanted)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(mel.griffin_lim(wanted), first)


@pytest.mark.parametrize("frames", [0, 1])
def test_too_few_frames_are_no_sound(frames: int) -> None:
    assert mel.griffin_lim(torch.zeros(frames, mel.BANDS)).shape == (0,)


def test_two_frames_are_enough() -> None:
    wave = mel.griffin_lim(torch.zeros(2, mel.BANDS))
    assert wave.shape == (mel.HOP,)
    assert torch.isfinite(wave).all()
