"""Laws of the plan for new rows: each has one start, from valid base rows, and a changed file is found out."""

import dataclasses
import functools
import json
from pathlib import Path

import pytest
from text.base_models import base_model, processor

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.errors import InputError
from amharic_tts.text.alphabet import LETTERS
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import Tokenizer, extend_vocabulary, load_initialisation, train_tokenizer
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.corpus import count_words
from amharic_tts.text.vocab.initialisation import Initialisation, NewRow
from amharic_tts.text.vocab.romanise import romanise

SIZE, ADDED = 900, 450


@functools.cache
def extended(**options) -> Tokenizer:
    front_end = TextFrontEnd()
    words = count_words(map(front_end.normalise, everyday_sentences()))
    return extend_vocabulary(Base(base_model(SIZE, **options), "base"), words, front_end, SIZE + ADDED)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    extended().save(tmp_path)
    return tmp_path


@pytest.mark.parametrize("options", [{}, {"byte_fallback": True}, {"lower": True}, {"model_type": "unigram"}])
def test_each_added_row_starts_once_from_rows_of_the_base(options: dict) -> None:
    tokenizer = extended(**options)
    plan = tokenizer.initialisation
    assert [row.id for row in plan.rows] == list(range(SIZE, SIZE + ADDED))
    assert [row.piece for row in plan.rows] == tokenizer.pieces()[SIZE:]
    no_text = tokenizer.special_ids() | tokenizer.byte_ids()
    assert all(row.sources and not no_text.intersection(row.sources) for row in plan.rows)
    assert max(one for row in plan.rows for one in row.sources) < SIZE
    assert sum(plan.found().values()) == ADDED


@pytest.mark.parametrize("lower", [False, True])
def test_amharic_starts_from_its_romanisation_in_the_case_of_the_base(lower: bool) -> None:
    base = processor(base_model(SIZE, lower=lower))
    rows = {row.piece: row for row in extended(lower=lower).initialisation.rows}
    assert rows["ለ"].romanised == ("le" if lower else "LE")
    for row in rows.values():
        if row.how == "romanised":
            word_begins = row.piece.startswith("▁")
            written = "".join(base.id_to_piece(one) for one in row.sources)
            assert written == ("▁" if word_begins else "") + row.romanised.removeprefix("▁")
            assert row.romanised.lower() == romanise(row.piece)
    assert all(rows[letter].how == "romanised" for letter in LETTERS & rows.keys())
    assert rows["("].how == "mean"
    assert rows["("].sources == tuple(range(3, SIZE))


def test_a_piece_that_the_base_spells_starts_from_that() -> None:
    first = extended()
    words = count_words(map(first.front_end.normalise, everyday_sentences()))
    second = extend_vocabulary(Base(first._model, "first"), words, first.front_end, first.size + 20)
    base = processor(first._model)
    for row in second.initialisation.rows:
        assert row.how == "piece"
        assert "".join(base.id_to_piece(one) for one in row.sources) == row.piece


def test_every_letter_of_the_block_has_latin_letters() -> None:
    assert all(romanise(letter).isascii() and romanise(letter).islower() for letter in LETTERS)
    assert romanise("▁ኢትዮጵያ") == "▁ityopya"
    assert romanise("▁ቋንቋ") == "▁qwanqwa"
    assert romanise("ጐጓጕ ኧ ሃ ጇ") == "gwegwagwiehajwa"
    assert romanise("(፟,") == ""


def test_the_plan_comes_back(saved: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.model"
    base.write_bytes(base_model(SIZE))
    assert load_initialisation(saved) == load_initialisation(saved, base) == extended().initialisation
    assert Tokenizer.load(saved).base_size == SIZE
    assert Tokenizer.load(saved).casing == "upper"
    assert Tokenizer.load(saved).encode("ሰላም") == extended().encode("ሰላም")


def test_another_base_is_refused(saved: Path, tmp_path: Path) -> None:
    base = tmp_path / "other.model"
    base.write_bytes(base_model(SIZE, lower=True))
    with pytest.raises(InputError, match=r"other\.model.*sha256"):
        load_initialisation(saved, base)
    with pytest.raises(InputError, match="cannot be read"):
        load_initialisation(saved, tmp_path / "none.model")


def test_a_vocabulary_that_extends_nothing_has_no_plan(tmp_path: Path) -> None:
    train_tokenizer(everyday_sentences(), TextFrontEnd(), 700, tmp_path)
    with pytest.raises(InputError, match="--extend"):
        load_initialisation(tmp_path)


@pytest.mark.parametrize("name", ["bpe.model", "front_end.json", "initialisation.json", "tokenizer.json"])
def test_a_changed_byte_or_a_missing_file_is_found_out(saved: Path, name: str) -> None:
    path = saved / name
    whole = path.read_bytes()
    for place in range(len(whole) // 20, len(whole), len(whole) // 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError):
            Tokenizer.load(saved)
    path.unlink()
    with pytest.raises(InputError, match=name):
        load_initialisation(saved)


def with_sources(sources: tuple[int, ...]) -> tuple[NewRow, ...]:
    """The rows of the plan, one of them with other sources."""
    rows = extended().initialisation.rows
    place = [row.piece for row in rows].index("ለ")
    return (*rows[:place], rows[place]._replace(sources=sources), *rows[place + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        {"model_sha256": "0" * 64},
        {"base_size": SIZE + 1},
        {"rows": extended().initialisation.rows[1:]},
        {"rows": extended().initialisation.rows[::-1]},
        {"rows": with_sources((SIZE,))},
        {"rows": with_sources((-1,))},
        {"rows": with_sources(())},
        {"ordinary": ()},
    ],
)
def test_a_plan_that_does_not_fit_its_model_is_refused(tmp_path: Path, change: dict) -> None:
    """Also when the checksums are those of the wrong plan."""
    tokenizer = extended()
    plan = dataclasses.replace(tokenizer.initialisation, **change)
    Tokenizer(tokenizer._model, tokenizer.front_end, tokenizer.casing, plan).save(tmp_path)
    with pytest.raises(InputError, match=r"initialisation\.json"):
        load_initialisation(tmp_path)


@pytest.mark.parametrize("change", [{"format": 2}, {"rows": 3}, {"ordinary": None}, {"rows": [{"id": 1, "how": "x"}]}])
def test_what_is_no_plan_is_refused(change: dict) -> None:
    values = json.loads(extended().initialisation.to_json()) | change
    with pytest.raises(InputError, match="not an initialisation plan"):
        Initialisation.from_json(json.dumps(values))
