"""Laws of the report: its figures are those that counting by hand gives, and the page holds everything itself."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text.base_models import base_model

from amharic_tts.errors import InputError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.tokenizer import Tokenizer, extend_vocabulary, train_vocabulary
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.corpus import Line, Skipped, count_words, normalised, text_lines
from amharic_tts.text.vocab.fidel import FIDEL, LABIALISED
from amharic_tts.text.vocab.measure import dead_pieces, measure, percentile
from amharic_tts.text.vocab.report import Coverage, Report, text_report, write_page

LINES = [
    Line("a.txt:1", "ሰላም ሰላም ቋንቋ", 2.0),
    Line("a.txt:2", "ሰላም.", 0.5),
    Line("<b>:7", "ሀ አንድ ሁለት ሶስት አራት አምስት " * 20),
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_vocabulary(count_words(line.text for line in LINES), TextFrontEnd(), 570)


@pytest.fixture(scope="module")
def report(tokenizer: Tokenizer) -> Report:
    lines = [line._replace(text=line.text.strip()) for line in LINES]
    return Report("small", tokenizer, measure(tokenizer, lines, 20), Skipped(2, ["c.txt:3: <no>"]), ("a.txt", "<b>"))


def test_figures_are_those_of_counting_by_hand(report: Report) -> None:
    tokenizer, found = report.tokenizer, report.found
    encoded = [tokenizer.encode(line.text) for line in LINES]
    assert found.texts == 3
    assert found.tokens == sum(map(len, encoded))
    assert all(found.times[one] == sum(ids.count(one) for ids in encoded) for one in range(tokenizer.size))
    assert found.characters == sum(len(line.text.strip()) for line in LINES)
    assert found.bytes == sum(len(line.text.strip().encode()) for line in LINES)
    assert found.unknown == report.byte_tokens == 0
    assert found.over_limit == 1
    assert (found.timed, found.seconds) == (2, 2.5)
    assert found.rate == (len(encoded[0]) + len(encoded[1])) / 2.5
    assert found.percentiles()[99] == max(len(encoded[0]) / 2, len(encoded[1]) / 0.5)
    assert [place for _, _, place, _ in found.longest] == ["<b>:7", "a.txt:1", "a.txt:2"]
    assert [tokens for tokens, *_ in found.longest] == sorted(map(len, encoded), reverse=True)


def test_only_the_ten_longest_are_kept(tokenizer: Tokenizer) -> None:
    lines = [Line(f"a:{number}", "ሀ " * (number % 50 + 1)) for number in range(200)]
    lengths = sorted((len(tokenizer.encode_normalised(line.text)) for line in lines), reverse=True)
    assert [tokens for tokens, *_ in measure(tokenizer, iter(lines), 600).longest] == lengths[:10]


def test_dead_pieces_are_those_without_an_occurrence(report: Report) -> None:
    used = {
        piece
        for line in LINES
        for piece in map(report.tokenizer.pieces().__getitem__, report.tokenizer.encode(line.text))
    }
    dead = dead_pieces(report.tokenizer, report.found)
    no_text = report.tokenizer.special_ids() | report.tokenizer.byte_ids()
    text = {piece for one, piece in enumerate(report.tokenizer.pieces()) if one not in no_text}
    assert {*dead.pieces, *dead.coverage} == text - used
    assert all(len(piece) == 1 for piece in dead.coverage)
    assert {"ፐ", "!"} <= set(dead.coverage)
    assert not report.problems  # steps of BPE on the way to longer pieces are no problem


def test_a_dead_piece_that_was_added_to_a_base_is_a_problem() -> None:
    front_end = TextFrontEnd()
    tokenizer = extend_vocabulary(Base(base_model(900), "base"), {"ሰላም": 5, "ነው": 4}, front_end, 900 + 289)
    fine = measure(tokenizer, [Line("a", "ሰላም ነው")], 600)
    assert not Report("fine", tokenizer, fine, Skipped(), ()).problems
    other = measure(tokenizer, [Line("a", "ሰላም")], 600)
    assert Report("other", tokenizer, other, Skipped(), ()).problems == ["1 added pieces never occur in this corpus"]


def test_an_unknown_token_is_a_problem(tokenizer: Tokenizer) -> None:
    tokenizer = extend_vocabulary(Base(base_model(900), "base"), {"ሰላም": 5, "ነው": 4}, tokenizer.front_end, 900 + 289)
    found = measure(tokenizer, [Line("a", "ሰላም ነው 人")], 600)
    assert found.unknown == 1
    report = Report("unknown", tokenizer, found, Skipped(), ())
    assert "1 tokens are unknown" in report.problems[0]


def test_the_chart_is_complete(report: Report) -> None:
    assert sum(map(len, FIDEL)) == 231
    letters = [letter for row in FIDEL for letter in row]
    assert len({*letters, *LABIALISED}) == 231 + len(LABIALISED)
    coverage = Coverage.of(report.found, report.tokenizer.front_end)
    cells = {cell.letter: cell for cell in (*coverage.all_fidel(), *coverage.labialised, *coverage.others)}
    text = " ".join(line.text for line in LINES)
    for letter in {*letters, *LABIALISED}:
        assert cells[letter].count == text.count(letter)
    assert cells["ሐ"].becomes == "ሀ"
    assert cells["ሐ"].shade == "folded"
    assert cells["ቋ"].shade == "h1"
    assert cells["."].count == 1
    assert coverage.summary([cells["ሰ"], cells["ሠ"], cells["ፐ"]]) == (
        "1 of 3 occur, 1 are written otherwise, 1 do not occur"
    )


def test_without_folding_no_letter_is_written_otherwise(report: Report) -> None:
    coverage = Coverage.of(report.found, TextFrontEnd(FrontEndOptions(fold_homophones=False, fold_labiovelars=False)))
    assert not any(cell.becomes for cell in (*coverage.all_fidel(), *coverage.labialised))


def test_the_page_holds_everything_itself_and_escapes_what_it_shows(report: Report, tmp_path: Path) -> None:
    write_page(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:)|@import|url\(", page)
    assert "&lt;b&gt;:7" in page
    assert "&lt;no&gt;" in page
    assert "<b>:7" not in page
    assert page.count('class="cell') == 231 + len(LABIALISED) + 1
    for label, value in report.figures():
        assert label in page
        assert value in page


def test_the_terminal_shows_the_same_figures(report: Report) -> None:
    text = text_report(report)
    for label, value in report.figures():
        assert re.search(rf"^{re.escape(label)} +{re.escape(value)}$", text, re.MULTILINE)
    assert "c.txt:3: <no>" in text
    assert "ቋ 2" in text


@given(values=st.lists(st.integers(0, 50), min_size=1), share=st.integers(1, 100))
def test_a_percentile_is_not_exceeded_by_its_share(values: list[int], share: int) -> None:
    found = percentile({value: values.count(value) for value in values}, share)
    assert sum(value <= found for value in values) * 100 >= share * len(values)
    assert sum(value < found for value in values) * 100 < share * len(values)


def test_lines_that_cannot_be_read_are_an_error_or_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("ሠላም\n\n  \nነው 人\r\nቤት\n".encode())
    front_end = TextFrontEnd()
    with pytest.raises(InputError, match=r"lines\.txt:4: .*U\+4EBA"):
        list(normalised((line for line, _ in text_lines(path)), front_end))
    skipped = Skipped()
    kept = list(normalised((line for line, _ in text_lines(path)), front_end, skipped))
    assert kept == [Line(f"{path}:1", "ሰላም"), Line(f"{path}:5", "ቤት")]
    assert skipped.count == 1
    assert skipped.first[0].startswith(f"{path}:4: ")
    path.write_bytes(b"\xe1\x88\n")
    with pytest.raises(InputError, match=r"lines\.txt:1: not UTF-8"):
        list(text_lines(path))
    with pytest.raises(InputError, match="cannot be read"):
        list(text_lines(tmp_path / "none.txt"))


def test_only_the_first_reasons_are_kept() -> None:
    skipped = Skipped()
    assert not list(normalised((Line(str(number), "人") for number in range(100)), TextFrontEnd(), skipped))
    assert skipped.count == 100
    assert len(skipped.first) == 5
