"""Synthetic speech: the same samples for the same text, trimmed, and another voice sounds otherwise."""

import dataclasses

import pytest
import torch

from amharic_tts.demo.corpus import HELD_OUT_VOICE, TRAINING_VOICES
from amharic_tts.demo.espeak import MARGIN_SECONDS, SILENCE_LEVEL, speak, trim_silence
from amharic_tts.text.numbers import cardinal

RATE = 16_000
VOICES = (*TRAINING_VOICES, HELD_OUT_VOICE)


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.name)
def test_the_samples_depend_on_nothing_said_before(voice) -> None:
    first = speak(cardinal(4321), voice, RATE)
    speak("ሰላም ነው", VOICES[0], RATE)
    assert torch.equal(speak(cardinal(4321), voice, RATE), first)


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.name)
def test_speech_is_audible_and_trimmed(voice) -> None:
    wave = speak(cardinal(4321), voice, RATE)
    assert 1.0 < len(wave) / RATE < 3.0
    assert 0.1 < wave.abs().max() < 1.0
    loud = torch.nonzero(wave.abs() > SILENCE_LEVEL).flatten()
    assert loud[0] <= MARGIN_SECONDS * RATE
    assert len(wave) - 1 - loud[-1] <= MARGIN_SECONDS * RATE


def test_four_voices_are_four_sounds() -> None:
    waves = [speak("ሰላም", voice, RATE) for voice in VOICES]
    assert all(not torch.equal(a, b) for i, a in enumerate(waves) for b in waves[:i] if len(a) == len(b))
    assert len({voice.name for voice in VOICES}) == 4
    assert len({voice.variant for voice in VOICES}) == 4


def test_rate_pitch_and_variant_reach_espeak() -> None:
    voice = VOICES[0]
    wave = speak(cardinal(4321), voice, RATE)
    slow = speak(cardinal(4321), dataclasses.replace(voice, rate=voice.rate // 2), RATE)
    assert len(slow) > 1.5 * len(wave)
    high = speak(cardinal(4321), dataclasses.replace(voice, pitch=99), RATE)
    assert not torch.equal(high[:8000], wave[:8000])


def test_more_words_take_longer() -> None:
    lengths = [len(speak(cardinal(number), VOICES[0], RATE)) for number in (1, 21, 321, 4321)]
    assert lengths == sorted(lengths)


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no voice variant"):
        speak("ሰላም", dataclasses.replace(VOICES[0], variant="nobody"), RATE)


@pytest.mark.parametrize("text", ["", " "])
def test_nothing_said_is_an_error(text: str) -> None:
    with pytest.raises(RuntimeError):
        speak(text, VOICES[0], RATE)


def test_only_silence_at_the_ends_is_cut() -> None:
    wave = torch.cat([torch.zeros(5000), torch.full((100,), 0.5), torch.zeros(3000), torch.full((50,), -0.5)])
    assert torch.equal(trim_silence(wave, RATE), wave[5000 - 800 :])
    with pytest.raises(RuntimeError, match="silent"):
        trim_silence(torch.zeros(100), RATE)
