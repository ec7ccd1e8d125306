"""SentencePiece's BPE trainer, fed with counted words."""

import io
from collections.abc import Iterable, Mapping

import sentencepiece

from amharic_tts.errors import InputError

START, STOP, UNKNOWN = 0, 1, 2
RESERVED = 3 + 256  # start, stop, unknown and the bytes
SPACE = "▁"  # SentencePiece's sign for the space before a word


def train_bpe(words: Mapping[str, int], size: int, alphabet: Iterable[str]) -> bytes:
    """A BPE model of `size` pieces with byte fallback, in which every character of `alphabet` is a piece.

    words: how often each occurs; their order does not matter, and the same counts give the same bytes. Raises InputError
    when there is no word, or no vocabulary of this size (naming the size that works).
    """
    if not words:
        raise InputError("there is no text to train a vocabulary on")
    letters = set(alphabet).union(*words) - {" "}
    # the space is a letter of every vocabulary, since add_dummy_prefix puts it before every text
    smallest = RESERVED + len(letters | {SPACE})
    if size < smallest:
        raise InputError(
            f"a vocabulary of {size} is too small for {len(letters)} letters and marks: the smallest that works is {smallest}"
        )
    try:
        return _train(words, size, letters, byte_fallback=True, hard_vocab_limit=True)
    except RuntimeError as error:
        try:
            largest = piece_count(_train(words, size, letters, byte_fallback=True, hard_vocab_limit=False))
        except RuntimeError:
            largest = size
        if largest >= size:  # not the size then
            raise InputError(f"SentencePiece cannot train on these texts: {error}") from None
        raise InputError(
            f"a vocabulary of {size} is too large for these texts: the largest that works is {largest}"
        ) from None


def ranked_pieces(words: Mapping[str, int], amount: int) -> tuple[list[str], bool]:
    """About `amount` pieces that BPE finds in `words`: the letters, commonest first, then its merges in their order.

    Also whether these are all that BPE finds. With a larger amount the list goes on; it does not change.
    """
    letters = set().union(*words)
    ask = amount + 4 + len(letters)
    model = _train(words, ask, letters, byte_fallback=False, hard_vocab_limit=False)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [processor.id_to_piece(one) for one in range(3, processor.get_piece_size())]
    return sorted(pieces, key=lambda piece: len(piece) > 1), processor.get_piece_size() < ask


def piece_count(model: bytes) -> int:
    """Number of ids of a model."""
    return sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size()


def _train(words: Mapping[str, int], size: int, letters: Iterable[str], **how: bool) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(f"{word}\t{words[word]}" for word in sorted(words)),
        input_format="tsv",
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        character_coverage=1.0,
        required_chars="".join(sorted(letters)),
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
        # longer words than the default 4192 bytes would be left out without a word
        max_sentence_length=max(len(word.encode()) for word in words) + 32,
        minloglevel=2,
        **how,
    )
    return model.getvalue()
