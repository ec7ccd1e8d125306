"""The closed alphabet of what the front-end gives."""

import functools

from amharic_tts.text import homophones, punctuation
from amharic_tts.text.error import TextError
from amharic_tts.text.letters import GEMINATION, LETTERS
from amharic_tts.text.options import FrontEndOptions

ALWAYS = LETTERS | {GEMINATION, " "} | punctuation.READABLE  # what needs no rule to be read
LATIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'")


@functools.cache
def output_alphabet(options: FrontEndOptions) -> frozenset[str]:
    """Every character that can stand in a normalised text."""
    folded = {homophones.fold(letter, options.fold_homophones, options.fold_labiovelars) for letter in LETTERS}
    ethiopic = options.punctuation == "ethiopic"
    marks = {punctuation.ETHIOPIC.get(mark, mark) if ethiopic else mark for mark in punctuation.ASCII}
    latin = LATIN if options.latin == "keep" else frozenset()
    return frozenset(folded | marks | latin | {GEMINATION, " "})


def require_speech(normal: str, raw: str) -> None:
    """Raises TextError when nothing in `normal` can be spoken."""
    if not any(sign.isalpha() for sign in normal):
        raise TextError("there is no letter or number to read", raw, 0, len(raw))
