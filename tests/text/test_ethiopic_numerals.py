"""Laws of Ethiopic numerals, against a writer of their own (number_parser.py) and the package `abyssinica`."""

import random

import pytest
from abyssinica.numerals import arabic_to_geez, geez_to_arabic
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text.number_parser import cardinal_value, read_ethiopic, write_ethiopic

from amharic_tts.text.ethiopic_numerals import value
from amharic_tts.text.front_end import TextFrontEnd

LARGEST = 10**12
FRONT_END = TextFrontEnd()
SIGNS = "፩፪፫፬፭፮፯፰፱፲፳፴፵፶፷፸፹፺፻፼"


def test_every_numeral_to_a_million_has_its_value() -> None:
    assert all(value(write_ethiopic(number)) == number for number in range(1, 10**6 + 1))


@given(st.integers(1, LARGEST))
@example(10**4)
@example(10**6)
@example(10**8)
@example(10**8 + 10**4)
@example(LARGEST)
def test_larger_numerals_too(number: int) -> None:
    assert value(write_ethiopic(number)) == number


def test_abyssinica_writes_and_reads_the_same() -> None:
    draw = random.Random(0)
    for number in [*range(1, 12_001), *(draw.randint(1, 10**8) for _ in range(5000)), 10**8]:
        written = arabic_to_geez(number)
        assert written == write_ethiopic(number)
        assert value(written) == geez_to_arabic(written) == number


def test_numerals_are_spoken_as_the_number_that_they_are() -> None:
    draw = random.Random(1)
    for number in [*range(1, 2001), *(draw.randint(1, LARGEST) for _ in range(2000))]:
        spoken = FRONT_END.normalise(write_ethiopic(number))
        assert cardinal_value(spoken) == number
        assert spoken == FRONT_END.normalise(str(number))


@given(st.text(SIGNS, min_size=1, max_size=8))
@settings(max_examples=500)
def test_a_row_of_signs_has_a_value_only_if_a_scribe_could_mean_it(written: str) -> None:
    """Either no numeral, or one whose value, written anew, has the same value: never a number out of the blue."""
    number = value(written)
    if number is None:
        return
    assert number >= 1
    assert value(write_ethiopic(number)) == number
    try:
        assert read_ethiopic(written) == number
    except ValueError:
        pytest.fail(f"{written} was read as {number}, but it is no numeral")


@pytest.mark.parametrize(
    ("written", "number"),
    [("፩", 1), ("፲፪", 12), ("፻", 100), ("፻፳፫", 123), ("፲፻", 1000), ("፲፱፻፸፬", 1974), ("፳፻፲፯", 2017), ("፼", 10_000),
     ("፲፪፼፴፬፻፶፮", 123_456), ("፻፼", 10**6), ("፼፼", 10**8), ("፩፻", 100), ("፩፼", 10_000)],
)  # fmt: skip
def test_examples(written: str, number: int) -> None:
    assert value(written) == number
    assert read_ethiopic(written) == number


@pytest.mark.parametrize("written", ["፩፩", "፩፲", "፲፲", "፩፪", "፻፩፻", "1፩", "", "ሀ"])
def test_what_is_no_numeral_has_no_value(written: str) -> None:
    assert value(written) is None
