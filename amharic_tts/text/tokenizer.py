"""SentencePiece behind the text front-end: raw text in, ids out.

Ids 0, 1 and 2 are start, stop and unknown. In a vocabulary that is trained here the next 256 are the bytes that a
character outside the vocabulary falls back to; one that extends a base model begins with the base's ids. In neither does
unknown ever occur. A space stands before every word, the first one too (add_dummy_prefix), so a word has the same
pieces wherever it stands.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import sentencepiece

from amharic_tts.errors import InputError
from amharic_tts.publish import publish
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.bpe import START, STOP, UNKNOWN, train_bpe
from amharic_tts.text.vocab.casing import CASINGS
from amharic_tts.text.vocab.corpus import count_words
from amharic_tts.text.vocab.extension import extend_model
from amharic_tts.text.vocab.initialisation import Initialisation, plan_initialisation

__all__ = [
    "START", "STOP", "UNKNOWN", "Tokenizer", "extend_vocabulary", "load_initialisation", "train_tokenizer", "train_vocabulary"
]  # fmt: skip

MODEL_FILE, FRONT_END_FILE, RECORD_FILE = "bpe.model", "front_end.json", "tokenizer.json"
PLAN_FILE = "initialisation.json"
FORMAT = 2
COMMAND = "python tools/train_vocab.py"


class Tokenizer:
    """Text to ids and back. Made by `train_tokenizer`, `train_vocabulary`, `extend_vocabulary` or `Tokenizer.load`.

    casing: the letter case in which Latin text is encoded ("as_written", "upper", "lower"). initialisation: where the
    added rows of an extended vocabulary start from; None for any other.
    """

    def __init__(
        self,
        model: bytes,
        front_end: TextFrontEnd,
        casing: str = "as_written",
        initialisation: Initialisation | None = None,
    ) -> None:
        self.front_end = front_end
        self.casing = casing
        self.initialisation = initialisation
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @property
    def size(self) -> int:
        """Number of ids."""
        return self._processor.get_piece_size()

    @property
    def base_size(self) -> int:
        """Number of ids that are those of a base model: 0 unless the vocabulary extends one."""
        return self.initialisation.base_size if self.initialisation else 0

    @property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of the pieces, the front-end and the casing: the same ids for every text, or another."""
        digest = hashlib.blake2b(self._model, digest_size=16)
        digest.update(self.front_end.fingerprint.encode())
        digest.update(self.casing.encode())
        return digest.hexdigest()

    def encode(self, raw_text: str) -> list[int]:
        """Ids of the normalised text, without start and stop. Raises TextError for text that cannot be read."""
        return self.encode_normalised(self.front_end.normalise(raw_text))

    def encode_normalised(self, normal: str) -> list[int]:
        """Ids of a text that has passed this tokenizer's front-end already."""
        return self._processor.encode(CASINGS[self.casing](normal), out_type=int)

    def decode(self, ids: Iterable[int]) -> str:
        """The normalised text of `ids`; start and stop are passed over. Raises ValueError for an id out of range."""
        kept = [int(one) for one in ids if one not in (START, STOP)]
        if any(not 0 <= one < self.size for one in kept):
            raise ValueError(f"ids must be 0…{self.size - 1}: {kept}")
        return self._processor.decode(kept)

    def pieces(self) -> list[str]:
        """The text of each id, with ▁ for the space before a word."""
        return [self._processor.id_to_piece(one) for one in range(self.size)]

    def special_ids(self) -> set[int]:
        """Ids that stand for no text of their own: control, unknown, unused."""
        p = self._processor
        return {one for one in range(self.size) if p.is_control(one) or p.is_unknown(one) or p.is_unused(one)}

    def byte_ids(self) -> set[int]:
        """Ids of single bytes."""
        return {one for one in range(self.size) if self._processor.is_byte(one)}

    def save(self, directory: str | Path) -> None:
        """Writes bpe.model, front_end.json, for an extended vocabulary initialisation.json, and, last, tokenizer.json.

        Each file is there whole or not at all, and `load` accepts only files that were saved together.
        """
        directory = Path(directory)
        plan = self.initialisation.to_json() if self.initialisation else None
        files = {MODEL_FILE: self._model, FRONT_END_FILE: self.front_end.to_json().encode()}
        files |= {PLAN_FILE: plan.encode()} if plan else {}
        files[RECORD_FILE] = (json.dumps(self._record(plan), indent=2) + "\n").encode()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for name, data in files.items():
                with publish(directory / name) as file:
                    file.write(data)
            if not plan:  # of a vocabulary that this one replaces
                (directory / PLAN_FILE).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"tokenizer folder {directory} cannot be written ({error})") from None

    @classmethod
    def load(cls, directory: str | Path) -> "Tokenizer":
        """Reads what `save` wrote. Raises InputError when a file is missing, or is not what was saved."""
        directory = Path(directory)
        try:
            record = json.loads((directory / RECORD_FILE).read_text(encoding="utf-8"))
            if not isinstance(record, dict):
                raise ValueError(f"{RECORD_FILE} holds no record")
            model = (directory / MODEL_FILE).read_bytes()
            front_end_json = (directory / FRONT_END_FILE).read_text(encoding="utf-8")
            plan = (directory / PLAN_FILE).read_text(encoding="utf-8") if record.get("initialisation") else None
        except FileNotFoundError as error:
            raise InputError(f"tokenizer file {error.filename} does not exist; `{COMMAND}` makes it") from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"tokenizer in {directory} cannot be read ({error}); `{COMMAND}` makes it anew") from None
        try:
            front_end = TextFrontEnd.from_json(front_end_json)
        except InputError as error:
            raise InputError(f"{directory / FRONT_END_FILE}: {error}") from None
        try:
            tokenizer = cls(model, front_end, str(record.get("casing")))
        except RuntimeError:
            raise InputError(f"{directory / MODEL_FILE} is no SentencePiece model; `{COMMAND}` makes it anew") from None
        if record != tokenizer._record(plan):
            raise InputError(
                f"tokenizer in {directory} is not the one that was saved there: its files hash to "
                f"{tokenizer.fingerprint}, {RECORD_FILE} says otherwise; `{COMMAND}` makes it anew"
            )
        if plan:
            tokenizer.initialisation = _checked_plan(plan, model, directory / PLAN_FILE)
        return tokenizer

    def _record(self, plan: str | None) -> dict:
        record = {"format": FORMAT, "size": self.size, "casing": self.casing, "fingerprint": self.fingerprint}
        return record | ({"initialisation": hashlib.sha256(plan.encode()).hexdigest()} if plan else {})


