"""Amharic names of numbers."""

import functools

from amharic_tts.text.letters import SIXTH, in_order, order
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings, distinct, join

LARGEST = 10**12

ONES = ("ዜሮ", "አንድ", "ሁለት", "ሶስት", "አራት", "አምስት", "ስድስት", "ሰባት", "ስምንት", "ዘጠኝ")
TENS = ("", "አስር", "ሃያ", "ሰላሳ", "አርባ", "ሃምሳ", "ስልሳ", "ሰባ", "ሰማንያ", "ዘጠና")
TEEN = "አስራ"
HUNDRED = "መቶ"
SCALES = ((10**12, "ትሪሊዮን"), (10**9, "ቢሊዮን"), (10**6, "ሚሊዮን"), (10**3, "ሺህ"))
POINT = "ነጥብ"
ORDINAL = "ኛ"
# Ordinals that do not follow the rule of the sixth order (አንድ -> አንደኛ).
IRREGULAR_ORDINALS = {"ዘጠኝ": "ዘጠነኛ", "ሺህ": "ሺህኛ"}
CENTURIES = range(1100, 2000)  # years that are said in hundreds: አስራ ዘጠኝ መቶ ስልሳ ስድስት


def cardinal(number: int) -> str:
    """The cardinal as it is said: 123 -> አንድ መቶ ሃያ ሶስት. Raises ValueError outside 0…10¹².

    A hundred that stands first and alone is bare: 100 -> መቶ, 100 000 -> መቶ ሺህ (FRONT_END §6.3).
    """
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is outside 0…{LARGEST}")
    if number == 0:
        return ONES[0]
    words: list[str] = []
    rest = number
    for value, name in (*SCALES, (1, "")):
        group, rest = divmod(rest, value)
        if group:
            words += [HUNDRED] if group == 100 and not words else _below_thousand(group)
            if name:
                words.append(name)
    return " ".join(words)


@functools.lru_cache(maxsize=4096)
def cardinals(number: int, options: FrontEndOptions) -> Readings:
    """The readings of a cardinal: with and without አንድ before the first መቶ or ሺህ, and in hundreds up to 1999."""
    words = cardinal(number)
    one = ONES[1] + " "
    if words.startswith(HUNDRED):
        bare, full = words, one + words
        return (bare, full) if options.hundred == "bare" else (full, bare)
    if words.startswith((one + HUNDRED, one + SCALES[-1][1])):
        shorter = words.removeprefix(one)
        return (words, shorter, _in_hundreds(number)) if number in CENTURIES else (words, shorter)
    return (words,)


def years(number: int, options: FrontEndOptions) -> Readings:
    """The readings of a year: 1966 -> አስራ ዘጠኝ መቶ ስልሳ ስድስት, 2017 -> ሁለት ሺህ አስራ ሰባት."""
    if number not in CENTURIES or options.years == "cardinal":
        return cardinals(number, options)
    return distinct(_in_hundreds(number), cardinals(number, options))


@functools.lru_cache(maxsize=4096)
def ordinals(number: int, options: FrontEndOptions) -> Readings:
    """The readings of an ordinal: 21 -> ሃያ አንደኛ."""
    return tuple(_ordinal(words) for words in cardinals(number, options))


def digits(written: str) -> str:
    """Each digit by its own name: 007 -> ዜሮ ዜሮ ሰባት."""
    return " ".join(ONES[int(digit)] for digit in written)


def decimals(whole: int, fraction: str, options: FrontEndOptions) -> Readings:
    """A decimal, its places digit by digit: 12.05 -> አስራ ሁለት ነጥብ ዜሮ አምስት."""
    return join(cardinals(whole, options), f" {POINT} ", digits(fraction))


def _ordinal(words: str) -> str:
    before, space, last = words.rpartition(" ")
    if last in IRREGULAR_ORDINALS:
        return before + space + IRREGULAR_ORDINALS[last]
    stem = last[:-1] + in_order(last[-1], 0) if order(last[-1]) == SIXTH else last
    return before + space + stem + ORDINAL


def _in_hundreds(number: int) -> str:
    hundreds, below = divmod(number, 100)
    words = [*_below_thousand(hundreds), HUNDRED, *(_below_thousand(below) if below else [])]
    return " ".join(words)


def _below_thousand(number: int) -> list[str]:
    hundreds, below = divmod(number, 100)
    tens, ones = divmod(below, 10)
    words = [ONES[hundreds], HUNDRED] if hundreds else []
    if tens == 1 and ones:
        words.append(TEEN)
    elif tens:
        words.append(TENS[tens])
    if ones:
        words.append(ONES[ones])
    return words
