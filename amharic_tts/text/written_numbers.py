"""Numbers as they are written: ASCII digits, perhaps with thousands separators (15,000; 15 000), or Ethiopic numerals."""

import re

from amharic_tts.text import ethiopic_numerals
from amharic_tts.text.numbers import LARGEST, cardinals, decimals, digits
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings

DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
DASH = "[-\u2010-\u2015\u2212]"
MINUS = "[-\u2010\u2011\u2012\u2013\u2212]"
_DIGITS = "(?:[0-9]{1,3}(?:[,፣][0-9]{3})+(?![0-9])|[1-9][0-9]{0,2}(?: [0-9]{3}){0,2} 000(?![0-9])|[0-9]+)"
WHOLE = f"(?:{_DIGITS}|[፩-፼]+)"
NUMBER = rf"(?:{_DIGITS}(?:\.[0-9]+)?|[፩-፼]+)"
# A number does not begin or end inside a longer one: the 2 of 1.2.3 and the 5 of 12-5-2016 are no numbers of their own,
# and the 5 of .5 is no whole number.
_TIE = "[.,:፡፥/\u2010-\u2015\u2212-]"
START = rf"(?<![0-9፩-፼])(?<![0-9፩-፼]{_TIE})(?<!\s\.)(?<!^\.)"
END = rf"(?![0-9፩-፼])(?!{_TIE}[0-9፩-፼])"

LONGEST = 40  # digits that can be read one by one: longer runs are no text


def pattern(written: str) -> re.Pattern[str]:
    """Compiles a pattern in which {NUMBER}, {WHOLE}, {DASH}, {MINUS} stand for the above, guarded at both ends.

    `{` and `}` of quantifiers are written double, as in a format string.
    """
    return re.compile(START + written.format(NUMBER=NUMBER, WHOLE=WHOLE, DASH=DASH, MINUS=MINUS) + END)


def whole(written: str) -> int | None:
    """The value of a whole number, or None when it is none or larger than 10¹²."""
    plain = re.sub("[,፣ ]", "", written)
    if plain.isascii() and plain.isdigit():
        value = int(plain) if len(plain) <= len(str(LARGEST)) else None
    else:
        value = ethiopic_numerals.value(plain)
    return value if value is not None and value <= LARGEST else None


def amount(written: str, options: FrontEndOptions) -> Readings | None:
    """The readings of a whole number or a decimal.

    What is no quantity is read digit by digit: with zeros in front (007), or beyond 10¹² (an account number). None for
    what has no reading.
    """
    integer, point, fraction = written.partition(".")
    if integer.isascii() and (value := whole(integer)) is not None and (integer[0] != "0" or integer == "0"):
        if not point:
            return cardinals(value, options)
        return decimals(value, fraction, options) if len(fraction) <= LONGEST else None
    if integer.isascii():
        if point or not integer.isdigit() or len(integer) > LONGEST:
            return None
        said = digits(integer)
        value = whole(integer)
        return (said,) if value is None else (said, *cardinals(value, options))
    value = whole(integer)
    return None if value is None else cardinals(value, options)
