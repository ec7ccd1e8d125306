"""What every codec offers."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Codec(Protocol):
    """Turns waves into discrete codes and back.

    rate: codes per second. size: codes are 0…size-1. sample_rate: Hz of every wave.
    conditioning_width: width of the features that a model is conditioned on.
    fingerprint: hash (32 hex digits); codes of another fingerprint mean something else.
    """

    rate: float
    size: int
    sample_rate: int
    conditioning_width: int

    @property
    def fingerprint(self) -> str: ...

    def encode(self, wave: Tensor) -> Tensor:
        """Codes of `wave` (samples,): int16 (frames,)."""

    def decode(self, codes: Tensor, prompt: Tensor | None = None) -> Tensor:
        """The wave (samples,), float32, of `codes` (frames,); `prompt` is a wave of the speaker, for codecs whose
        codes leave the voice out."""

    def conditioning(self, wave: Tensor) -> Tensor:
        """Features of a prompt `wave` (samples,): float32 (frames, conditioning_width)."""

    def save(self, directory: str | Path) -> None:
        """Writes the codec into `directory`, for `amharic_tts.codec.load.load_codec`."""
