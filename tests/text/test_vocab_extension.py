"""Laws of an extended vocabulary: the base's ids stay, nothing that is added is dead, nothing is unknown."""

import functools
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2 as proto
from text.base_models import SIGNS, base_model, processor

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.errors import InputError
from amharic_tts.text.alphabet import LETTERS
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.numbers import cardinal
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.tokenizer import UNKNOWN, Tokenizer, extend_vocabulary
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.corpus import count_words

TREEBANK = Path(__file__).parents[3] / "shared/data/amharic_sentences.txt"
OWN = [*everyday_sentences(), *(cardinal(number) for number in range(0, 1000, 7))]
KINDS = {
    "bpe": {},
    "bpe, nothing normalised": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
    "bpe, bytes": {"byte_fallback": True},
    "bpe, small letters": {"lower": True},
    "unigram": {"model_type": "unigram"},
    "unigram, bytes": {"model_type": "unigram", "byte_fallback": True},
}
SIZE, ADDED = 900, 500


@functools.cache
def extended(kind: str = "bpe", added: int = ADDED, options: FrontEndOptions | None = None) -> Tokenizer:
    front_end = TextFrontEnd(options or FrontEndOptions())
    base = Base(base_model(SIZE, **KINDS[kind]), kind)
    return extend_vocabulary(base, count_words(map(front_end.normalise, OWN)), front_end, SIZE + added)


def check_laws(base: bytes, tokenizer: Tokenizer, texts: Iterable[str], bytes_fall_back: bool = False) -> None:
    """texts: normalised. With bytes every added piece is in the texts; else those for the alphabet may stand alone."""
    old = proto.ModelProto.FromString(base)
    new = proto.ModelProto.FromString(tokenizer._model)
    assert list(new.pieces[: len(old.pieces)]) == list(old.pieces)
    assert new.normalizer_spec == old.normalizer_spec
    assert len({piece.piece for piece in new.pieces}) == len(new.pieces) == tokenizer.size

    times: Counter[int] = Counter()
    for text in texts:
        ids = tokenizer.encode_normalised(text)
        times.update(ids)
        cased = text.upper() if tokenizer.casing == "upper" else text
        assert tokenizer.decode(ids) == processor(base).normalize(cased).replace("▁", " ").strip()
    alone = {one for sign in tokenizer.front_end.alphabet for one in tokenizer.encode_normalised(sign)}
    assert not times[UNKNOWN]
    assert UNKNOWN not in alone
    dead = {new.pieces[one].piece for one in range(len(old.pieces), tokenizer.size) if not times[one]}
    if bytes_fall_back:
        assert not dead
    else:
        assert {tokenizer.pieces()[one] for one in alone} >= dead
        assert all(len(piece) == 1 for piece in dead)
    letters = {one for letter in LETTERS for one in tokenizer.encode(letter)}
    assert UNKNOWN not in letters


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_base_can_be_extended(kind: str) -> None:
    tokenizer = extended(kind)
    assert tokenizer.size == SIZE + ADDED
    assert tokenizer.base_size == SIZE
    check_laws(base_model(SIZE, **KINDS[kind]), tokenizer, map(tokenizer.front_end.normalise, OWN), "bytes" in kind)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz  " + SIGNS), max_size=40))
@settings(deadline=None, max_examples=60)
def test_text_that_the_base_can_write_has_the_ids_it_had(kind: str, text: str) -> None:
    before = processor(base_model(SIZE, **KINDS[kind])).encode(text)
    if UNKNOWN not in before:
        assert processor(extended(kind)._model).encode(text) == before


@given(text=st.text(st.sampled_from([*sorted(LETTERS), *"  .,?"]), min_size=1, max_size=40))
@settings(deadline=None)
def test_every_amharic_text_comes_back_without_unknowns(text: str) -> None:
    tokenizer = extended()
    normal = " ".join("".join(sign for sign in text if sign in tokenizer.front_end.alphabet).split())
    ids = tokenizer.encode_normalised(normal)
    assert UNKNOWN not in ids
    assert tokenizer.decode(ids) == normal


def inflected(sentences: list[str]) -> list[str]:
    """The words of the sentences with prefixes and suffixes of Amharic, and numbers: enough for 12 000 pieces."""
    words = sorted({word.strip(".,?!;:") for sentence in sentences for word in sentence.split()} - {""})
    prefixes, suffixes = ("", "በ", "ለ", "ከ", "የ", "እየ", "ስለ", "እንደ"), ("", "ን", "ም", "ው", "ዎች", "ና")
    forms = [prefix + word + suffix for word in words for prefix in prefixes for suffix in suffixes]
    random.Random(0).shuffle(forms)
    lines = [" ".join(forms[start : start + 12]) for start in range(0, len(forms), 12)]
    return [*sentences, *lines, *(cardinal(number) for number in range(0, 100_000, 97))]


@pytest.fixture(scope="module")
def full() -> Tokenizer:
    """The base of 12 000 pieces, extended by 12 000."""
    if not TREEBANK.is_file():
        pytest.skip("needs the sentences of shared/, which the project does not hold")
    front_end = TextFrontEnd()
    words = count_words(inflected([front_end.normalise(line) for line in TREEBANK.read_text().splitlines()]))
    return extend_vocabulary(Base(base_model(), "base"), words, front_end, 24_000)


def test_twelve_thousand_pieces_more(full: Tokenizer) -> None:
    sentences = [full.front_end.normalise(line) for line in TREEBANK.read_text().splitlines()]
    assert len(sentences) > 1000
    assert full.size == 24_000
    check_laws(base_model(), full, inflected(sentences))


