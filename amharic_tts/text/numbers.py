"""Amharic names of whole numbers."""

LARGEST = 10**12

ONES = ("ዜሮ", "አንድ", "ሁለት", "ሶስት", "አራት", "አምስት", "ስድስት", "ሰባት", "ስምንት", "ዘጠኝ")
TENS = ("", "አስር", "ሃያ", "ሰላሳ", "አርባ", "ሃምሳ", "ስልሳ", "ሰባ", "ሰማንያ", "ዘጠና")
TEEN = "አስራ"
HUNDRED = "መቶ"
SCALES = ((10**12, "ትሪሊዮን"), (10**9, "ቢሊዮን"), (10**6, "ሚሊዮን"), (10**3, "ሺህ"))


def cardinal(number: int) -> str:
    """The cardinal as it is said: 123 -> አንድ መቶ ሃያ ሶስት. Raises ValueError outside 0…10¹².

    A number that begins with exactly one hundred drops its "one" (100 መቶ, 100 000 መቶ ሺህ); 101…199 and hundreds
    further inside a number keep it (101 አንድ መቶ አንድ, 1100 አንድ ሺህ አንድ መቶ).
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


def digits(written: str) -> str:
    """Each digit by its own name: 007 -> ዜሮ ዜሮ ሰባት."""
    return " ".join(ONES[int(digit)] for digit in written)


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