def train_tokenizer(
    texts: Iterable[str], front_end: TextFrontEnd, size: int, directory: str | Path | None = None
) -> Tokenizer:
    """Learns `size` pieces from raw `texts` and saves the tokenizer in `directory` if one is given.

    The same texts in any order give the same bytes. Raises TextError for a text that the front-end cannot read, and
    InputError when there is no text, or when no vocabulary of this size exists (saying which sizes do).
    """
    tokenizer = train_vocabulary(count_words(front_end.normalise(text) for text in texts), front_end, size)
    if directory is not None:
        tokenizer.save(directory)
    return tokenizer


def train_vocabulary(words: Mapping[str, int], front_end: TextFrontEnd, size: int) -> Tokenizer:
    """Learns `size` pieces from counted words of normalised text; every letter that the front-end gives is a piece."""
    return Tokenizer(train_bpe(words, size, front_end.alphabet), front_end)


def extend_vocabulary(
    base: Base, words: Mapping[str, int], front_end: TextFrontEnd, size: int, progress=lambda pieces, dead: None
) -> Tokenizer:
    """Appends pieces to those of `base` until there are `size`; see `extend_model`, which takes `progress`."""
    cased = CASINGS[base.casing]
    counts: dict[str, int] = {}
    for word, times in words.items():
        counts[cased(word)] = counts.get(cased(word), 0) + times
    model = extend_model(base, counts, size, {cased(sign) for sign in front_end.alphabet}, progress)
    return Tokenizer(model, front_end, base.casing, plan_initialisation(base, model))


def load_initialisation(directory: str | Path, base_model: str | Path | None = None) -> Initialisation:
    """The checked plan of an extended vocabulary: which base rows each added row starts from.

    Raises InputError when the folder is no extended vocabulary or not as it was saved, and, if the base's model file is
    given, when another one was extended.
    """
    plan = Tokenizer.load(directory).initialisation
    if plan is None:
        raise InputError(
            f"the vocabulary in {directory} extends no base model; `{COMMAND} --extend base.model` makes one"
        )
    if base_model is not None:
        try:
            plan.require_base(Path(base_model).read_bytes())
        except OSError as error:
            raise InputError(f"base model {base_model} cannot be read ({error.strerror})") from None
        except InputError as error:
            raise InputError(f"{base_model}: {error}") from None
    return plan


def _checked_plan(plan: str, model: bytes, path: Path) -> Initialisation:
    try:
        initialisation = Initialisation.from_json(plan)
        initialisation.require(model)
    except InputError as error:
        raise InputError(f"{path}: {error}; `{COMMAND} --extend base.model` makes it anew") from None
    return initialisation
