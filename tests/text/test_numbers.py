"""Laws of number names, against readers that share nothing with the writer (number_parser.py)."""

import random
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text.number_parser import WORDS, cardinal_value, decimal_value, digits_value, ordinal_value

from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.numbers import cardinal, digits
from amharic_tts.text.options import FrontEndOptions

LARGEST = 10**12
FRONT_END = TextFrontEnd()
NUMBERS = st.one_of(st.integers(0, 12_000), st.integers(0, LARGEST))


def test_every_number_to_a_million_parses_back() -> None:
    assert all(cardinal_value(cardinal(number)) == number for number in range(10**6 + 1))


def test_random_numbers_to_the_largest_parse_back() -> None:
    draw = random.Random(0)
    numbers = [draw.randint(0, 10 ** draw.randint(5, 12)) for _ in range(100_000)]
    assert all(cardinal_value(cardinal(number)) == number for number in [*numbers, LARGEST])


def test_numbers_parse_back_through_the_whole_front_end() -> None:
    draw = random.Random(1)
    for number in [*range(0, 3000), *(draw.randint(0, 10 ** draw.randint(3, 12)) for _ in range(3000)), LARGEST]:
        assert cardinal_value(FRONT_END.normalise(str(number))) == number
        assert cardinal_value(FRONT_END.normalise(f"{number:,}")) == number


@given(NUMBERS)
@settings(deadline=None)
def test_a_number_in_a_sentence_is_read_as_it_is_alone(number: int) -> None:
    alone = FRONT_END.normalise(str(number))
    assert FRONT_END.normalise(f"እነሆ {number} ሰዎች።") == f"እነሆ {alone} ሰዎች."


@given(NUMBERS)
@example(100)
@example(1100)
@example(1900)
@example(100_000)
@settings(deadline=None)
def test_every_reading_of_a_number_means_that_number(number: int) -> None:
    readings = FRONT_END.readings(str(number))
    assert readings[0] == FRONT_END.normalise(str(number))
    assert len(set(readings)) == len(readings)
    assert {cardinal_value(reading) for reading in readings} == {number}


@given(NUMBERS)
@settings(deadline=None)
def test_options_change_the_words_but_not_the_number(number: int) -> None:
    for hundred in ("bare", "one"):
        front_end = TextFrontEnd(FrontEndOptions(hundred=hundred))
        assert cardinal_value(front_end.normalise(str(number))) == number


@given(NUMBERS)
@settings(deadline=None)
def test_no_word_is_unknown_and_no_space_is_double(number: int) -> None:
    words = cardinal(number).split(" ")
    assert set(words) <= WORDS
    assert "አስራ" not in words[-1:]  # "አስራ" is always followed by a unit


@given(st.integers(1, 10**9))
@example(20)
@example(100)
@example(1000)
@example(10**6)
@settings(deadline=None)
def test_ordinals_parse_back(number: int) -> None:
    assert ordinal_value(FRONT_END.normalise(f"{number}ኛ")) == number


def test_every_ordinal_to_a_thousand_parses_back() -> None:
    assert all(ordinal_value(FRONT_END.normalise(f"{number}ኛ")) == number for number in range(1, 1001))


@given(st.integers(0, 10**9), st.text("0123456789", min_size=1, max_size=6))
@example(12, "05")
@example(0, "0")
@settings(deadline=None)
def test_decimals_parse_back_with_every_place(whole: int, places: str) -> None:
    read = decimal_value(FRONT_END.normalise(f"{whole}.{places}"))
    assert read.as_tuple() == Decimal(f"{whole}.{places}").as_tuple()


@given(st.integers(1100, 1999))
@settings(deadline=None)
def test_years_are_read_in_hundreds_and_mean_the_same(year: int) -> None:
    words = FRONT_END.normalise(f"{year} ዓ.ም.").removesuffix(" አመተ ምህረት")
    assert cardinal_value(words) == year
    assert words.split(" ")[2] == "መቶ"
    assert words.split(" ")[0] == "አስራ"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (100, "መቶ"),
        (101, "አንድ መቶ አንድ"),
        (100_000, "መቶ ሺህ"),
        (1100, "አንድ ሺህ አንድ መቶ"),
        (1_000_000_000_000, "አንድ ትሪሊዮን"),
    ],
)
def test_the_rule_of_the_bare_hundred(number: int, words: str) -> None:
    assert cardinal(number) == words


@pytest.mark.parametrize("number", [-1, 10**12 + 1])
def test_numbers_without_a_name_are_refused(number: int) -> None:
    with pytest.raises(ValueError):
        cardinal(number)


@given(st.text("0123456789", min_size=1, max_size=30))
def test_digits_are_read_one_by_one(figures: str) -> None:
    assert digits_value(digits(figures)) == figures


@pytest.mark.parametrize("words", ["", "አስራ", "አስር አንድ", "አንድ አንድ", "ሺህ ሺህ", "መቶ መቶ", "ሚሊዮን", "አንድ ሺህ ሁለት ሚሊዮን", "ሀሁ"])
def test_the_parser_itself_is_strict(words: str) -> None:
    with pytest.raises(ValueError):
        cardinal_value(words)
