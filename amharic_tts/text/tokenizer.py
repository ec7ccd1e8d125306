"""SentencePiece BPE behind the text front-end: raw text in, ids out.

Ids 0, 1 and 2 are start, stop and unknown; the next 256 are the bytes that a character outside the vocabulary falls
back to, so unknown never occurs. A space stands before every word, the first one too (add_dummy_prefix), so a word has
the same pieces wherever it stands.
"""

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path

import sentencepiece

from amharic_tts.errors import InputError
from amharic_tts.text.front_end import TextFrontEnd

START, STOP, UNKNOWN = 0, 1, 2
RESERVED = 3 + 256  # start, stop, unknown and the bytes

MODEL_FILE, FRONT_END_FILE, RECORD_FILE = "bpe.model", "front_end.json", "tokenizer.json"
FORMAT = 1
COMMAND = "python tools/train_tokenizer.py"


class Tokenizer:
    """Text to ids and back. Made by `train_tokenizer` or `Tokenizer.load`."""

    def __init__(self, model: bytes, front_end: TextFrontEnd) -> None:
        self.front_end = front_end
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @property
    def size(self) -> int:
        """Number of ids."""
        return self._processor.get_piece_size()

    @property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of the pieces and the front-end: the same ids for every text, or another hash."""
        digest = hashlib.blake2b(self._model, digest_size=16)
        digest.update(self.front_end.fingerprint.encode())
        return digest.hexdigest()

    def encode(self, raw_text: str) -> list[int]:
        """Ids of the normalised text, without start and stop. Raises TextError for text that cannot be read."""
        return self._processor.encode(self.front_end.normalise(raw_text), out_type=int)

    def decode(self, ids: Iterable[int]) -> str:
        """The normalised text of `ids`; start and stop are passed over. Raises ValueError for an id out of range."""
        kept = [int(one) for one in ids if one not in (START, STOP)]
        if any(not 0 <= one < self.size for one in kept):
            raise ValueError(f"ids must be 0…{self.size - 1}: {kept}")
        return self._processor.decode(kept)

    def save(self, directory: str | Path) -> None:
        """Writes bpe.model, front_end.json and, last, tokenizer.json with the fingerprint that `load` checks."""
        directory = Path(directory)
        record = {"format": FORMAT, "size": self.size, "fingerprint": self.fingerprint}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / MODEL_FILE).write_bytes(self._model)
            (directory / FRONT_END_FILE).write_text(self.front_end.to_json(), encoding="utf-8")
            (directory / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"tokenizer folder {directory} cannot be written ({error})") from None

    @classmethod
    def load(cls, directory: str | Path) -> "Tokenizer":
        """Reads what `save` wrote. Raises InputError when a file is missing, or is not what was saved."""
        directory = Path(directory)
        try:
            record = json.loads((directory / RECORD_FILE).read_text(encoding="utf-8"))
            model = (directory / MODEL_FILE).read_bytes()
            front_end_json = (directory / FRONT_END_FILE).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise InputError(f"tokenizer file {error.filename} does not exist; `{COMMAND}` makes it") from None
        except (OSError, ValueError) as error:
            raise InputError(f"tokenizer in {directory} cannot be read ({error}); `{COMMAND}` makes it anew") from None
        try:
            tokenizer = cls(model, TextFrontEnd.from_json(front_end_json))
        except InputError as error:
            raise InputError(f"{directory / FRONT_END_FILE}: {error}") from None
        except RuntimeError:
            raise InputError(f"{directory / MODEL_FILE} is no SentencePiece model; `{COMMAND}` makes it anew") from None
        if not isinstance(record, dict) or record.get("fingerprint") != tokenizer.fingerprint:
            raise InputError(
                f"tokenizer in {directory} is not the one that was saved there: its files hash to "
                f"{tokenizer.fingerprint}, {RECORD_FILE} says otherwise; `{COMMAND}` makes it anew"
            )
        return tokenizer


def train_tokenizer(
    texts: Iterable[str], front_end: TextFrontEnd, size: int, directory: str | Path | None = None
) -> Tokenizer:
    """Learns `size` pieces from raw `texts` and saves the tokenizer in `directory` if one is given.

    The same texts in the same order give the same bytes. Raises TextError for a text that the front-end cannot read,
    and InputError when there is no text, or when no vocabulary of this size exists (saying which sizes do).
    """
    normal = [text for text in (front_end.normalise(raw) for raw in texts) if text]
    if not normal:
        raise InputError("there is no text to train a tokenizer on")
    # ▁ (the space) is a letter of every vocabulary, since add_dummy_prefix puts it before every text
    smallest = RESERVED + len(set("".join(normal)) | {" "})
    if size < smallest:
        raise InputError(f"a vocabulary of {size} is too small for these texts: the smallest that works is {smallest}")
    try:
        model = _train(normal, size, exact=True)
    except RuntimeError as error:
        largest = sentencepiece.SentencePieceProcessor(model_proto=_train(normal, size, exact=False)).get_piece_size()
        if largest >= size:  # not the size then
            raise InputError(f"SentencePiece cannot train on these texts: {error}") from None
        raise InputError(
            f"a vocabulary of {size} is too large for these texts: the largest that works is {largest}"
        ) from None
    tokenizer = Tokenizer(model, front_end)
    if directory is not None:
        tokenizer.save(directory)
    return tokenizer


def _train(texts: list[str], size: int, exact: bool) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=exact,
        byte_fallback=True,
        character_coverage=1.0,
        # the front-end has normalised already, and nothing may come after it
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        bos_id=START,
        eos_id=STOP,
        unk_id=UNKNOWN,
        pad_id=-1,
        # several threads may count pairs in another order
        num_threads=1,
        # longer texts than the default 4192 bytes would be left out without a word
        max_sentence_length=max(len(text.encode()) for text in texts) + 1,
        minloglevel=2,
    )
    return model.getvalue()
