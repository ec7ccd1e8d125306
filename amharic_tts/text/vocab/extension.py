"""Growing the vocabulary of a base model by Amharic pieces, none of them dead.

The new pieces are user-defined pieces of SentencePiece: wherever one matches, the longest is taken and frozen, before
the base's own merges begin. So no piece needs another one as its parent, one that the corpus never uses can be taken
out without harm to the others, and text in which no new piece matches is encoded as the base encodes it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import sentencepiece

from amharic_tts.errors import InputError
from amharic_tts.text.vocab.base import PIECE, Base, proto
from amharic_tts.text.vocab.bpe import SPACE, ranked_pieces

LARGEST = 2**16  # ids are stored as uint16 in the shards
WORDS_AT_ONCE = 20_000


def extend_model(
    base: Base,
    words: Mapping[str, int],
    size: int,
    alphabet: Collection[str],
    progress: Callable[[int, int], object] = lambda pieces, dead: None,
) -> bytes:
    """The base with pieces appended until it has `size`: every base piece keeps its id, score and type.

    words: the corpus, in the letter case of the base. What of `alphabet` the base cannot spell is added too, whether it
    occurs or not. Every piece that is added occurs in the encoding of the corpus by the extended model; those that had to
    be added for the alphabet occur there or in the texts of a single character. `progress` is called in each round with
    the pieces at hand and the dead ones among them. Raises InputError for a size that cannot be reached, naming the
    smallest or largest that works.
    """
    needed = [] if base.byte_fallback else [sign for sign in [SPACE, *sorted(alphabet - {" "})] if not base.spell(sign)]
    smallest = base.size + max(1, len(needed))
    if size < smallest:
        raise InputError(
            f"a size of {size} is too small to extend {base.name}, which has {base.size} pieces, by the "
            f"{len(needed)} letters and marks that it cannot spell: the smallest that works is {smallest}"
        )
    if size > LARGEST:
        raise InputError(f"a vocabulary of {size} is too large: ids are stored in 16 bits, at most {LARGEST}")
    if not words:
        raise InputError("there is no text to train a vocabulary on")
    choice = _Choice(base, words, needed, sorted(alphabet - {" "}), progress)
    if added := choice.alive(size - base.size):
        return extended_model(base, added)
    if not (most := choice.most(size - base.size)):
        raise InputError(f"this corpus has no Amharic piece that {base.name} has not")
    raise InputError(
        f"a size of {size} is too large for this corpus, for every added piece must occur in it: the largest that works "
        f"is {base.size + most}"
    )


def extended_model(base: Base, added: Sequence[str]) -> bytes:
    """The base model with `added` appended."""
    model = proto.ModelProto.FromString(base.model)
    # ▁ alone stays an ordinary piece, below all others, for as a user-defined one it would be cut off every Latin word
    lowest = min(piece.score for piece in base.proto.pieces) - 100.0
    for piece in added:
        if piece == SPACE:
            model.pieces.add(piece=piece, score=lowest, type=PIECE.NORMAL)
        else:
            model.pieces.add(piece=piece, score=0.0, type=PIECE.USER_DEFINED)
    model.trainer_spec.vocab_size = len(model.pieces)
    return model.SerializeToString()


class _Choice:
    """Which pieces are added: the first of a ranking, without those that turned out dead."""

    def __init__(
        self, base: Base, words: Mapping[str, int], needed: list[str], alphabet: list[str], progress: Callable
    ) -> None:
        self._base, self._words, self._needed, self._alphabet = base, words, needed, alphabet
        self._texts, self._progress = sorted(words), progress
        self._candidates: list[str] = []
        self._exhausted = False

    def alive(self, amount: int) -> list[str] | None:
        """`amount` pieces that all occur in the texts, or None when there are not so many."""
        banned: set[str] = set()
        while len(chosen := self._first(amount, banned)) == amount:
            dead = self._unused(chosen)
            self._progress(amount, len(dead))
            # a letter that must stay is dead where it only begins words, with ▁ in one piece: then that one goes
            swallowed = {SPACE + piece for piece in dead.intersection(self._needed)}
            out = swallowed.intersection(chosen) | dead.difference(self._needed)
            if not out:
                return chosen
            banned |= out
        return None

    def most(self, too_many: int) -> int:
        """The largest number of pieces, below one that does not work, that works where one more does not."""
        works = len(self._needed)
        while too_many - works > 1:
            middle = (works + too_many) // 2
            if self.alive(middle):
                works = middle
            else:
                too_many = middle
        return works

    def _first(self, amount: int, banned: set[str]) -> list[str]:
        wanted = amount - len(self._needed)
        while True:
            chosen = [piece for piece in self._candidates if piece not in banned][:wanted]
            if len(chosen) == wanted or self._exhausted:
                return [*self._needed, *chosen]
            ask = max(2 * len(self._candidates), 2 * amount + 1000)
            ranked, self._exhausted = ranked_pieces(self._words, ask)
            known = self._base.pieces | set(self._needed)
            self._candidates = [piece for piece in ranked if piece not in known and is_ethiopic(piece)]

    def _unused(self, added: list[str]) -> set[str]:
        """Those of `added` that do not occur in the words; needed ones may occur in a text of one letter instead."""
        model = extended_model(self._base, added)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        ids = range(self._base.size, processor.get_piece_size())
        in_words, alone = _occurs(processor, self._texts), _occurs(processor, self._alphabet)
        needed = set(self._needed)
        return {piece for one, piece in zip(ids, added) if not (in_words[one] or (piece in needed and alone[one]))}


def _occurs(processor: sentencepiece.SentencePieceProcessor, texts: Sequence[str]) -> np.ndarray:
    """Whether each id occurs in the texts, (ids,) bool."""
    found = np.zeros(processor.get_piece_size(), dtype=bool)
    for start in range(0, len(texts), WORDS_AT_ONCE):
        for ids in processor.encode(texts[start : start + WORDS_AT_ONCE], out_type=int):
            found[ids] = True
    return found


def is_ethiopic(piece: str) -> bool:
    """Whether a piece is of Ethiopic letters (and marks of gemination) alone, after the space before a word."""
    letters = piece.removeprefix(SPACE)
    return letters != "" and all("\u1200" <= sign <= "\u135f" for sign in letters)
