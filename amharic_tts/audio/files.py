"""Reading and writing sound files."""

import math
from os import PathLike
from pathlib import Path

import soundfile
import torch
import torchaudio
from torch import Tensor

from amharic_tts.errors import InputError
from amharic_tts.publish import publish


def read_wave(
    path: str | PathLike[str], sample_rate: int, start: float | None = None, end: float | None = None
) -> Tensor:
    """Reads a sound file, or the part from `start` to `end` (seconds), as mono at `sample_rate` (Hz).

    Returns a float32 tensor (samples,) in -1…1; several channels are averaged. Raises InputError when the file is
    missing, unreadable or damaged, when it (or the part) holds no sample, and when a sample is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"audio file {path} does not exist; correct its path or make its manifest again")
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            first = 0 if start is None else round(start * rate)
            last = file.frames if end is None else min(round(end * rate), file.frames)
            if file.frames == 0:
                raise InputError(f"audio file {path} holds no sample; record it again or take it out of the manifest")
            if not 0 <= first < last:
                length = file.frames / rate
                raise InputError(
                    f"audio file {path} lasts {length:.3f} s: nothing lies between start={start} and end={end}"
                )
            file.seek(first)
            samples = file.read(last - first, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"audio file {path} cannot be read ({error}); convert it to WAV or FLAC") from None
    if len(samples) < last - first:
        raise InputError(f"audio file {path} ends after {len(samples)} of {last - first} samples: it is damaged")
    wave = torch.from_numpy(samples.mean(axis=1))
    if not torch.isfinite(wave).all():
        raise InputError(f"audio file {path} holds samples that are not finite numbers: it is damaged")
    return resample(wave, rate, sample_rate)


def resample(wave: Tensor, rate: int, sample_rate: int) -> Tensor:
    """Changes the sampling rate of `wave` (samples,) from `rate` to `sample_rate` (Hz), band-limited (sinc)."""
    if rate == sample_rate:
        return wave
    # torchaudio's kernel grows with the rates divided by their common factor; both must be reduced integers
    common = math.gcd(rate, sample_rate)
    return torchaudio.functional.resample(wave, rate // common, sample_rate // common)


def write_wave(path: str | PathLike[str], wave: Tensor, sample_rate: int) -> None:
    """Writes `wave` (samples,) as 16-bit mono in the format of the file's suffix (.wav or .flac).

    The file appears under its name only when it is complete. Samples beyond -1…1 are clipped. Raises InputError when
    the folder cannot be written.
    """
    path = Path(path)
    pcm = (wave.detach().cpu().double().clamp(-1.0, 1.0) * 32767.0).round().to(torch.int16).numpy()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with publish(path) as file:
            soundfile.write(file, pcm, sample_rate, format=path.suffix[1:].upper(), subtype="PCM_16")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error}); choose another place") from None
