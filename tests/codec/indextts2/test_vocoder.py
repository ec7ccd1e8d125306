"""The vocoder computes what the reference computed; its activation passes what lies below a quarter of the rate."""

import pytest
import torch
from safetensors.torch import save_file

from amharic_tts.codec.indextts2 import vocoder
from amharic_tts.codec.indextts2.vocoder import (
    COMPUTED,
    PeriodicActivation,
    Vocoder,
    load_vocoder,
    low_pass,
    reference_names,
)
from amharic_tts.codec.indextts2.weights import fill, merge_weight_norm
from amharic_tts.errors import InputError


@pytest.fixture
def small(monkeypatch):
    """A narrow vocoder with the real one's layers, which the loader then expects too."""
    torch.manual_seed(0)
    monkeypatch.setattr(vocoder, "Vocoder", lambda: Vocoder(64))
    return Vocoder(64).eval()


def as_published(model: Vocoder) -> dict[str, torch.Tensor]:
    """The tensors under the reference's keys, without weight norm."""
    ours = model.state_dict()
    state = {theirs: ours[name].clone() for theirs, name in reference_names().items()}
    return state | {"activation_post.upsample.filter": low_pass()[None, None]}


def with_weight_norm(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    normed = {}
    for key, value in state.items():
        if key.endswith(".weight"):
            axes = tuple(range(1, value.dim()))
            normed |= {f"{key}_g": value.norm(dim=axes, keepdim=True), f"{key}_v": 0.5 * value}
        else:
            normed[key] = value
    return normed


@torch.no_grad()
def test_wave(seeded, chain, relative_error):
    model = Vocoder().eval()
    fill(model, seeded("bigvgan", 0.02), reference_names(), COMPUTED, "golden")
    assert relative_error(model(chain["bigvgan_mel"]), chain["bigvgan_wav"]) < 2e-4


@pytest.mark.parametrize("part", ["bigvgan", "bigvgan_weight_norm"])
def test_every_key_of_the_published_file_has_a_place(reference_keys, part):
    with torch.device("meta"):
        merged = merge_weight_norm({key: torch.empty(shape) for key, shape in reference_keys[part].items()})
        ours = {name: value.shape for name, value in Vocoder().state_dict().items()}
    loaded = {key: value.shape for key, value in merged.items() if not COMPUTED.fullmatch(key)}
    assert {reference_names()[key]: shape for key, shape in loaded.items()} == ours
    assert len(loaded) == len(reference_names())


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_256_samples_a_frame(small, frames):
    mel = 5 * torch.randn(2, 80, frames)
    wave = small(mel)
    assert wave.shape == (2, 1, 256 * frames)
    assert wave.abs().max() <= 1
    torch.testing.assert_close(wave[1:], small(mel[1:]), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_wave_is_cut_off_at_full_scale(small):
    small.leave.weight.fill_(1e3)
    wave = small(torch.randn(1, 80, 4))
    assert wave.abs().max() == 1


@torch.no_grad()
def test_the_activation_is_sine_squared_without_delay():
    """Of a slow wave, x + sin²(αx) / β is slow too, so the filters leave it as it is."""
    activation = PeriodicActivation(2)
    activation.log_alpha.copy_(torch.tensor([0.0, 0.5]))
    activation.log_beta.copy_(torch.tensor([-0.3, 0.2]))
    x = torch.sin(torch.arange(400) * 0.02).expand(1, 2, 400)
    alpha, beta = activation.log_alpha.exp()[:, None], activation.log_beta.exp()[:, None]
    expected = x + torch.sin(alpha * x) ** 2 / beta
    torch.testing.assert_close(activation(x), expected, rtol=0, atol=5e-3)


def test_low_pass():
    """Symmetric, 1 at rate 0, half at the cut-off, nothing at the highest rate."""
    taps = low_pass()
    torch.testing.assert_close(taps, taps.flip(0))
    time = torch.arange(12) - 5.5
    response = [float((taps * torch.cos(2 * torch.pi * rate * time)).sum()) for rate in (0.0, 0.25, 0.5)]
    assert response == pytest.approx([1.0, 0.5, 0.0], abs=0.02)


@torch.no_grad()
@pytest.mark.parametrize("file", ["bigvgan_generator.pt", "model.safetensors"])
@pytest.mark.parametrize("normed", [True, False])
def test_the_published_format_loads(small, tmp_path, file, normed):
    state = with_weight_norm(as_published(small)) if normed else as_published(small)
    if file.endswith(".pt"):
        torch.save({"generator": state}, tmp_path / file)
    else:
        save_file(state, tmp_path / file)
    loaded = load_vocoder(tmp_path / file)
    mel = torch.randn(1, 80, 3)
    torch.testing.assert_close(loaded(mel), small(mel))
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation_post.upsample.filter": torch.ones(1, 1, 12)}, "is not the low-pass filter"),
        ({"activation_post.upsample.filter": torch.ones(1, 1, 8)}, "is not the low-pass filter"),
        ({"conv_pre.weight": torch.zeros(64, 100, 7)}, r"conv_pre\.weight has shape \(64, 100, 7\)"),
        ({"conv_post.bias": torch.zeros(1)}, r"unknown 1 keys: conv_post\.bias"),
    ],
)
def test_another_model_is_refused(small, tmp_path, change, message):
    torch.save({"generator": as_published(small) | change}, tmp_path / "g.pt")
    with pytest.raises(InputError, match=rf"g\.pt.*{message}"):
        load_vocoder(tmp_path / "g.pt")
