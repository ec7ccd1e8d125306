"""What IndexTTS-2's codes and conditioning were made with, without the weights that made them.

Extraction writes it beside the features; shards and checkpoints carry it. So training on features needs neither the
five gigabytes of the base nor their licences, and features of another base are still told apart.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from amharic_tts.codec.protocol import RECORD_FILE
from amharic_tts.errors import InputError
from amharic_tts.publish import publish

KIND = "indextts2"
FORMAT = 1
COMMAND = "python tools/extract_features.py"


@dataclass(frozen=True, kw_only=True)
class IndexTTS2Codes:
    """A `CodecFacts` without encode and decode. Raises ValueError for values that contradict each other.

    codes: fingerprint of what makes the codes: w2v-bert's weights, its statistics, the semantic codec.
    encoders: fingerprint of the prompt encoder's tensors; "" where frames are stored, which it has no part in.
    conditioning: "latents", a fixed number of rows as wide as the model, or "frames" of w2v-bert, 50 a second.
    """

    codes: str
    encoders: str
    conditioning: Literal["latents", "frames"]
    conditioning_width: int
    conditioning_rows: int
    size: int = 8192

    rate: ClassVar[float] = 50.0
    sample_rate: ClassVar[int] = 16_000

    def __post_init__(self) -> None:
        if self.conditioning not in ("latents", "frames"):
            raise ValueError(f'conditioning must be "latents" or "frames", not {self.conditioning!r}')
        if not (isinstance(self.codes, str) and isinstance(self.encoders, str) and self.codes):
            raise ValueError(f"fingerprints must be strings, that of the codes not empty: {self.codes!r}")
        latents = self.conditioning == "latents"
        if latents != bool(self.encoders):
            raise ValueError(f"{self.conditioning} with the encoder fingerprint {self.encoders!r}")
        for name, least in (("conditioning_width", 1), ("conditioning_rows", 0), ("size", 2)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= 2**15:
                raise ValueError(f"{name} must be {least}…{2**15}, not {value!r}")
        if latents != (self.conditioning_rows > 0):
            raise ValueError(f"{self.conditioning} with conditioning_rows = {self.conditioning_rows}")

    @property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of all that it states."""
        facts = [KIND, self.rate, self.sample_rate, dataclasses.asdict(self)]
        return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()

    def save(self, directory: str | Path) -> None:
        """Writes codec.json, in one move."""
        directory = Path(directory)
        record = {"format": FORMAT, "kind": KIND, **dataclasses.asdict(self), "fingerprint": self.fingerprint}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with publish(directory / RECORD_FILE) as file:
                file.write((json.dumps(record, indent=2) + "\n").encode())
        except OSError as error:
            raise InputError(f"codec folder {directory} cannot be written ({error})") from None

    @classmethod
    def load(cls, directory: Path, record: dict) -> "IndexTTS2Codes":
        """From the parsed codec.json of `directory`. Raises InputError when it is not what was saved."""
        path = directory / RECORD_FILE
        try:
            names = [field.name for field in dataclasses.fields(cls)]
            codec = cls(**{name: record[name] for name in names})
        except (KeyError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error!r}); `{COMMAND}` into a new folder makes it anew") from None
        if (record.get("format"), record.get("fingerprint")) != (FORMAT, codec.fingerprint):
            raise InputError(
                f"{path} is damaged or of another version: it hashes to {codec.fingerprint}, and says fingerprint "
                f"{record.get('fingerprint')}, format {record.get('format')}; `{COMMAND}` into a new folder makes it anew"
            )
        return codec
