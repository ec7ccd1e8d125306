"""The mel of S2Mel and BigVGAN: the reference's values, frames, scale."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from amharic_tts.codec.indextts2.mel22k import BANDS, FLOOR, HOP, SAMPLE_RATE, SHORTEST, log_mel

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")
def test_the_reference_s_values():
    golden = np.load(GOLDEN / "decode_chain.npz")
    ours, theirs = log_mel(torch.from_numpy(golden["mel_wav"])), torch.from_numpy(golden["mel_spec"])
    assert ours.shape == theirs.shape == (1, 80, 86)
    assert (ours - theirs).abs().max() <= 2e-4 * theirs.abs().max()


@pytest.mark.parametrize("samples", [SHORTEST, 511, 512, 5120, 5375])
def test_a_frame_for_every_256_samples(samples):
    assert log_mel(torch.randn(2, samples)).shape == (2, BANDS, samples // HOP)


def test_silence_is_the_floor_and_louder_is_more():
    wave = torch.randn(1, 4096, generator=torch.Generator().manual_seed(0))
    mel = log_mel(wave)
    torch.testing.assert_close(log_mel(4 * wave), mel + math.log(4), rtol=0, atol=1e-3)
    assert log_mel(torch.zeros(1, 4096)).max() < math.log(2 * FLOOR)


def test_near_silence_is_lifted_a_little():
    """As BigVGAN was trained, 1e-9 is added to each power: nothing in loud speech, some thousandths near the floor."""
    wave = torch.randn(1, 4096, generator=torch.Generator().manual_seed(0))
    loud, soft = log_mel(wave), log_mel(1e-4 * wave)
    lift = (soft - loud - math.log(1e-4))[soft > math.log(2 * FLOOR)]
    assert len(lift) > 50
    assert 1e-4 < lift.mean() < 0.01


def test_a_tone_lights_its_own_band():
    """On the Slaney scale 1 kHz is mel 15 of 45.2 at the top: band 15 / 45.2 · 81 - 1, about 26 of 0…79."""
    time = torch.arange(8192) / SAMPLE_RATE
    loudest = log_mel(torch.sin(2 * math.pi * 1000 * time)[None]).mean(2).argmax()
    top = 15 + 27 * math.log(SAMPLE_RATE / 2 / 1000) / math.log(6.4)
    assert abs(int(loudest) - (15 / top * 81 - 1)) <= 1


def test_rows_do_not_see_each_other():
    a, b = torch.randn(1, 3000), torch.randn(1, 3000)
    torch.testing.assert_close(log_mel(torch.cat([a, b]))[:1], log_mel(a))


def test_a_wave_too_short_to_mirror_is_refused():
    with pytest.raises(ValueError, match="too short"):
        log_mel(torch.zeros(1, SHORTEST - 1))
