"""Laws of number names, against a parser that shares nothing with the writer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.text.numbers import cardinal, digits

# Written apart from amharic_tts.text.numbers, as a listener would read the words: value by word, added or multiplied.
VALUES = {
    "ዜሮ": 0, "አንድ": 1, "ሁለት": 2, "ሶስት": 3, "አራት": 4, "አምስት": 5, "ስድስት": 6, "ሰባት": 7, "ስምንት": 8, "ዘጠኝ": 9,
    "አስር": 10, "አስራ": 10, "ሃያ": 20, "ሰላሳ": 30, "አርባ": 40, "ሃምሳ": 50, "ስልሳ": 60, "ሰባ": 70, "ሰማንያ": 80, "ዘጠና": 90,
}  # fmt: skip
SCALES = {"ሺህ": 10**3, "ሚሊዮን": 10**6, "ቢሊዮን": 10**9, "ትሪሊዮን": 10**12}


def parse(words: str) -> int:
    total, group = 0, 0
    for word in words.split(" "):
        if word in SCALES:
            total, group = total + group * SCALES[word], 0
        elif word == "መቶ":
            group = (group or 1) * 100
        else:
            group += VALUES[word]
    return total + group


def test_every_number_below_a_hundred_thousand_parses_back() -> None:
    assert all(parse(cardinal(number)) == number for number in range(100_000))


def test_random_numbers_to_the_largest_parse_back() -> None:
    draw = random.Random(0)
    for _ in range(20_000):
        number = draw.randint(0, 10 ** draw.randint(5, 12))
        assert parse(cardinal(number)) == number


@given(st.integers(0, 10**12))
def test_no_word_is_unknown_and_no_space_is_double(number: int) -> None:
    words = cardinal(number).split(" ")
    assert set(words) <= set(VALUES) | set(SCALES) | {"መቶ"}
    assert "አስራ" not in words[-1:]  # "አስራ" is always followed by a unit


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


def test_digits_are_read_one_by_one() -> None:
    assert digits("0079") == "ዜሮ ዜሮ ሰባት ዘጠኝ"
