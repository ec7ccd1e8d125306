"""The form of a text that error rates compare: what is heard, not how it is written."""

import unicodedata
from typing import Protocol


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
