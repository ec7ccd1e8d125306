"""Prompt wave → conditioning, and codes → wave: what a synthesizer needs beside the language model."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from amharic_tts.codec.protocol import Codec, CodecFacts
from amharic_tts.errors import InputError
from amharic_tts.model.generate import Generated
from amharic_tts.model.speech_lm import SpeechLM


class Sound(Protocol):
    """What differs between bases when codes become sound."""

    codec: CodecFacts | None
    """Of the codes that the model says; None where an exported folder does not tell."""
    prompt_rate: int
    """Hz of the prompts that it takes."""
    sample_rate: int
    """Hz of the waves that it makes."""
    needs_wave: bool
    """The voice is in no code: the prompt's wave itself is needed, a stored prompt is not enough."""

    def conditioning(self, wave: Tensor) -> Tensor:
        """What the model is conditioned on (rows, width), from a prompt `wave` (samples,)."""

    def waves(
        self, model: SpeechLM, prompt: Tensor, ids: Sequence[Tensor], spoken: Sequence[Generated], wave: Tensor | None
    ) -> list[Tensor]:
        """The waves (samples,), float32 on the CPU, of what the model said in one voice.

        prompt: its conditioning (rows, width); ids: the texts that were said; wave: the prompt, None for a stored one.
        """


class CodecSound:
    """A codec whose codes hold the voice: it needs neither the model nor the prompt."""

    needs_wave = False

    def __init__(self, codec: Codec):
        self.codec = codec
        self.prompt_rate = self.sample_rate = codec.sample_rate

    def conditioning(self, wave: Tensor) -> Tensor:
        return self.codec.conditioning(wave)

    def waves(
        self, model: SpeechLM, prompt: Tensor, ids: Sequence[Tensor], spoken: Sequence[Generated], wave: Tensor | None
    ) -> list[Tensor]:
        return [self.codec.decode(one.codes, wave) for one in spoken]


def require_wave(wave: Tensor | None) -> Tensor:
    """The prompt's wave. Raises InputError where a stored prompt would be all there is."""
    if wave is None:
        raise InputError(
            "IndexTTS-2's codes leave the voice out, so it needs a recording to speak in: give --prompt voice.wav, some "
            "seconds of one person"
        )
    return wave
