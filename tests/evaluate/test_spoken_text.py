"""What error rates compare is what is heard."""

import pytest

from amharic_tts.evaluate.spoken_text import spoken_text
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
