"""CAM++ computes what the reference computed; its filterbank is Kaldi's."""

import math

import pytest
import torch

from amharic_tts.codec.indextts2.campplus import (
    CAMPPlus,
    DenseLayer,
    filterbank,
    load_campplus,
    reference_names,
    segment_means,
)
from amharic_tts.errors import InputError


@pytest.fixture(scope="module")
def published(seeded, tmp_path_factory):
    """A file in the published format."""
    path = tmp_path_factory.mktemp("campplus") / "campplus_cn_common.bin"
    counters = {key: torch.tensor(0) for key in ("head.bn1.num_batches_tracked", "xvector.dense.nonlinear.batchnorm.num_batches_tracked")}  # fmt: skip
    torch.save(seeded("campplus") | counters, path)
    return path


@torch.no_grad()
def test_style(published, chain, relative_error):
    model = load_campplus(published)
    assert relative_error(model(chain["campplus_fbank"]), chain["campplus_style"]) < 2e-4
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_every_key_of_the_published_file_has_a_place(reference_keys):
    counters = {key for key in reference_keys["campplus"] if key.endswith(".num_batches_tracked")}
    assert reference_keys["campplus"].keys() - counters == reference_names().keys()
    ours = {name for name in CAMPPlus().state_dict() if not name.endswith(".num_batches_tracked")}
    assert sorted(reference_names().values()) == sorted(ours)


@torch.no_grad()
def test_rows_of_a_batch_do_not_influence_each_other():
    torch.manual_seed(0)
    model = CAMPPlus().eval()
    bands = torch.randn(3, 230, 80)
    together = model(bands)
    assert together.shape == (3, 192)
    for row in range(3):
        torch.testing.assert_close(together[row], model(bands[row : row + 1])[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 99, 100, 101, 200, 250])
def test_segment_means(frames):
    x = torch.randn(2, 3, frames, generator=torch.Generator().manual_seed(frames))
    means = segment_means(x)
    assert means.shape == x.shape
    for start in range(0, frames, 100):
        part = x[..., start : start + 100]
        torch.testing.assert_close(means[..., start : start + 100], part.mean(-1, keepdim=True).expand_as(part))


@torch.no_grad()
def test_a_mask_hears_its_segment_and_the_whole():
    """The masks of the first segment, while its neighbours change places, the whole changes, or the segment changes.
    (The recorded example is shorter than a segment and cannot tell.)"""
    torch.manual_seed(0)
    layer = DenseLayer(16, 1).eval()
    layer.local.weight[..., [0, 2]] = 0  # the time-delay layer sees one frame alone, so that only masks can differ
    a, b, c, d = torch.randn(4, 16, 100).cumsum(0)
    inside = lambda *segments: layer(torch.cat(segments, -1)[None])[0, 16:, :100]  # noqa: E731
    torch.testing.assert_close(inside(a, b, c), inside(a, c, b))  # the same segment, the same whole
    assert not torch.allclose(inside(a, b, c), inside(a, b, d), atol=1e-4)  # another whole
    mixed = torch.cat([a[:, :50], b[:, :50]], -1), torch.cat([a[:, 50:], b[:, 50:]], -1)
    assert not torch.allclose(inside(a, b, c)[:, :50], inside(*mixed, c)[:, :50], atol=1e-4)  # another segment


def kaldi_bands(wave: torch.Tensor) -> torch.Tensor:
    """Kaldi's filterbank by its definition, in float64: (frames, 80), log of the mel energies."""
    frames = wave.double().unfold(0, 400, 160)
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], 1)
    povey = (0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(400, dtype=torch.float64) / 399)) ** 0.85
    power = torch.fft.rfft((frames - 0.97 * before) * povey, 512).abs() ** 2
    mel = lambda hertz: 1127 * math.log(1 + hertz / 700)  # noqa: E731
    edges = [mel(20) + i * (mel(8000) - mel(20)) / 81 for i in range(82)]
    filters = torch.zeros(257, 80, dtype=torch.float64)
    for bin in range(256):
        place = mel(bin * 16000 / 512)
        for band in range(80):
            left, centre, right = edges[band : band + 3]
            filters[bin, band] = max(0.0, min((place - left) / (centre - left), (right - place) / (right - centre)))
    return (power @ filters).clamp_min(torch.finfo(torch.float32).eps).log()


def test_filterbank_is_kaldis():
    wave = 0.3 * torch.randn(8000, generator=torch.Generator().manual_seed(0))
    bands, expected = filterbank(wave), kaldi_bands(wave)
    assert bands.shape == (1 + (8000 - 400) // 160, 80)
    torch.testing.assert_close(bands.double(), expected - expected.mean(0), rtol=0, atol=1e-3)


def test_loudness_leaves_the_filterbank():
    wave = 0.3 * torch.randn(8000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(filterbank(wave), filterbank(0.1 * wave), rtol=0, atol=1e-3)


@torch.no_grad()
def test_the_shortest_prompt():
    model = CAMPPlus().eval()
    assert model(filterbank(torch.randn(720))[None]).isfinite().all()
    with pytest.raises(InputError, match="719 samples is too short"):
        filterbank(torch.randn(719))


def test_a_tampered_file_is_refused(published, tmp_path):
    state = torch.load(published, weights_only=True)
    state["head.conv1.weight"] = torch.zeros(32, 1, 5, 5)
    torch.save(state, tmp_path / "shape.bin")
    with pytest.raises(InputError, match=r"shape\.bin: head\.conv1\.weight has shape \(32, 1, 5, 5\)"):
        load_campplus(tmp_path / "shape.bin")
    (tmp_path / "cut.bin").write_bytes(published.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"cut\.bin"):
        load_campplus(tmp_path / "cut.bin")
