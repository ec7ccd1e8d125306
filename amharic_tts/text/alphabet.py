"""The closed alphabets: what the front-end reads, and what it gives."""

import unicodedata

from amharic_tts.text import homophones, punctuation
from amharic_tts.text.error import TextError

# Letters of the Ethiopic block (U+1200…U+135A) and the mark of gemination, which a text may use where length matters.
LETTERS = frozenset(chr(point) for point in range(0x1200, 0x135B) if unicodedata.category(chr(point)) == "Lo")
GEMINATION = "\u135f"
DIGITS = frozenset("0123456789")

READABLE = LETTERS | {GEMINATION, " "} | DIGITS | punctuation.READABLE


def output_alphabet(fold_homophones: bool, fold_labiovelars: bool, ethiopic_marks: bool) -> frozenset[str]:
    """Every character that can stand in a normalised text."""
    folded = {homophones.fold(letter, fold_homophones, fold_labiovelars) for letter in LETTERS}
    marks = {punctuation.ETHIOPIC.get(mark, mark) if ethiopic_marks else mark for mark in punctuation.ASCII}
    return frozenset(folded | marks | {GEMINATION, " "})


def require_only(text: str, alphabet: frozenset[str]) -> None:
    """Raises TextError naming the first run of characters outside `alphabet`."""
    for start, sign in enumerate(text):
        if sign not in alphabet:
            end = start + 1
            while end < len(text) and text[end] not in alphabet and not text[end].isspace():
                end += 1
            raise TextError("this is outside the Amharic alphabet, write it in Amharic words", text, start, end)


def require_letters(text: str, raw: str) -> None:
    """Raises TextError when nothing in `text` can be spoken."""
    if not any(sign in LETTERS for sign in text):
        raise TextError("there is no letter or number to read", raw, 0, len(raw))
