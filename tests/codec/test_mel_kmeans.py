"""Laws of the embedded codec, on synthetic speech."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from amharic_tts.audio import mel
from amharic_tts.codec.load import load_codec, require_codec
from amharic_tts.codec.mel_kmeans import MelKMeans, fit_mel_kmeans
from amharic_tts.codec.protocol import Codec
from amharic_tts.demo.corpus import TRAINING_VOICES, CorpusOptions, make_corpus
from amharic_tts.demo.espeak import speak
from amharic_tts.errors import InputError
from amharic_tts.text.numbers import cardinal

VOICE = TRAINING_VOICES[0]
SIZE = 64


@pytest.fixture(scope="module")
def waves() -> list[torch.Tensor]:
    return [speak(cardinal(number), VOICE, mel.SAMPLE_RATE) for number in range(11, 4000, 97)]


@pytest.fixture(scope="module")
def codec(waves: list[torch.Tensor]) -> MelKMeans:
    return fit_mel_kmeans(waves, SIZE)


@pytest.fixture(scope="module")
def held_out() -> torch.Tensor:
    return speak(cardinal(7658), VOICE, mel.SAMPLE_RATE)


@pytest.fixture
def saved(codec: MelKMeans, tmp_path: Path) -> Path:
    codec.save(tmp_path)
    return tmp_path


def test_it_is_a_codec(codec: MelKMeans) -> None:
    assert isinstance(codec, Codec)
    assert require_codec(codec) is codec
    assert (codec.rate, codec.size, codec.sample_rate) == (50.0, SIZE, 16_000)
    assert (codec.conditioning_width, codec.conditioning_rows) == (80, 0)


def test_codes_are_int16_in_range_at_50_a_second(codec: MelKMeans, held_out: torch.Tensor) -> None:
    codes = codec.encode(held_out)
    assert codes.dtype == torch.int16
    assert codes.shape == (len(held_out) // 320 + 1,)
    assert int(codes.min()) >= 0
    assert int(codes.max()) < SIZE
    assert len(torch.unique(codes)) > SIZE // 4


def test_each_code_is_the_nearest_centroid(codec: MelKMeans, held_out: torch.Tensor) -> None:
    frames = mel.log_mel(held_out)
    assert torch.equal(codec.encode(held_out).long(), torch.cdist(frames, codec.centroids).argmin(dim=1))


def test_centroids_are_a_far_better_guess_than_the_mean_frame(codec: MelKMeans, held_out: torch.Tensor) -> None:
    frames = mel.log_mel(held_out)
    by_code = (codec.centroids[codec.encode(held_out).long()] - frames).square().mean()
    by_mean = (codec.mean - frames).square().mean()
    assert by_code < 0.1 * by_mean


def test_decoded_speech_has_the_spectrogram_of_its_codes(codec: MelKMeans, held_out: torch.Tensor) -> None:
    codes = codec.encode(held_out)
    wave = codec.decode(codes)
    assert wave.dtype == torch.float32
    assert wave.shape == ((len(codes) - 1) * 320,)
    assert torch.equal(codec.decode(codes, prompt=held_out), wave)
    frames, wanted = mel.log_mel(wave), mel.log_mel(held_out)
    assert (frames - wanted).square().mean() < 0.25 * (codec.mean - wanted).square().mean()


def test_a_lasting_code_is_decoded_as_its_centroid_and_a_step_is_softened(codec: MelKMeans, monkeypatch) -> None:
    monkeypatch.setattr(mel, "griffin_lim", lambda frames: frames)
    frames = codec.decode(torch.tensor([3, 3, 3, 5, 5]))
    before, after = codec.centroids[3], codec.centroids[5]
    torch.testing.assert_close(frames[[0, 1, 4]], torch.stack([before, before, after]))
    torch.testing.assert_close(frames[2], 0.9 * before + 0.1 * after)
    assert torch.equal(codec.decode(torch.tensor([3, 5])), codec.centroids[[3, 5]])


def test_conditioning_is_standardised_over_the_training_speech(codec: MelKMeans, waves: list[torch.Tensor]) -> None:
    features = torch.cat([codec.conditioning(wave) for wave in waves])
    assert features.dtype == torch.float32
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(80), atol=1e-3, rtol=0)
    torch.testing.assert_close(features.std(dim=0), torch.ones(80), atol=1e-3, rtol=0)


@pytest.mark.parametrize("code", [-1, SIZE])
def test_a_code_out_of_range_is_refused(codec: MelKMeans, code: int) -> None:
    with pytest.raises(ValueError):
        codec.decode(torch.tensor([0, code, 1]))


def test_no_codes_are_no_sound(codec: MelKMeans) -> None:
    assert codec.decode(torch.zeros(0, dtype=torch.int16)).shape == (0,)


def test_fitting_twice_gives_the_same_codec(codec: MelKMeans, waves: list[torch.Tensor]) -> None:
    assert fit_mel_kmeans(iter(waves), SIZE).fingerprint == codec.fingerprint
    assert fit_mel_kmeans(waves, SIZE, seed=1).fingerprint != codec.fingerprint


def test_a_saved_codec_comes_back(codec: MelKMeans, saved: Path, held_out: torch.Tensor) -> None:
    again = load_codec(saved)
    assert again.fingerprint == codec.fingerprint
    assert torch.equal(again.encode(held_out), codec.encode(held_out))
    assert torch.equal(again.conditioning(held_out), codec.conditioning(held_out))


def test_a_missing_codec_names_the_command_that_makes_it(saved: Path) -> None:
    (saved / "codec.safetensors").unlink()
    with pytest.raises(InputError, match=r"codec\.safetensors does not exist.*tools/fit_codec\.py"):
        load_codec(saved)
    with pytest.raises(InputError, match=r"does not exist.*tools/fit_codec\.py"):
        load_codec(saved / "none")


def test_a_flipped_byte_is_refused(saved: Path) -> None:
    path = saved / "codec.safetensors"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="not the one that was saved"):
        load_codec(saved)
    path.write_bytes(bytes(data[:100]))
    with pytest.raises(InputError, match="cannot be read"):
        load_codec(saved)


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"kind": "other"}'])
def test_an_unknown_kind_is_refused(saved: Path, record: str) -> None:
    (saved / "codec.json").write_text(record)
    with pytest.raises(InputError, match=r"codec\.json"):
        load_codec(saved)


def test_audio_that_no_codec_can_be_fitted_to_is_refused() -> None:
    for waves in ([], [torch.rand(3200)], [torch.zeros(320_000)]):
        with pytest.raises(InputError):
            fit_mel_kmeans(waves, SIZE)
    for size in (1, 2**15):
        with pytest.raises(InputError, match="codebook size"):
            fit_mel_kmeans([torch.rand(3200)], size)


def test_the_tool_fits_a_codec_and_reports_bad_input(tmp_path: Path) -> None:
    make_corpus(tmp_path / "demo", CorpusOptions(9, 1, 1, sentences=0), workers=1)
    command = [sys.executable, "tools/fit_codec.py", "--out", tmp_path / "codec", "--size", "16", "--manifest"]
    root = Path(__file__).parents[2]
    done = subprocess.run([*command, tmp_path / "demo/train.jsonl"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert load_codec(tmp_path / "codec").size == 16
    (tmp_path / "demo" / json.loads((tmp_path / "demo/train.jsonl").read_text().splitlines()[0])["audio"]).unlink()
    done = subprocess.run([*command, tmp_path / "demo/train.jsonl"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "does not exist" in done.stderr.splitlines()[-1]