def test_the_same_words_in_any_order_give_the_same_bytes() -> None:
    front_end = extended().front_end
    words = count_words(map(front_end.normalise, OWN[::-1]))
    again = extend_vocabulary(Base(base_model(SIZE), "base"), words, front_end, SIZE + ADDED)
    assert again._model == extended()._model
    assert again.fingerprint == extended().fingerprint


def test_amharic_becomes_shorter_with_more_pieces() -> None:
    def tokens(tokenizer: Tokenizer) -> int:
        return sum(len(tokenizer.encode(text)) for text in OWN)

    assert tokens(extended(added=800)) < tokens(extended()) < sum(map(len, OWN)) * 0.7
    assert len(extended(added=800).encode("አንድ መቶ")) == 2


def test_an_extended_vocabulary_can_be_extended_again() -> None:
    first = extended()
    second = extend_vocabulary(
        Base(first._model, "first"), count_words(map(first.front_end.normalise, OWN)), first.front_end, SIZE + 700
    )
    assert second.base_size == SIZE + ADDED
    check_laws(first._model, second, map(first.front_end.normalise, OWN))
    assert {row.how for row in second.initialisation.rows} == {"piece"}


@pytest.mark.parametrize(
    ("kind", "added", "beyond"), [("bpe", 3, -1), ("bpe", 20_000, 1), ("bpe, bytes", 0, -1), ("bpe, bytes", 20_000, 1)]
)
def test_sizes_out_of_reach_name_the_one_that_works(kind: str, added: int, beyond: int) -> None:
    with pytest.raises(InputError, match="that works is") as caught:
        extended(kind, added)
    edge = int(str(caught.value).rsplit(" ", 1)[1]) - SIZE
    tokenizer = extended(kind, edge)
    assert tokenizer.size == SIZE + edge
    check_laws(base_model(SIZE, **KINDS[kind]), tokenizer, map(tokenizer.front_end.normalise, OWN), "bytes" in kind)
    with pytest.raises(InputError):
        extended(kind, edge + beyond)


def test_ids_fit_in_sixteen_bits() -> None:
    with pytest.raises(InputError, match="65536"):
        extended(added=70_000)


def test_words_without_amharic_give_nothing_to_add() -> None:
    base = Base(base_model(SIZE, byte_fallback=True), "base")
    with pytest.raises(InputError, match="no Amharic piece"):
        extend_vocabulary(base, {".": 3}, TextFrontEnd(), SIZE + 5)
    with pytest.raises(InputError, match="no text"):
        extend_vocabulary(base, {}, TextFrontEnd(), SIZE + 5)


def test_a_base_that_has_no_space_of_its_own_gets_one() -> None:
    """As an ordinary piece: a user-defined one would be cut off the base's own words, and change their ids."""
    model = proto.ModelProto.FromString(base_model(SIZE))
    del model.pieces[[piece.piece for piece in model.pieces].index("▁")]
    base, front_end = model.SerializeToString(), TextFrontEnd()
    tokenizer = extend_vocabulary(Base(base, "base"), count_words(map(front_end.normalise, OWN)), front_end, SIZE + 400)
    check_laws(base, tokenizer, map(front_end.normalise, OWN))
    word = max((piece.piece for piece in model.pieces if piece.piece.startswith("▁")), key=len)
    assert [tokenizer.pieces()[one] for one in tokenizer.encode_normalised(word.removeprefix("▁"))] == [word]


def test_ethiopic_marks_are_added_where_the_front_end_gives_them() -> None:
    tokenizer = extended(options=FrontEndOptions(punctuation="ethiopic"))
    assert {"።", "፣"} <= set(tokenizer.pieces()[SIZE:])
    assert "።" not in extended().pieces()


@pytest.mark.parametrize("kind", ["bpe", "bpe, small letters"])
def test_latin_words_are_encoded_in_the_case_that_the_base_knows(kind: str) -> None:
    keep = FrontEndOptions(latin="keep")
    tokenizer = extended(kind, options=keep)
    word = "bananas" if "small" in kind else "BANANAS"
    for written in ("bananas", "Bananas", "BANANAS"):
        ids = tokenizer.encode_normalised(written)
        assert ids == processor(base_model(SIZE, **KINDS[kind])).encode(word)
        assert max(ids) < SIZE
    assert not {*"abcABC"}.intersection(tokenizer.pieces()[SIZE:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bos_id": 1, "eos_id": 0}, "id 0 must be start and id 1 stop"),
        ({"unk_id": 0, "bos_id": 1, "eos_id": 2}, "id 0 must be start .* '<unk>' \\(unknown\\)"),
        ({"unk_id": 1, "bos_id": 0, "eos_id": 2}, "id 1 must be stop"),
        ({"pad_id": 2, "unk_id": 3}, "id 2 must be unknown"),
        ({"bos_id": -1, "eos_id": -1, "unk_id": 0}, "id 0 must be start"),
        ({"add_dummy_prefix": False}, "▁ before every word"),
        ({"treat_whitespace_as_suffix": True}, "▁ before every word"),
        ({"model_type": "char", "size": 48}, "CHAR model"),
    ],
)
def test_a_base_that_would_misread_is_refused(options: dict, message: str) -> None:
    model = base_model(**{"size": 300, **options})
    with pytest.raises(InputError, match=message):
        Base(model, "base")


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, b"text"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "base.model"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"base\.model is no SentencePiece model"):
        Base.read(path)
    with pytest.raises(InputError, match="cannot be read"):
        Base.read(tmp_path / "none.model")
