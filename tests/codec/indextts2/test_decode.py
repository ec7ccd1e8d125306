"""Decoding is what its parts make in this order, row by row whatever the batch, and reads only its own files."""

import math

import pytest
import torch
from codec.indextts2.small_decoder import small_decoder, small_sizes

from amharic_tts.audio.files import resample
from amharic_tts.codec.indextts2 import campplus, decode, mel22k, vocoder
from amharic_tts.codec.indextts2.campplus import filterbank
from amharic_tts.codec.indextts2.decode import PROMPT_SECONDS, Decoder, Voice, cut_prompt, noise
from amharic_tts.codec.indextts2.s2mel.model import S2Mel
from amharic_tts.errors import InputError

WIDTH, LATENT, CODES = 24, 12, 50
RATE = 24_000  # of the prompts: neither of the two rates that are computed with
COUNTS = (9, 0, 1, 14)


@pytest.fixture(scope="module")
def decoder():
    return small_decoder(WIDTH, LATENT, CODES)


def prompt(seconds: float, seed: int) -> tuple[torch.Tensor, int, torch.Tensor]:
    """Wave, rate and features."""
    g = torch.Generator().manual_seed(seed)
    wave = 0.2 * torch.randn(round(RATE * seconds), generator=g)
    return wave, RATE, torch.randn(round(50 * seconds), WIDTH, generator=g)


@pytest.fixture(scope="module")
def voices(decoder):
    """Prompts of three lengths; the second row, which says nothing, has the first voice."""
    a, b, c = (decoder.voice(*prompt(seconds, i)) for i, seconds in enumerate((0.5, 0.3, 0.7)))
    return [a, a, b, c]


@pytest.fixture(scope="module")
def batch(voices):
    g = torch.Generator().manual_seed(3)
    codes = [torch.randint(CODES, (n,), generator=g) for n in COUNTS]
    latents = [torch.randn(n, LATENT, generator=g) for n in COUNTS]
    return codes, latents, voices


@torch.no_grad()
def test_a_voice_is_mel_condition_and_style_of_its_prompt(decoder):
    wave, rate, features = prompt(0.5, 0)
    voice = decoder.voice(wave, rate, features)
    frames = 22_050 // 2 // 256
    torch.testing.assert_close(voice.mel, mel22k.log_mel(resample(wave, rate, 22_050)[None])[0])
    torch.testing.assert_close(voice.style, decoder.campplus(filterbank(resample(wave, rate, 16_000))[None])[0])
    quantised = decoder.codec.embedding(decoder.codec.encode(features[None]))
    expected = decoder.s2mel.condition(quantised, torch.tensor([25]), torch.tensor([frames]))
    torch.testing.assert_close(voice.condition, expected[0])
    assert (voice.mel.shape, voice.condition.shape, voice.style.shape) == ((80, frames), (frames, 16), (192,))


@torch.no_grad()
def test_decoding_is_its_parts_in_order(decoder, batch):
    codes, latents, voices = (rows[3] for rows in batch)
    [wave] = decoder.decode([codes], [latents], [voices], steps=3, guidance=0.5, seed=7)
    frames = math.floor(1.72 * 14)
    start = torch.randn(80, frames, generator=torch.Generator().manual_seed(7))
    mel, _ = decoder.s2mel.synthesize(
        latents[None], decoder.codec.embedding(codes[None]), torch.tensor([14]), voices.condition[None],
        voices.mel[None], torch.tensor([voices.mel.size(1)]), voices.style[None], steps=3, guidance=0.5,
        noise=start[None],
    )  # fmt: skip
    torch.testing.assert_close(wave, decoder.vocoder(mel)[0, 0])
    assert wave.std() > 1e-4


def test_a_row_sounds_the_same_in_every_batch(decoder, batch):
    waves = decoder.decode(*batch, steps=2)
    assert [len(wave) for wave in waves] == [256 * math.floor(1.72 * n) for n in COUNTS]
    assert all((wave.dtype, wave.device.type) == (torch.float32, "cpu") for wave in waves)
    backwards = decoder.decode(*(rows[::-1] for rows in batch), steps=2)[::-1]
    for i, wave in enumerate(waves):
        [alone] = decoder.decode(*([rows[i]] for rows in batch), steps=2)
        for other in (alone, backwards[i]):
            torch.testing.assert_close(wave, other, rtol=1e-2, atol=2e-3)  # this vocoder enlarges rounding 100-fold
    spoken = [[row for row, n in zip(rows, COUNTS, strict=True) if n] for rows in batch]
    mels = decoder.mels(*spoken, steps=2)
    for i, mel in enumerate(mels):
        [alone] = decoder.mels(*([rows[i]] for rows in spoken), steps=2)
        torch.testing.assert_close(mel, alone, rtol=1e-4, atol=1e-4)


def test_rows_without_codes_are_empty_waves(decoder, batch):
    nothing = torch.zeros(0, dtype=torch.int64), torch.zeros(0, LATENT)
    for rows in (1, 2):
        waves = decoder.decode([nothing[0]] * rows, [nothing[1]] * rows, batch[2][:rows])
        assert [wave.shape for wave in waves] == [(0,)] * rows
    assert decoder.decode([], [], []) == []


