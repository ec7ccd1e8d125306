"""The vocabulary of a base model: what of it must hold before it is extended, and what it can spell."""

import hashlib
import string
from pathlib import Path

import sentencepiece
from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2 as proto

from amharic_tts.errors import InputError
from amharic_tts.text.vocab.bpe import SPACE, START, STOP, UNKNOWN

PIECE = proto.ModelProto.SentencePiece
KINDS = {PIECE.NORMAL: "normal", PIECE.UNKNOWN: "unknown", PIECE.CONTROL: "control", PIECE.USER_DEFINED: "user defined",
         PIECE.UNUSED: "unused", PIECE.BYTE: "byte"}  # fmt: skip
EXPECTED = {START: ("start", PIECE.CONTROL), STOP: ("stop", PIECE.CONTROL), UNKNOWN: ("unknown", PIECE.UNKNOWN)}


class Base:
    """A SentencePiece model (BPE or unigram) that can be extended. Raises InputError for one that cannot.

    name: the file, for messages.
    """

    def __init__(self, model: bytes, name: str) -> None:
        self.model, self.name = model, name
        try:
            self.proto = proto.ModelProto.FromString(model)
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (DecodeError, RuntimeError):
            raise InputError(f"{name} is no SentencePiece model") from None
        self._require()
        self.size = len(self.proto.pieces)
        self.sha256 = hashlib.sha256(model).hexdigest()
        self.byte_fallback = self.proto.trainer_spec.byte_fallback
        self.pieces = {piece.piece for piece in self.proto.pieces}
        # the same pieces without the space that is put before a text: spells what stands inside a word
        inside = proto.ModelProto.FromString(model)
        inside.normalizer_spec.add_dummy_prefix = False
        self._inside = sentencepiece.SentencePieceProcessor(model_proto=inside.SerializeToString())
        self.casing = self._casing()

    @classmethod
    def read(cls, path: Path) -> "Base":
        """Reads a model file."""
        try:
            model = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"base model {path} cannot be read ({error.strerror})") from None
        return cls(model, str(path))

    @property
    def ordinary(self) -> list[int]:
        """Ids of the pieces that stand for text: neither control nor unknown, byte or unused."""
        return [one for one, piece in enumerate(self.proto.pieces) if piece.type == PIECE.NORMAL]

    def spell(self, piece: str) -> list[int]:
        """Base ids that spell a piece (▁ is the space before a word); empty when the base cannot, or only in bytes."""
        if piece == SPACE:
            ids = [self._processor.piece_to_id(SPACE)]
        elif piece.startswith(SPACE):
            ids = self._processor.encode(piece.removeprefix(SPACE), out_type=int)
        else:
            ids = self._inside.encode(piece, out_type=int)
        spelled = all(one != UNKNOWN and not self._processor.is_byte(one) for one in ids)
        return ids if spelled else []

    def _casing(self) -> str:
        """The letter case that Latin text must be put in for this base; IndexTTS-2's knows capitals only."""
        lower, upper = (
            sum(bool(self.spell(letter)) for letter in letters)
            for letters in (string.ascii_lowercase, string.ascii_uppercase)
        )
        if 2 * lower < upper:
            return "upper"
        return "lower" if 2 * upper < lower else "as_written"

    def _require(self) -> None:
        pieces, trainer, normaliser = self.proto.pieces, self.proto.trainer_spec, self.proto.normalizer_spec
        if not pieces:  # an empty file
            raise InputError(f"{self.name} is no SentencePiece model")
        for one, (use, kind) in EXPECTED.items():
            found = f"{pieces[one].piece!r} ({KINDS[pieces[one].type]})" if one < len(pieces) else "missing"
            if one >= len(pieces) or pieces[one].type != kind:
                raise InputError(
                    f"{self.name}: id {one} must be {use} ({KINDS[kind]} piece), as in the base models, but is {found}; "
                    "with it the model would take a letter for the end of a text: give the base model's own tokenizer"
                )
        if self._processor.bos_id() == STOP or self._processor.eos_id() == START:
            raise InputError(
                f"{self.name}: id 0 must be start and id 1 stop, as in the base models; here they are swapped"
            )
        if trainer.model_type not in (proto.TrainerSpec.BPE, proto.TrainerSpec.UNIGRAM):
            kind = proto.TrainerSpec.ModelType.Name(trainer.model_type)
            raise InputError(f"{self.name} is a {kind} model; only BPE and UNIGRAM models can be extended")
        if trainer.treat_whitespace_as_suffix or not (normaliser.add_dummy_prefix and normaliser.escape_whitespaces):
            raise InputError(
                f"{self.name} does not put ▁ before every word (add_dummy_prefix, escape_whitespaces on, "
                "treat_whitespace_as_suffix off), so its words cannot be extended one by one"
            )
