"""Laws of the reviewed tables: what may stand in them, and that the front-end says every row as the row says it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from amharic_tts.text.classes.abbreviations import key
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.letters import LETTERS
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.table import table

Row = dict[str, str]
ABBREVIATIONS, LATIN = table("abbreviations.tsv"), table("latin.tsv")
BOTH = (*ABBREVIATIONS, *LATIN)
KINDS = {
    *("time", "title", "military", "institution", "religion", "place", "office"),
    *("law", "document", "measure", "name", "acronym", "bible", "general"),
}
LATIN_KINDS = {"brand", "technology", "organisation", "place", "person", "word", "month", "language"}
# Where a form stands, and a text in which it stands there: {} is the form, or what is said for it.
PLACES = {
    "": ("{}", "{}"),
    "before_number": ("{} 5", "{} አምስት"),
    "before_verse": ("{} 3፥5", "{} ምዕራፍ ሶስት ቁጥር አምስት"),
    "after_number": ("5 {}", "አምስት {}"),
    "head": ("{}ላሊበላ", "{} ላሊበላ"),
}
# ዓ.ዓ. (ዓመተ ዓለም) and አ.አ. (አዲስ አበባ): spelling parts them, which is otherwise never looked at.
PARTED_BY_SPELLING = {"አ/አ"}
UNFOLDED = TextFrontEnd(FrontEndOptions(fold_homophones=False, fold_labiovelars=False, punctuation="ethiopic"))
FRONT_ENDS = (UNFOLDED, TextFrontEnd())


def failures(rows: Iterable[Row], right: Callable[[Row], object]) -> list[str]:
    """What the rows that are not right have in their first column."""
    return [row["written"] for row in rows if not right(row)]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(ABBREVIATIONS, "written spoken kind where status"), (LATIN, "written spoken kind")],
    ids=["abbreviations", "latin"],
)
def test_every_row_fills_its_columns(rows: tuple[Row, ...], columns: str) -> None:
    assert not failures(rows, lambda row: list(row) == columns.split())
    assert not failures(rows, lambda row: all(row[name] for name in row if name != "where"))
    assert not failures(rows, lambda row: all(row[name] == row[name].strip() for name in row))


def test_kinds_places_and_states_are_closed_and_all_in_use() -> None:
    assert {row["kind"] for row in ABBREVIATIONS} == KINDS
    assert {row["kind"] for row in LATIN} == LATIN_KINDS
    assert {row["where"] for row in ABBREVIATIONS} == set(PLACES)
    assert {row["status"] for row in ABBREVIATIONS} == {"ok", "review"}


def test_rows_are_sorted() -> None:
    abbreviations = [(row["kind"], row["written"]) for row in ABBREVIATIONS]
    latin = [row["written"] for row in LATIN]
    assert abbreviations == sorted(abbreviations)
    assert latin == sorted(latin)


def test_no_abbreviation_stands_twice_whatever_its_homophones_and_separators() -> None:
    counts = Counter(key(row["written"]) for row in ABBREVIATIONS)
    assert {one for one, count in counts.items() if count > 1} == PARTED_BY_SPELLING
    assert len({row["written"] for row in ABBREVIATIONS}) == len(ABBREVIATIONS)


def test_no_latin_word_stands_twice() -> None:
    assert len({row["written"] for row in LATIN}) == len(LATIN)
    said: dict[str, set[str]] = {}
    for row in LATIN:
        said.setdefault(row["written"].replace("-", ""), set()).add(row["spoken"])
    assert [word for word, forms in said.items() if len(forms) > 1] == []  # wi-fi and wifi


def test_abbreviations_are_ethiopic_with_stops_or_slashes() -> None:
    letters = "".join(sorted(LETTERS))
    written = re.compile(rf"[{letters}]+(?:[./][{letters}]+)*[./]?")
    assert not failures(ABBREVIATIONS, lambda row: written.fullmatch(row["written"]))
    assert not failures(ABBREVIATIONS, lambda row: "." in row["written"] or "/" in row["written"])
    assert not failures(ABBREVIATIONS, lambda row: (row["where"] == "head") == row["written"].endswith("/"))


def test_latin_words_are_lower_case_and_no_row_is_read_by_letters() -> None:
    assert not failures(LATIN, lambda row: re.fullmatch("[a-z]{2,}|[a-z]+(?:-[a-z]+)+", row["written"]))
    assert not {"www", "bbc", "usa", "cnn", "ebc", "et"} & {row["written"] for row in LATIN}


def test_what_is_said_is_ethiopic_words_that_the_front_end_leaves_alone() -> None:
    assert not failures(BOTH, lambda row: all(word and set(word) <= LETTERS for word in row["spoken"].split(" ")))
    assert not failures(BOTH, lambda row: UNFOLDED.normalise(row["spoken"]) == row["spoken"])


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=["unfolded", "folded"])
def test_the_front_end_says_every_abbreviation_as_its_row_does(front_end: TextFrontEnd) -> None:
    def right(row: Row) -> bool:
        written, said = PLACES[row["where"]]
        return front_end.normalise(written.format(row["written"])) == front_end.normalise(said.format(row["spoken"]))

    assert not failures(ABBREVIATIONS, right)


def test_homophones_and_separators_make_no_difference() -> None:
    def right(row: Row) -> bool:
        slashed = row["written"].rstrip(".").replace(".", "/")
        other = slashed.translate(str.maketrans("ሥሳሠኃኅሐሕ", "ስሣሰሀህሀህ"))
        return UNFOLDED.normalise(other) == row["spoken"] == UNFOLDED.normalise(slashed)

    anywhere = [row for row in ABBREVIATIONS if row["where"] == "" and key(row["written"]) not in PARTED_BY_SPELLING]
    assert not failures([row for row in anywhere if re.search("[./].", row["written"])], right)


def test_the_front_end_says_every_latin_word_as_its_row_does() -> None:
    assert not failures(LATIN, lambda row: UNFOLDED.normalise(row["written"]) == row["spoken"])
    assert not failures(LATIN, lambda row: UNFOLDED.normalise(row["written"].title()) == row["spoken"])


@pytest.mark.parametrize("word", ["ግን", "ሰው", "ደም", "ሊስ", "ሜና", "ብና"])
def test_a_short_unit_is_no_part_of_the_word_after_a_number(word: str) -> None:
    assert UNFOLDED.normalise(f"10 {word}") == f"አስር {word}"


@pytest.mark.parametrize("text", ["ምሳ 6", "10 ማር 6", "በ10 ምሳ 6", "ዳን 6"])
def test_a_word_before_a_number_is_no_abbreviation_without_its_full_stop(text: str) -> None:
    word = re.search("[ሀ-ፚ]{2,}", text).group()
    assert f"{word} ስድስት" in UNFOLDED.normalise(text)


def test_the_tables_are_as_large_as_they_were_reviewed() -> None:
    names = sum(row["kind"] == "name" for row in ABBREVIATIONS)
    assert names >= 60
    assert len(ABBREVIATIONS) - names >= 220
    assert len(LATIN) >= 400
