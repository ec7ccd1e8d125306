"""Where packing takes a row's codes and conditioning from: a codec that hears its recording, or the feature store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from torch import Tensor

from amharic_tts.audio.files import read_wave
from amharic_tts.codec.load import load_codec, require_codec
from amharic_tts.codec.protocol import Codec, CodecFacts
from amharic_tts.data.features import COMMAND, FeatureStore, read_failures
from amharic_tts.data.manifest import Reject, RejectReason, Row
from amharic_tts.errors import InputError


class Unusable(Exception):
    """A row whose recording or features cannot be had; the message says why."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Encoded:
    """What a source gives of one row.

    codes: int16 (n,). seconds: of the recording. conditioning: seconds → (rows, width), of at most so much of the
    recording's beginning. wave: (samples,), or None where the source has not read the recording.
    """

    codes: np.ndarray
    seconds: float
    conditioning: Callable[[float], np.ndarray]
    wave: Tensor | None


class Source(Protocol):
    """kind: its name in the pack plan. codec: what its codes and conditioning mean."""

    kind: str
    codec: CodecFacts

    def read(self, row: Row, path: Path) -> Encoded:
        """Codes and conditioning of a row, whose recording lies at `path`. Raises Unusable."""


@dataclass(frozen=True)
class Recordings:
    """Reads each recording and encodes it."""

    codec: Codec
    kind = "recordings"

    def read(self, row: Row, path: Path) -> Encoded:
        rate = self.codec.sample_rate
        wave = read_recording(row, path, rate)

        def conditioning(seconds: float) -> np.ndarray:
            return self.codec.conditioning(wave[: int(seconds * rate)]).cpu().numpy()

        return Encoded(self.codec.encode(wave).cpu().numpy(), len(wave) / rate, conditioning, wave)


@dataclass(frozen=True)
class StoredFeatures:
    """Takes rows from a feature store. Recordings are read only when they are to be packed too (`audio`)."""

    store: FeatureStore
    failures: dict[str, Reject]  # of extraction, by row id
    audio: bool
    kind = "features"

    @property
    def codec(self) -> CodecFacts:
        """The store's."""
        return self.store.codec

    def read(self, row: Row, path: Path) -> Encoded:
        try:
            features = self.store[row.id]
        except KeyError:
            failure = self.failures.get(row.id)
            detail = f"could not make it: {failure.detail}" if failure else "has not been run on it"
            raise Unusable(
                RejectReason.FEATURES_MISSING, f"the feature store does not hold it: `{COMMAND}` {detail}"
            ) from None
        wave = read_recording(row, path, self.codec.sample_rate) if self.audio else None
        if wave is not None and abs(len(wave) / self.codec.sample_rate - features.seconds) > 1 / self.codec.rate:
            now = len(wave) / self.codec.sample_rate
            raise Unusable(
                RejectReason.FEATURES_MISSING,
                f"its features are of {features.seconds:.2f} s of audio, but {path} has {now:.2f} s there now",
            )

        def conditioning(seconds: float) -> np.ndarray:
            """Frames are cut; a fixed number of rows says nothing of where in the recording it is from."""
            rows = features.conditioning
            return rows if self.codec.conditioning_rows else rows[: max(1, int(seconds * self.codec.rate))]

        return Encoded(features.codes, features.seconds, conditioning, wave)


def open_source(codec: Path | None, features: Path | None, audio: bool) -> Source:
    """The source of exactly one of two folders: a codec that encodes, or a feature store. Raises InputError."""
    if (codec is None) == (features is None):
        raise InputError("give the folder of a codec or that of a feature store: one of --codec and --features")
    if codec is not None:
        return Recordings(require_codec(load_codec(codec)))
    return StoredFeatures(FeatureStore.open(features), read_failures(features), audio)


def read_recording(row: Row, path: Path, sample_rate: int) -> Tensor:
    """The row's part of its audio file (samples,), at `sample_rate`. Raises Unusable with the reason."""
    if not path.is_file():
        raise Unusable(RejectReason.AUDIO_MISSING, f"its audio file {path} does not exist")
    if _is_empty(path):
        raise Unusable(RejectReason.AUDIO_EMPTY, f"its audio file {path} has no samples")
    try:
        return read_wave(path, sample_rate, row.start, row.end)
    except InputError as error:
        raise Unusable(RejectReason.AUDIO_UNREADABLE, str(error)) from None


def _is_empty(path: Path) -> bool:
    """Whether a file holds no audio at all; what cannot be read is for `read_wave` to say."""
    try:
        return path.stat().st_size == 0 or soundfile.info(str(path)).frames == 0
    except (OSError, soundfile.LibsndfileError):
        return False
