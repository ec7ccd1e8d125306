"""Numbers written in digits, read as cardinals.

What looks like another kind of number (a decimal, date, time, phone, fraction, ordinal …) is refused rather than read
wrongly: its class is found first, and only cardinals have a reading here.
"""

import re

from amharic_tts.text.error import TextError
from amharic_tts.text.numbers import LARGEST, cardinal, digits

# Digits and whatever may tie them to further digits, so that a date or a phone number is seen as one thing.
NUMBER = re.compile(r"[0-9]+(?:[.,:፡፥/\-\u2010-\u2015\u2212 ][0-9]+)*")
CARDINAL = re.compile(r"[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+")
SIGN = re.compile(r"(?:^|(?<=[\s(\[\"«“]))[-\u2010-\u2015\u2212]$")
LETTER = "\u1200-\u135a\u135f"
LETTERS_BEFORE = re.compile(f"[{LETTER}]+$")
LETTER_AFTER = re.compile(f"[{LETTER}]+")
REMEDY = "write it in words"


def read_numerals(text: str) -> str:
    """Replaces every cardinal in ASCII digits by its words: በ2015 -> በሁለት ሺህ አስራ አምስት, 1,250 -> አንድ ሺህ ….

    A number with zeros in front is read digit by digit (007). A prefix of one letter joins the first word; a longer
    word before the digits is parted from it by a space. Raises TextError for anything else that holds digits.
    """
    return NUMBER.sub(_read, text)


def _read(match: re.Match[str]) -> str:
    text, written = match.string, match.group()
    start, end = match.span()
    suffix = LETTER_AFTER.match(text, end)
    if suffix:
        raise TextError(f"a number with an ending has no reading yet, {REMEDY}", text, start, suffix.end())
    sign = SIGN.search(text, 0, start)
    if sign:
        raise TextError(f"a negative number has no reading yet, {REMEDY}", text, sign.start(), end)
    if not CARDINAL.fullmatch(written):
        raise TextError(f"this is no whole number, and has no reading yet; {REMEDY}", text, start, end)
    before = LETTERS_BEFORE.search(text, 0, start)
    joint = " " if before and len(before.group()) > 1 else ""
    if written.startswith("0"):
        return joint + digits(written)
    number = int(written.replace(",", "")) if len(written) <= 2 * len(str(LARGEST)) else LARGEST + 1
    if number > LARGEST:
        raise TextError(f"the number is larger than {LARGEST:,}, {REMEDY}", text, start, end)
    return joint + cardinal(number)
