"""What error rates compare is what is heard."""

import pytest

from amharic_tts.evaluate.spoken_text import kind_of, number_words, spoken_text
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.numbers import cardinal


def test_spelling_that_is_not_heard_makes_no_difference():
    front_end = TextFrontEnd()
    assert spoken_text("ሠላም፣ ለዓለም!", front_end) == spoken_text(" ሰላም  ለአለም። ", front_end)


def test_numbers_compare_by_their_words():
    front_end = TextFrontEnd()
    assert spoken_text("125", front_end) == spoken_text(cardinal(125), front_end)


@pytest.mark.parametrize("text", ["ሰላም። እንዴት ነህ?", "ሦስት"])
def test_only_letters_and_single_spaces_are_left(text):
    spoken = spoken_text(text, TextFrontEnd())
    assert all(sign == " " or sign.isalpha() for sign in spoken)
    assert "  " not in spoken
    assert spoken == spoken.strip() != ""


@pytest.mark.parametrize("number", [0, 7, 19, 20, 99, 100, 1101, 12_345, 10**6, 987_654_321_012])
def test_a_number_in_words_is_a_number_and_anything_more_is_a_sentence(number):
    front_end = TextFrontEnd()
    words = number_words(front_end)
    assert kind_of(spoken_text(cardinal(number), front_end), words) == "numbers"
    assert kind_of(spoken_text(cardinal(number) + " ሰው", front_end), words) == "sentences"
