"""The manifest: one JSON line per utterance, with one typed schema, one writer and one reader."""

import dataclasses
import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

import numpy as np

from amharic_tts.errors import InputError
from amharic_tts.publish import publish

ID_BYTES = 16
_ID = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One utterance. Raises InputError when a value breaks the schema.

    id: content hash of samples and text (`row_id`), 32 hex digits; the key of the row in the shards.
    audio: path relative to the manifest's folder, which it cannot leave.
    start, end: the utterance's place in the audio file in seconds; None is the file's beginning or end.
    text: as written, before any normalisation.
    recording: names the session; rows of one recording share its acoustics.
    language: BCP 47 code. duration: seconds. scores: named quality figures, for instance {"dnsmos": 3.4}.
    """

    id: str
    audio: str
    text: str
    speaker: str
    recording: str
    duration: float
    language: str = "am"
    start: float | None = None
    end: float | None = None
    emotion: str | None = None
    scores: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "audio", "text", "speaker", "recording", "language"):
            _require(isinstance(getattr(self, name), str), f"{name} must be a string, not {getattr(self, name)!r}")
        for name in ("speaker", "recording", "language"):
            _require(getattr(self, name) != "", f"{name} is empty")
        _require(bool(_ID.fullmatch(self.id)), f"id must be {2 * ID_BYTES} hex digits (row_id makes it): {self.id!r}")
        _require(_number(self.duration) and self.duration >= 0, f"duration must be seconds: {self.duration!r}")
        for name in ("start", "end"):
            value = getattr(self, name)
            _require(value is None or (_number(value) and value >= 0), f"{name} must be seconds or absent: {value!r}")
        if self.end is not None:
            _require(self.end > (self.start or 0.0), f"end {self.end} is not after start {self.start or 0.0}")
        _require(self.emotion is None or isinstance(self.emotion, str), f"emotion must be a string: {self.emotion!r}")
        good = isinstance(self.scores, dict) and all(isinstance(k, str) and _number(v) for k, v in self.scores.items())
        _require(good, f"scores must map names to numbers: {self.scores!r}")
        path = PurePosixPath(self.audio)
        inside = self.audio != "" and "\0" not in self.audio and not path.is_absolute() and ".." not in path.parts
        _require(inside, f"audio path must stay in the manifest's folder: {self.audio!r}")

    def to_json(self) -> str:
        """One line of JSON without the newline; keys in the order of the schema, absent optional values left out."""
        values = dataclasses.asdict(self)
        kept = {name: value for name, value in values.items() if value is not None and value != {}}
        return json.dumps(kept, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> "Row":
        """Raises InputError (without the line's place, which the caller knows) for anything but a valid row."""
        try:
            values = json.loads(line)
        except ValueError as error:  # also UnicodeDecodeError
            raise InputError(f"not valid JSON ({error})") from None
        _require(isinstance(values, dict), f"a row must be a JSON object, not {type(values).__name__}")
        for name in values.keys() - _KEYS:
            near = difflib.get_close_matches(name, _KEYS, n=1)
            raise InputError(f"unknown key {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        for name in _NEEDED - values.keys():
            raise InputError(f"key {name!r} is missing")
        return cls(**values)


_KEYS = {part.name for part in dataclasses.fields(Row)}
_NEEDED = {"id", "audio", "text", "speaker", "recording", "duration"}


def row_id(samples: np.ndarray, text: str) -> str:
    """The id of an utterance: hash of its samples (any 1-d float array or tensor, as 16-bit PCM) and its raw text."""
    waveform = np.asarray(samples, dtype=np.float64)
    pcm = np.clip(np.rint(waveform * 32767.0), -32768, 32767).astype("<i2")
    digest = hashlib.blake2b(pcm.tobytes(), digest_size=ID_BYTES)
    digest.update(b"\0" + text.encode())
    return digest.hexdigest()


def audio_path(manifest: Path, row: Row) -> Path:
    """Where the audio of a row lies. `Row` has refused paths that leave the manifest's folder."""
    return Path(manifest).parent / row.audio


def manifest_lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yields (line number from 1, byte offset, line) of every line that is not blank. InputError: no such file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"manifest {path} does not exist; `python tools/make_demo_corpus.py` makes one for the demo")
    offset = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, offset, line
            offset += len(line)


def read_manifest(path: Path) -> list[Row]:
    """All rows of a manifest. Raises InputError that names the file and line of the first bad row."""
    rows = []
    for number, _, line in manifest_lines(path):
        try:
            rows.append(Row.from_json(line))
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from None
    return rows


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Writes the manifest in one move: a reader sees the old file or the whole new one."""
    with publish(Path(path)) as file:
        for row in rows:
            file.write(row.to_json().encode() + b"\n")


class RejectReason(StrEnum):
    """Why an input did not become a row of the shards."""

    INVALID_ROW = "invalid_row"
    DUPLICATE_ID = "duplicate_id"
    AUDIO_MISSING = "audio_missing"
    AUDIO_UNREADABLE = "audio_unreadable"
    AUDIO_EMPTY = "audio_empty"
    TEXT_UNREADABLE = "text_unreadable"
    TEXT_EMPTY = "text_empty"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    OUT_OF_MEMORY = "out_of_memory"
    NOT_FINITE = "not_finite"
    FEATURES_MISSING = "features_missing"


@dataclass(frozen=True, kw_only=True)
class Reject:
    """One rejected line of a manifest: `line` counts from 1, `id` is empty where the line has no readable one."""

    line: int
    id: str
    reason: RejectReason
    detail: str

    def to_json(self) -> str:
        """One line of JSON without the newline."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_dict(cls, values: dict) -> "Reject":
        """From parsed JSON. Raises ValueError for an unknown reason."""
        return cls(**{**values, "reason": RejectReason(values["reason"])})


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Writes rejects.jsonl in one move, in the order of the manifest's lines."""
    with publish(Path(path)) as file:
        for reject in sorted(rejects, key=lambda one: one.line):
            file.write(reject.to_json().encode() + b"\n")


def read_rejects(path: Path) -> list[Reject]:
    """The rows of rejects.jsonl."""
    with open(path, "rb") as file:  # lines end at \n alone: a detail may hold other characters that break lines
        return [Reject.from_dict(json.loads(line)) for line in file]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