def test_the_seed_decides_the_noise(decoder, batch):
    a, b, c = (decoder.decode(*batch, steps=1, seed=seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, a, b))
    assert not torch.allclose(a[3], c[3], atol=1e-4)
    assert torch.equal(noise(3, 5, 1), noise(3, 5, 1))
    assert not torch.equal(noise(3, 5, 1), noise(3, 5, 2))


def test_every_input_counts(decoder, batch):
    codes, latents, voice = (rows[3] for rows in batch)
    [mel] = decoder.mels([codes], [latents], [voice], steps=2)
    others = {
        "codes": ((codes + 1) % CODES, latents, voice),
        "latents": (codes, latents + 1, voice),
        "condition": (codes, latents, Voice(voice.condition + 1, voice.mel, voice.style)),
        "mel": (codes, latents, Voice(voice.condition, voice.mel + 1, voice.style)),
        "style": (codes, latents, Voice(voice.condition, voice.mel, voice.style + 1)),
    }
    for name, row in others.items():
        assert (decoder.mels(*([part] for part in row), steps=2)[0] - mel).abs().max() > 1e-3, name
    for change in ({"steps": 3}, {"guidance": 0.0}):
        assert (decoder.mels([codes], [latents], [voice], **({"steps": 2} | change))[0] - mel).abs().max() > 1e-3


def test_codes_as_they_are_stored(decoder, batch):
    codes, *others = batch
    for kind in (torch.int16, torch.int64):
        waves = decoder.decode([row.to(kind) for row in codes], *others, steps=1)
        assert all(map(torch.equal, waves, decoder.decode(*batch, steps=1)))


def test_half_precision_in_the_flow_stays_near(decoder, batch):
    lower = S2Mel(small_sizes(WIDTH, LATENT)).eval()
    lower.load_state_dict(decoder.s2mel.state_dict())
    half = Decoder(decoder.codec, lower.bfloat16(), decoder.campplus, decoder.vocoder)
    voice = half.voice(*prompt(0.7, 2))
    codes, latents = batch[0][3], batch[1][3]
    [mel] = half.mels([codes], [latents], [voice], steps=3)
    [expected] = decoder.mels([codes], [latents], [batch[2][3]], steps=3)
    assert mel.dtype == torch.float32
    assert (mel - expected).abs().max() < 0.1 * expected.abs().max()
    assert half.decode([codes], [latents], [voice], steps=1)[0].dtype == torch.float32


@pytest.mark.parametrize("wrong", [-1, CODES, CODES + 1])
def test_start_and_stop_are_no_codes(decoder, batch, wrong):
    codes = [batch[0][0].clone(), *batch[0][1:]]
    codes[0][-1] = wrong
    with pytest.raises(ValueError, match="row 0 holds numbers beyond the 50 codes"):
        decoder.decode(codes, batch[1], batch[2])


def test_rows_that_do_not_fit_are_refused(decoder, batch):
    codes, latents, voices = batch
    with pytest.raises(ValueError, match="row 3 has 13 latents for 14 codes"):
        decoder.decode(codes, [*latents[:3], latents[3][1:]], voices)
    with pytest.raises(ValueError, match="shorter"):
        decoder.decode(codes, latents, voices[:3])


def test_a_prompt_is_cut_before_its_features_are_made(decoder):
    long = torch.arange(PROMPT_SECONDS * 100 + 7)
    assert cut_prompt(long, 100).tolist() == long[:-7].tolist()
    assert torch.equal(cut_prompt(long[:50], 100), long[:50])
    wave, rate, features = prompt(0.5, 0)
    for other in (features[:15], features.repeat(2, 1)):
        with pytest.raises(ValueError, match=r"feature frames do not belong to a wave of 0\.50 s"):
            decoder.voice(wave, rate, other)


def test_a_prompt_too_short_for_a_voice_is_refused(decoder):
    with pytest.raises(InputError, match="too short for a voice"):
        decoder.voice(torch.zeros(960), RATE, torch.zeros(2, WIDTH))  # 40 ms


def test_each_network_comes_from_its_one_place(tmp_path, monkeypatch):
    """Whatever config.yaml says."""
    (tmp_path / "config.yaml").write_text("s2mel_checkpoint: /etc/passwd\nvocoder: {name: ../../elsewhere}\n")
    for name in ("load_semantic_codec", "load_s2mel", "load_campplus", "load_vocoder"):
        monkeypatch.setattr(decode, name, lambda path, device: (path.relative_to(tmp_path).as_posix(), device))
    loaded = Decoder.load(tmp_path, "cpu")
    assert loaded.codec == ("semantic_codec/model.safetensors", "cpu")
    assert loaded.s2mel == ("s2mel.pth", "cpu")
    assert loaded.campplus == ("campplus/campplus_cn_common.bin", "cpu")
    assert loaded.vocoder == ("bigvgan/bigvgan_generator.pt", "cpu")


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"semantic_codec/model\.safetensors.*download_base"):
        Decoder.load(tmp_path)


def test_mel_and_vocoder_agree():
    assert vocoder.SAMPLE_RATE == mel22k.SAMPLE_RATE
    assert vocoder.HOP == mel22k.HOP
    assert vocoder.BANDS == mel22k.BANDS == campplus.BANDS
