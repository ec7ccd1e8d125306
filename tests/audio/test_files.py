"""Sound files: what is written comes back; what is wrong is said in one message."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from amharic_tts.audio.files import read_wave, resample, write_wave
from amharic_tts.errors import InputError

RATE = 16_000


def tone(frequency: float, seconds: float, rate: int = RATE) -> torch.Tensor:
    return 0.5 * torch.sin(2 * math.pi * frequency * torch.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_what_is_written_comes_back_to_16_bits(tmp_path: Path, suffix: str) -> None:
    wave = tone(440, 0.3)
    write_wave(tmp_path / f"new/a.{suffix}", wave, RATE)
    again = read_wave(tmp_path / f"new/a.{suffix}", RATE)
    assert again.dtype == torch.float32
    assert again.shape == wave.shape
    # written times 32767, read by 32768: one step of rounding and one of scale
    torch.testing.assert_close(again, wave, atol=2 / 32767, rtol=0)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"a.{suffix}"]


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        write_wave(tmp_path / name, tone(300, 0.5), RATE)
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()


def test_loud_samples_are_clipped_not_wrapped(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav", torch.tensor([2.0, -2.0]), RATE)
    assert read_wave(tmp_path / "a.wav", RATE).tolist() == pytest.approx([1.0, -1.0], abs=1e-4)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(200, 0.2).numpy(), tone(500, 0.2).numpy()
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    torch.testing.assert_close(read_wave(tmp_path / "a.wav", RATE), torch.from_numpy((left + right) / 2))


def test_a_part_in_seconds_is_that_part(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(200, 1.0).numpy(), RATE, subtype="FLOAT")
    whole = read_wave(tmp_path / "a.wav", RATE)
    assert torch.equal(read_wave(tmp_path / "a.wav", RATE, 0.25, 0.75), whole[4000:12000])
    assert torch.equal(read_wave(tmp_path / "a.wav", RATE, start=0.9), whole[14400:])
    assert torch.equal(read_wave(tmp_path / "a.wav", RATE, end=7.0), whole)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_resampling_keeps_pitch_level_and_length(rate: int) -> None:
    wave = resample(tone(1000, 0.5, rate), rate, RATE)
    assert abs(len(wave) - RATE // 2) <= 1
    inner = slice(400, 7600)
    torch.testing.assert_close(wave[inner], tone(1000, 0.5)[inner], atol=2e-3, rtol=0)


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    assert resample(tone(11_000, 0.5, 44_100), 44_100, RATE)[400:-400].abs().max() < 0.01


def bad_files(folder: Path) -> dict[str, Path]:
    paths = {name: folder / f"{name}.wav" for name in ("missing", "text", "empty", "header_only", "not_finite")}
    paths["text"].write_text("this is no sound")
    paths["empty"].write_bytes(b"")
    soundfile.write(paths["header_only"], np.zeros(0, np.float32), RATE)
    soundfile.write(paths["not_finite"], np.array([0.0, np.nan], np.float32), RATE, subtype="FLOAT")
    paths["truncated"] = folder / "truncated.flac"
    write_wave(paths["truncated"], torch.rand(RATE, generator=torch.Generator().manual_seed(0)) - 0.5, RATE)
    paths["truncated"].write_bytes(paths["truncated"].read_bytes()[:10_000])
    return paths


@pytest.mark.parametrize("name", ["missing", "text", "empty", "header_only", "not_finite", "truncated"])
def test_a_bad_file_is_named(tmp_path: Path, name: str) -> None:
    path = bad_files(tmp_path)[name]
    with pytest.raises(InputError) as caught:
        read_wave(path, RATE)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("start", "end"), [(1.0, None), (0.5, 0.5), (0.6, 0.2), (-1.0, 0.5), (2.0, 3.0)])
def test_a_part_with_nothing_in_it_is_an_error(tmp_path: Path, start: float, end: float | None) -> None:
    write_wave(tmp_path / "a.wav", tone(200, 1.0), RATE)
    with pytest.raises(InputError, match="nothing lies between"):
        read_wave(tmp_path / "a.wav", RATE, start, end)


def test_a_folder_is_no_sound_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_wave(tmp_path, RATE)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wave(tmp_path / "a.wav", tone(200, 0.1), RATE)
    before = (tmp_path / "a.wav").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="disk full"):
        write_wave(tmp_path / "a.wav", tone(400, 0.1), RATE)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
