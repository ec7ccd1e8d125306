"""Letters of the Ethiopic syllabary in Latin ones, close enough that a base model's Latin pieces say what is heard.

Plain a…z, as Amharic names are commonly written in English, for these are what base models know; what English writing
does not tell apart (ejectives, ሀ ሐ ኀ) is not told apart here either.
"""

import unicodedata

# Consonants of the Ethiopic block, one for each eight code points from U+1200 on; - marks those of no consonant (glottal).
CONSONANTS = [
    "h",
    "l",
    "h",
    "m",
    "s",
    "r",
    "s",
    "sh",
    "q",
    "qw",
    "qh",
    "qhw",
    "b",
    "v",
    "t",
    "ch",
    "h",
    "hw",
    "n",
    "ny",
    "-",
    "k",
    "kw",
    "kh",
    "khw",
    "w",
    "-",
    "z",
    "zh",
    "y",
    "d",
    "d",
    "j",
    "g",
    "gw",
    "ng",
    "t",
    "ch",
    "p",
    "ts",
    "ts",
    "f",
    "p",
]
VOWELS = ("e", "u", "i", "a", "e", "", "o", "wa")
GLOTTAL_VOWELS = ("a", "u", "i", "a", "e", "i", "o", "e")  # አ ኡ ኢ ኣ ኤ እ ኦ ኧ: a bare consonant would be nothing
LABIOVELAR_VOWELS = ("e", "", "i", "a", "e", "i")  # ቈ - ቊ ቋ ቌ ቍ, after a consonant that ends with w
# ha is the first order of ሀ ሐ ኀ. Eighth forms that are no "wa", and what stands after the last row.
EXCEPTIONS = {
    "ሀ": "ha", "ሐ": "ha", "ኀ": "ha", "ሇ": "hoa", "ቇ": "qoa", "ኇ": "hoa", "ኯ": "koa", "ዏ": "woa", "ዯ": "yoa", "ጏ": "goa",
    "ፇ": "tsoa", "ፘ": "rya", "ፙ": "mya", "ፚ": "fya",
}  # fmt: skip
FIRST = 0x1200


def _table() -> dict[str, str]:
    table = {}
    for row, consonant in enumerate(CONSONANTS):
        vowels = GLOTTAL_VOWELS if consonant == "-" else VOWELS
        if len(consonant) > 1 and consonant.endswith("w"):
            vowels = LABIOVELAR_VOWELS
        for order, vowel in enumerate(vowels):
            table[chr(FIRST + 8 * row + order)] = consonant.replace("-", "") + vowel
    # some rows have fewer forms than eight
    return {letter: latin for letter, latin in table.items() if unicodedata.category(letter) == "Lo"} | EXCEPTIONS


LETTERS: dict[str, str] = _table()


def romanise(text: str) -> str:
    """Each Ethiopic letter as consonant and vowel, a word's `▁` kept, every other sign left out: ▁ሰላም -> ▁selam."""
    return "".join(sign if sign == "▁" else LETTERS.get(sign, "") for sign in text)
