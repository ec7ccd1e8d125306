"""What every codec offers: the facts that its codes are read by, and the work of making and speaking them."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

RECORD_FILE = "codec.json"
"""In a codec's folder: its kind and what it is; written last."""


@runtime_checkable
class CodecFacts(Protocol):
    """What codes and conditioning mean. Shards and training need no more of a codec than this.

    rate: codes per second. size: codes are 0…size-1. sample_rate: Hz of every wave.
    conditioning_width: width of the features that a model is conditioned on.
    conditioning_rows: how many rows every prompt has; 0: as many as it has frames.
    fingerprint: hash (32 hex digits); codes and conditioning of another fingerprint mean something else.
    """

    rate: float
    size: int
    sample_rate: int
    conditioning_width: int
    conditioning_rows: int

    @property
    def fingerprint(self) -> str: ...

    def save(self, directory: str | Path) -> None:
        """Writes the codec into `directory`, for `amharic_tts.codec.load.load_codec`."""


@runtime_checkable
class Codec(CodecFacts, Protocol):
    """Turns waves into discrete codes and back."""

    def encode(self, wave: Tensor) -> Tensor:
        """Codes of `wave` (samples,): int16 (frames,)."""

    def decode(self, codes: Tensor, prompt: Tensor | None = None) -> Tensor:
        """The wave (samples,), float32, of `codes` (frames,); `prompt` is a wave of the speaker, for codecs whose
        codes leave the voice out."""

    def conditioning(self, wave: Tensor) -> Tensor:
        """Features of a prompt `wave` (samples,): float32 (rows, conditioning_width)."""
