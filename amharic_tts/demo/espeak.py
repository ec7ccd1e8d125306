"""Synthetic Amharic speech from espeak-ng's `am` voice, for demonstrating and testing the system.

espeak-ng (GPL-3.0) is used as a tool through its shared library, which the registry package `espeakng-loader` carries.
It is no part of this project. API: https://github.com/espeak-ng/espeak-ng/blob/1.52.0/src/include/espeak-ng/speak_lib.h
"""

import _ctypes
import ctypes
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np
import torch
from torch import Tensor

from amharic_tts.audio.files import resample

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: synthesis in the calling thread, samples to the callback
_RATE, _PITCH = 1, 3  # espeak_PARAMETER
_UTF8 = 1  # espeak_Synth flags
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

# What counts as silence at the ends of an utterance (of full scale, 1.0), and how much of it is left there.
SILENCE_LEVEL = 0.01
MARGIN_SECONDS = 0.05


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker: espeak-ng's Amharic voice in one variant; rate in words per minute, pitch 0…99."""

    name: str
    variant: str
    rate: int
    pitch: int


def speak(text: str, voice: Voice, sample_rate: int) -> Tensor:
    """Speaks `text` with `voice`: float32 tensor (samples,) at `sample_rate`, silence at the ends cut to 50 ms.

    The samples depend on nothing but the arguments. Not for several threads of one process (espeak-ng's library has
    one global state); several processes are fine. Raises RuntimeError when espeak-ng refuses or says nothing.
    """
    samples, rate = _synthesise(text, voice)
    wave = resample(torch.from_numpy(samples.astype(np.float32) / 32768.0), rate, sample_rate)
    return trim_silence(wave, sample_rate)


def trim_silence(wave: Tensor, sample_rate: int) -> Tensor:
    """Cuts silence at both ends of `wave` (samples,) to at most MARGIN_SECONDS. Raises RuntimeError if all is silent."""
    loud = torch.nonzero(wave.abs() > SILENCE_LEVEL).flatten()
    if len(loud) == 0:
        raise RuntimeError("the utterance is silent")
    margin = round(MARGIN_SECONDS * sample_rate)
    return wave[max(0, int(loud[0]) - margin) : int(loud[-1]) + 1 + margin]


def _synthesise(text: str, voice: Voice) -> tuple[np.ndarray, int]:
    """One utterance as int16 samples and their rate.

    espeak-ng keeps state between utterances (flutter, breath and echo go on where they stopped), and its own
    re-initialisation leaves it. So the library is loaded anew for each utterance: 2 ms, and the same text always gives
    the same samples.
    """
    data = Path(espeakng_loader.get_data_path())
    if voice.variant and not (data / "voices" / "!v" / voice.variant).is_file():
        raise RuntimeError(f"espeak-ng has no voice variant {voice.variant!r}")  # itself it would pass over the name
    pieces: list[np.ndarray] = []

    @_CALLBACK
    def collect(samples: ctypes._Pointer, count: int, _events: int | None) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), 0)
        if rate <= 0:
            raise RuntimeError(f"espeak-ng found no data in {data}")
        library.espeak_SetSynthCallback(collect)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        name = f"am+{voice.variant}" if voice.variant else "am"
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {name!r}")
        library.espeak_SetParameter(_RATE, voice.rate, 0)
        library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        encoded = text.encode()
        if library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, _UTF8, None, None) != 0:
            raise RuntimeError(f"espeak-ng did not speak {text!r}")
        library.espeak_Synchronize()
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)
    if not pieces:
        raise RuntimeError(f"espeak-ng said nothing for {text!r}")
    return np.concatenate(pieces), rate
