"""The form of a text that error rates compare: what is heard, not how it is written."""

import unicodedata
from typing import Protocol

from amharic_tts.text.numbers import cardinal


class FrontEnd(Protocol):
    """The one thing evaluation needs of `amharic_tts.text.front_end.TextFrontEnd`."""

    def normalise(self, raw: str) -> str: ...


def spoken_text(raw: str, front_end: FrontEnd) -> str:
    """`raw` through the front-end (numbers in words, letters folded), then letters and single spaces only.

    Punctuation is not heard, so it would only add errors that say nothing about the speech. Raises what the front-end
    raises (`TextError`) for text it cannot read.
    """
    normal = front_end.normalise(raw)
    kept = (sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in normal)
    return " ".join("".join(kept).split())


def number_words(front_end: FrontEnd) -> frozenset[str]:
    """The words, in `spoken_text` form, that cardinals are made of."""
    numbers = [*range(20), *range(20, 100, 10), *(10**power for power in range(2, 13))]
    return frozenset(word for number in numbers for word in spoken_text(cardinal(number), front_end).split())


def kind_of(spoken: str, words_of_numbers: frozenset[str]) -> str:
    """ "numbers" for a text that is nothing but a number in words, else "sentences"."""
    return "numbers" if all(word in words_of_numbers for word in spoken.split()) else "sentences"
