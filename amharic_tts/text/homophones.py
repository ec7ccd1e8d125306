"""Letters that sound alike in Amharic, written one way.

Tables: FRONT_END §6.3. Folding loses nothing that is heard, and it lets the model see one letter for one sound.
ኸ and ኧ stay, for they are heard.
"""

ORDERS = 7  # a series of the syllabary: seven vowels


def _series(old: str, new: str) -> dict[str, str]:
    """Maps the seven orders of the series that begins with `old` to those of `new`."""
    return {chr(ord(old) + order): chr(ord(new) + order) for order in range(ORDERS)}


HOMOPHONES: dict[str, str] = {
    **_series("ሐ", "ሀ"),
    **_series("ኀ", "ሀ"),
    **_series("ሠ", "ሰ"),
    **_series("ዐ", "አ"),
    **_series("ፀ", "ጸ"),
    # the first and fourth orders of these two series sound alike
    **dict.fromkeys("ሃሓኃ", "ሀ"),
    **dict.fromkeys("ኣዓ", "አ"),
    "ሗ": "ኋ",
    "ሧ": "ሷ",
}

LABIOVELARS: dict[str, str] = {"ጐ": "ጎ", "ጕ": "ጉ", "ኰ": "ኮ", "ኵ": "ኩ", "ቈ": "ቆ", "ቍ": "ቁ"}


def fold(text: str, homophones: bool, labiovelars: bool) -> str:
    """Folds the chosen tables. Idempotent: no letter that a table gives is a key of a table."""
    table = (HOMOPHONES if homophones else {}) | (LABIOVELARS if labiovelars else {})
    return text.translate(str.maketrans(table))
