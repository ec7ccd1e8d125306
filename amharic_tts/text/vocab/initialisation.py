"""From which rows of the base model each row that an extended vocabulary adds starts its training.

Written beside the model as initialisation.json:

    format        1
    base_size     ids of the base; the added ones follow
    base_sha256   of the base's model file
    model_sha256  of the extended bpe.model
    ordinary      [first, last] ranges of the base's ordinary pieces
    rows          one for each added id, in order: {"id", "piece", "how", "from", "romanised"}

`how` is "piece" where the base spells the piece itself, "romanised" where it spells the Latin letters in "romanised", in
the letter case that it knows; the row starts as the mean of the base rows in "from". It is "mean" where nothing spells
the piece, as with a mark; "from" is then left out and stands for all ordinary rows. Bytes do not count as spelling.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import sentencepiece

from amharic_tts.errors import InputError
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.casing import CASINGS
from amharic_tts.text.vocab.romanise import romanise

FORMAT = 1
PIECE, ROMANISED, MEAN = "piece", "romanised", "mean"


class NewRow(NamedTuple):
    """One added row: its id and piece, and the base ids whose mean it starts from."""

    id: int
    piece: str
    how: str
    sources: tuple[int, ...]
    romanised: str = ""


@dataclass(frozen=True)
class Initialisation:
    """The plan of an extended vocabulary: one row for each added id, in order."""

    base_size: int
    base_sha256: str
    model_sha256: str
    ordinary: tuple[int, ...]
    rows: tuple[NewRow, ...]

    def found(self) -> dict[str, int]:
        """How many rows were found in which way."""
        counts = Counter(row.how for row in self.rows)
        return {how: counts[how] for how in (PIECE, ROMANISED, MEAN)}

    def require(self, model: bytes) -> None:
        """Raises InputError unless this is the plan of the extended `model`, with each added row once and no other."""
        if self.model_sha256 != hashlib.sha256(model).hexdigest():
            raise InputError("the initialisation plan belongs to another model")
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        expected = [(one, processor.id_to_piece(one)) for one in range(self.base_size, processor.get_piece_size())]
        if [(row.id, row.piece) for row in self.rows] != expected:
            raise InputError("the initialisation plan does not have each added row once, in order")
        for row in self.rows:
            if not row.sources or not all(0 <= one < self.base_size for one in row.sources):
                raise InputError(f"the initialisation plan has no base ids below {self.base_size} for row {row.id}")

    def require_base(self, base_model: bytes) -> None:
        """Raises InputError unless `base_model` is the file that was extended."""
        found = hashlib.sha256(base_model).hexdigest()
        if found != self.base_sha256:
            raise InputError(f"the vocabulary extends a base with sha256 {self.base_sha256}, this one has {found}")

    def to_json(self) -> str:
        """One line for each row."""
        head = {
            "format": FORMAT,
            "base_size": self.base_size,
            "base_sha256": self.base_sha256,
            "model_sha256": self.model_sha256,
            "ordinary": _ranges(self.ordinary),
        }
        lines = [json.dumps(_record(row), ensure_ascii=False) for row in self.rows]
        return json.dumps(head, indent=2)[:-2] + ',\n  "rows": [\n' + ",\n".join(lines) + "\n]}\n"

    @classmethod
    def from_json(cls, text: str) -> "Initialisation":
        """Raises InputError for anything but what `to_json` gives."""
        try:
            values = json.loads(text)
            ordinary = tuple(one for first, last in values["ordinary"] for one in range(first, last + 1))
            rows = tuple(_row(record, ordinary) for record in values["rows"])
            if values["format"] != FORMAT:
                raise ValueError(f"its format is {values['format']}, not {FORMAT}")
            return cls(values["base_size"], values["base_sha256"], values["model_sha256"], ordinary, rows)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"not an initialisation plan ({error!r})") from None


def plan_initialisation(base: Base, model: bytes) -> Initialisation:
    """The plan for an extended `model` of `base`."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    added = range(base.size, processor.get_piece_size())
    ordinary = tuple(base.ordinary)
    rows = tuple(_start(base, one, processor.id_to_piece(one), ordinary) for one in added)
    return Initialisation(base.size, base.sha256, hashlib.sha256(model).hexdigest(), ordinary, rows)


def _start(base: Base, one: int, piece: str, ordinary: tuple[int, ...]) -> NewRow:
    if spelled := base.spell(piece):
        return NewRow(one, piece, PIECE, tuple(spelled))
    # a base that knows both cases has met most words in small letters
    casing = CASINGS["lower" if base.casing == "as_written" else base.casing]
    latin = casing(romanise(piece))
    if latin.strip("▁") and (spelled := base.spell(latin)):
        return NewRow(one, piece, ROMANISED, tuple(spelled), latin)
    return NewRow(one, piece, MEAN, ordinary)


def _record(row: NewRow) -> dict:
    record: dict = {"id": row.id, "piece": row.piece, "how": row.how}
    if row.how != MEAN:
        record["from"] = row.sources
    if row.how == ROMANISED:
        record["romanised"] = row.romanised
    return record


def _row(record: dict, ordinary: tuple[int, ...]) -> NewRow:
    how = record["how"]
    if how not in (PIECE, ROMANISED, MEAN):
        raise ValueError(f"how is {how!r}")
    sources = ordinary if how == MEAN else tuple(record["from"])
    return NewRow(record["id"], record["piece"], how, sources, record["romanised"] if how == ROMANISED else "")


def _ranges(ids: tuple[int, ...]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for one in ids:
        if ranges and ranges[-1][1] == one - 1:
            ranges[-1][1] = one
        else:
            ranges.append([one, one])
    return ranges
