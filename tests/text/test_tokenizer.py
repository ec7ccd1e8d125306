"""Laws of the tokenizer: no unknowns, exact return, the same bytes every time, another hash refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.errors import InputError
from amharic_tts.text.alphabet import LETTERS
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.numbers import cardinal
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.tokenizer import START, STOP, UNKNOWN, Tokenizer, train_tokenizer

TEXTS = [*everyday_sentences()[:60], *(cardinal(number) for number in range(0, 3000, 7))]
SIZE = 800


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, TextFrontEnd(), SIZE)


@pytest.fixture
def saved(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    tokenizer.save(tmp_path)
    return tmp_path


def test_the_size_is_the_one_asked_for_and_the_first_ids_are_reserved(tokenizer: Tokenizer) -> None:
    assert tokenizer.size == SIZE
    assert (START, STOP, UNKNOWN) == (0, 1, 2)
    assert tokenizer.decode([START, STOP]) == ""
    used = {one for text in TEXTS for one in tokenizer.encode(text)}
    assert not used & {START, STOP, UNKNOWN}


@given(text=st.text(st.sampled_from([*sorted(LETTERS), *' .,;:?!…()"', "\u135f"]), min_size=1, max_size=40))
@settings(deadline=None)
def test_every_readable_text_comes_back_without_unknowns(tokenizer: Tokenizer, text: str) -> None:
    try:
        normal = tokenizer.front_end.normalise(text)
    except TextError:
        return
    ids = tokenizer.encode(text)
    assert UNKNOWN not in ids
    assert all(2 < one < tokenizer.size for one in ids)
    assert tokenizer.decode([START, *ids, STOP]) == normal


def test_encoding_goes_through_the_front_end(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("፡፡ ሠላም 21 ።") == tokenizer.encode("ሰላም ሃያ አንድ.")
    with pytest.raises(TextError):
        tokenizer.encode("人")


def test_words_of_the_corpus_are_single_pieces(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("አራት ሺህ ሶስት መቶ ሃያ አንድ")) == 6


def test_training_twice_gives_the_same_bytes(tokenizer: Tokenizer, saved: Path, tmp_path_factory) -> None:
    other = tmp_path_factory.mktemp("again")
    train_tokenizer(iter(TEXTS), TextFrontEnd(), SIZE, other)
    names = sorted(path.name for path in saved.iterdir())
    assert names == ["bpe.model", "front_end.json", "tokenizer.json"]
    assert all((saved / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_a_saved_tokenizer_comes_back(tokenizer: Tokenizer, saved: Path) -> None:
    again = Tokenizer.load(saved)
    assert again.fingerprint == tokenizer.fingerprint
    assert again.front_end == tokenizer.front_end
    assert all(again.encode(text) == tokenizer.encode(text) for text in TEXTS)


def test_the_fingerprint_tells_tokenizers_apart(tokenizer: Tokenizer) -> None:
    unfolded = train_tokenizer(TEXTS, TextFrontEnd(FrontEndOptions(fold_homophones=False)), SIZE)
    smaller = train_tokenizer(TEXTS, TextFrontEnd(), SIZE - 1)
    assert len({tokenizer.fingerprint, unfolded.fingerprint, smaller.fingerprint}) == 3


def test_a_missing_tokenizer_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist.*tools/train_vocab\.py"):
        Tokenizer.load(tmp_path / "none")


@pytest.mark.parametrize("name", ["bpe.model", "front_end.json", "tokenizer.json"])
def test_each_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=name):
        Tokenizer.load(saved)


def test_a_changed_model_is_refused(saved: Path) -> None:
    path = saved / "bpe.model"
    data = bytearray(path.read_bytes())
    place = data.find("▁መቶ".encode())
    data[place + 3 : place + 6] = "ቶ".encode()
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="not the one that was saved"):
        Tokenizer.load(saved)


def test_a_model_of_other_bytes_is_refused(saved: Path) -> None:
    (saved / "bpe.model").write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match=r"bpe\.model"):
        Tokenizer.load(saved)


def test_another_front_end_is_refused(saved: Path) -> None:
    path = saved / "front_end.json"
    path.write_text(TextFrontEnd(FrontEndOptions(fold_homophones=False)).to_json())  # valid, but not this one's
    with pytest.raises(InputError, match="not the one that was saved"):
        Tokenizer.load(saved)
    path.write_text(json.dumps(json.loads(TextFrontEnd().to_json()) | {"fingerprint": "0" * 32}))
    with pytest.raises(InputError, match="another text front-end"):
        Tokenizer.load(saved)


def test_the_order_of_the_texts_does_not_matter(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(TEXTS[::-1], TextFrontEnd(), SIZE).fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("options", [FrontEndOptions(), FrontEndOptions(False, False, "ethiopic")])
def test_every_letter_and_mark_is_a_piece_whether_the_texts_have_it_or_not(options: FrontEndOptions) -> None:
    front_end = TextFrontEnd(options)
    tokenizer = train_tokenizer(TEXTS, front_end, SIZE)
    assert front_end.alphabet - {" "} <= set(tokenizer.pieces())
    for letter in sorted(LETTERS):
        assert not tokenizer.byte_ids().intersection(tokenizer.encode(letter + letter))


def test_a_folder_holds_what_was_saved_last(saved: Path) -> None:
    (saved / "initialisation.json").write_text("of a vocabulary that was here before")
    smaller = train_tokenizer(TEXTS, TextFrontEnd(), SIZE - 1, saved)
    assert Tokenizer.load(saved).fingerprint == smaller.fingerprint
    assert sorted(path.name for path in saved.iterdir()) == ["bpe.model", "front_end.json", "tokenizer.json"]


@pytest.mark.parametrize(
    "changed", [{"casing": "upper"}, {"size": 9}, {"format": 1}, {"fingerprint": "0"}, {"more": 1}]
)
def test_a_changed_record_is_refused(saved: Path, changed: dict) -> None:
    path = saved / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(InputError, match="not the one that was saved"):
        Tokenizer.load(saved)


@pytest.mark.parametrize("content", ["", "[]", "{", '"text"'])
def test_a_record_that_is_none_is_refused(saved: Path, content: str) -> None:
    (saved / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match="cannot be read"):
        Tokenizer.load(saved)


def test_an_impossible_size_names_the_sizes_that_work(tmp_path: Path) -> None:
    front_end = TextFrontEnd()
    with pytest.raises(InputError, match="largest that works") as large:
        train_tokenizer(TEXTS, front_end, 8000, tmp_path / "a")
    with pytest.raises(InputError, match="smallest that works") as small:
        train_tokenizer(TEXTS, front_end, 200, tmp_path / "b")
    assert not list(tmp_path.iterdir())
    for caught, beyond in ((large, 1), (small, -1)):
        edge = int(str(caught.value).rsplit(" ", 1)[1])
        assert train_tokenizer(TEXTS, front_end, edge).size == edge
        with pytest.raises(InputError):
            train_tokenizer(TEXTS, front_end, edge + beyond)


def test_one_short_text_is_enough() -> None:
    with pytest.raises(InputError) as caught:
        train_tokenizer(["ሰላም"], TextFrontEnd(), 1000)
    largest = int(str(caught.value).rsplit(" ", 1)[1])
    tokenizer = train_tokenizer(["ሰላም"], TextFrontEnd(), largest)
    assert tokenizer.decode(tokenizer.encode("ቡና እፈልጋለሁ")) == "ቡና እፈልጋለሁ"


def test_long_texts_are_not_left_out() -> None:
    long = " ".join(cardinal(number) for number in range(600))  # over SentencePiece's default of 4192 bytes
    assert len(long.encode()) > 4192
    tokenizer = train_tokenizer([long], TextFrontEnd(), 640)
    assert len(tokenizer.encode("መቶ")) == 1


@pytest.mark.parametrize("texts", [[], [""]])
def test_no_text_is_an_error(texts: list[str]) -> None:
    with pytest.raises(InputError, match="no text"):
        train_tokenizer(texts, TextFrontEnd(), 600)


def test_a_folder_that_cannot_be_written_is_an_error(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        tokenizer.save(tmp_path / "file")
