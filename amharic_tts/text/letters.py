"""The Ethiopic syllabary as a grid: series (consonants) of eight code points, orders (vowels) within them."""

import unicodedata

# Letters of the Ethiopic block (U+1200…U+135A) and the mark of gemination, which a text may use where length matters.
LETTERS = frozenset(chr(point) for point in range(0x1200, 0x135B) if unicodedata.category(chr(point)) == "Lo")
GEMINATION = "\u135f"
CLASS = "\u1200-\u135a\u135f"
"""The letters as the inside of a regular expression's character class."""

U, SIXTH, LABIALISED = 1, 5, 7  # orders, from 0: ቱ (second), ት (sixth, the bare consonant), ቷ (eighth)


def order(letter: str) -> int:
    """Order of an Ethiopic letter, 0…7: ተ 0, ቱ 1, ት 5, ቷ 7."""
    return (ord(letter) - 0x1200) % 8


def in_order(letter: str, order: int) -> str:
    """The letter of the same series in another order: ት, 1 -> ቱ."""
    return chr((ord(letter) - 0x1200) // 8 * 8 + 0x1200 + order)


def same_series(one: str, other: str) -> bool:
    """Whether two letters are forms of one consonant: ት and ቱ."""
    return (ord(one) - 0x1200) // 8 == (ord(other) - 0x1200) // 8
