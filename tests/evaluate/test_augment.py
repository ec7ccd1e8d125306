"""Augmented features stay features of the same words."""

import torch

from amharic_tts.evaluate.augment import TEMPO, augment, resample_grid, waver


def test_stretching_to_the_same_size_without_shift_changes_nothing():
    features = torch.randn(30, 80, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resample_grid(features, 30, 0.0), features, atol=1e-4, rtol=0)


def test_a_shift_moves_bands_and_a_stretch_moves_frames():
    features = torch.zeros(20, 80)
    features[10, 40] = 1.0
    assert resample_grid(features, 20, 3.0).argmax() == 10 * 80 + 37
    assert abs(int(resample_grid(features, 39, 0.0).argmax()) // 80 - 20) <= 1


def test_lengths_stay_within_the_tempo_and_values_finite():
    generator = torch.Generator().manual_seed(0)
    for frames in (1, 2, 7, 200):
        features = torch.randn(frames, 80, generator=generator)
        for _ in range(10):
            out = augment(features, generator)
            assert TEMPO[0] * frames - 1 <= len(out) <= TEMPO[1] * frames + 1
            assert out.shape[1] == 80
            assert torch.isfinite(out).all()


def test_the_same_generator_state_gives_the_same_recording():
    features = torch.randn(50, 80)
    before = features.clone()
    one, other = (augment(features, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(features, before)  # the original is used again in the next epoch
    assert not torch.equal(one, augment(features, torch.Generator().manual_seed(5)))


def test_a_wavering_timbre_has_unit_variance_and_is_smooth():
    noise = waver((4000, 80), torch.Generator().manual_seed(0))
    assert 0.85 < noise.std() < 1.15
    for axis in (0, 1):
        assert torch.diff(noise, dim=axis).std() < 0.5 * noise.std()
    for shape in ((1, 80), (2, 80), (5, 3)):
        assert waver(shape, torch.Generator().manual_seed(0)).shape == shape
