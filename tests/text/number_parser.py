"""Readers of number words, and a writer and reader of Ethiopic numerals: the other half of every round trip.

Written as a listener or a scribe would go about it and without a look at the code under test, so that a mistake would
have to be made twice to go unnoticed. Strict: what is no well-formed number raises ValueError.
"""

import functools
from decimal import Decimal

ONES = {
    "አንድ": 1, "ሁለት": 2, "ሶስት": 3, "አራት": 4, "አምስት": 5, "ስድስት": 6, "ሰባት": 7, "ስምንት": 8, "ዘጠኝ": 9,
}  # fmt: skip
TENS = {
    "አስር": 10, "ሃያ": 20, "ሀያ": 20, "ሰላሳ": 30, "አርባ": 40, "ሃምሳ": 50, "ሀምሳ": 50, "ስልሳ": 60, "ሰባ": 70, "ሰማንያ": 80,
    "ዘጠና": 90,
}  # fmt: skip
SCALES = {"ሺህ": 10**3, "ሚሊዮን": 10**6, "ቢሊዮን": 10**9, "ትሪሊዮን": 10**12}
ZERO, TEEN, HUNDRED, POINT = "ዜሮ", "አስራ", "መቶ", "ነጥብ"
WORDS = frozenset((ZERO, TEEN, HUNDRED, POINT, *ONES, *TENS, *SCALES))

# The last word of an ordinal and the cardinal word that it stands for. Above መቶ two spellings are in use.
ORDINALS = {
    "አንደኛ": "አንድ", "ሁለተኛ": "ሁለት", "ሶስተኛ": "ሶስት", "አራተኛ": "አራት", "አምስተኛ": "አምስት", "ስድስተኛ": "ስድስት",
    "ሰባተኛ": "ሰባት", "ስምንተኛ": "ስምንት", "ዘጠነኛ": "ዘጠኝ", "አስረኛ": "አስር", "ሃያኛ": "ሃያ", "ሀያኛ": "ሃያ", "ሰላሳኛ": "ሰላሳ",
    "አርባኛ": "አርባ", "ሃምሳኛ": "ሃምሳ", "ሀምሳኛ": "ሃምሳ", "ስልሳኛ": "ስልሳ", "ሰባኛ": "ሰባ", "ሰማንያኛ": "ሰማንያ", "ዘጠናኛ": "ዘጠና",
    "መቶኛ": "መቶ", "ሺህኛ": "ሺህ", "ሺኛ": "ሺህ", "ሚሊዮንኛ": "ሚሊዮን", "ሚሊዮነኛ": "ሚሊዮን", "ቢሊዮንኛ": "ቢሊዮን",
    "ቢሊዮነኛ": "ቢሊዮን", "ትሪሊዮንኛ": "ትሪሊዮን", "ትሪሊዮነኛ": "ትሪሊዮን",
}  # fmt: skip


def cardinal_value(words: str) -> int:
    """The number that `words` name: 0 to below 10^15, with bare መቶ and ሺህ, and 1100…1999 in hundreds (አስራ ዘጠኝ መቶ …)."""
    spoken = words.split(" ")
    if spoken == [ZERO]:
        return 0
    if spoken[0] == TEEN and spoken[2:3] == [HUNDRED]:
        return 100 * _below_a_hundred(tuple(spoken[:2])) + _below_a_hundred(tuple(spoken[3:]))
    total, group, last = 0, [], 10**15
    for word in spoken:
        scale = SCALES.get(word)
        if scale is None:
            group.append(word)
            continue
        if scale >= last:
            raise ValueError(f"{word} after a smaller or equal scale in {words!r}")
        if not group and scale > 1000:
            raise ValueError(f"{word} without a number before it in {words!r}")
        total += scale * (_below_a_thousand(tuple(group)) if group else 1)
        group, last = [], scale
    return total + _below_a_thousand(tuple(group))


def ordinal_value(words: str) -> int:
    """The number of an ordinal without endings: ሃያ አንደኛ is 21."""
    *before, last = words.split(" ")
    if last not in ORDINALS:
        raise ValueError(f"{last!r} is no ordinal")
    return cardinal_value(" ".join([*before, ORDINALS[last]]))


def decimal_value(words: str) -> Decimal:
    """The number of a decimal, its places read one by one: ዜሮ ነጥብ ዜሮ አምስት is 0.05, with both places."""
    whole, _, places = words.partition(f" {POINT} ")
    if not places:
        raise ValueError(f"no {POINT} in {words!r}")
    return Decimal(f"{cardinal_value(whole)}.{digits_value(places)}")


def digits_value(words: str) -> str:
    """Figures that are read one by one, as a string: leading zeros count."""
    figures = {ZERO: 0} | ONES
    if unknown := [word for word in words.split(" ") if word not in figures]:
        raise ValueError(f"{unknown} are no single figures")
    return "".join(str(figures[word]) for word in words.split(" "))


@functools.cache
def _below_a_thousand(words: tuple[str, ...]) -> int:
    """A group between two scales; none is 0."""
    if HUNDRED not in words:
        return _below_a_hundred(words)
    place = words.index(HUNDRED)
    if place > 1:
        raise ValueError(f"too much before {HUNDRED}: {words}")
    hundreds = _one(words[0]) if place else 1
    return 100 * hundreds + _below_a_hundred(words[place + 1 :])


@functools.cache
def _below_a_hundred(words: tuple[str, ...]) -> int:
    if not words:
        return 0
    if words[0] == TEEN:
        if len(words) != 2:
            raise ValueError(f"{TEEN} stands before one unit: {words}")
        return 10 + _one(words[1])
    if words[0] in TENS:
        if len(words) > 2 or (len(words) == 2 and TENS[words[0]] == 10):
            raise ValueError(f"no number: {words}")
        return TENS[words[0]] + (_one(words[1]) if len(words) == 2 else 0)
    if len(words) != 1:
        raise ValueError(f"no number: {words}")
    return _one(words[0])


def _one(word: str) -> int:
    if word not in ONES:
        raise ValueError(f"{word!r} is no unit")
    return ONES[word]


ETHIOPIC_ONES = " ፩፪፫፬፭፮፯፰፱"
ETHIOPIC_TENS = " ፲፳፴፵፶፷፸፹፺"
ETHIOPIC_HUNDRED, MYRIAD = "፻", "፼"


def write_ethiopic(number: int) -> str:
    """`number` ≥ 1 as a scribe writes it: myriads before ፼, hundreds before ፻, and no ፩ before either sign at the head."""
    if number < 1:
        raise ValueError("Ethiopic numerals begin with one")
    if number >= 10_000:
        head, rest = divmod(number, 10_000)
        return ("" if head == 1 else write_ethiopic(head)) + MYRIAD + (_four_figures(rest) if rest else "")
    return _four_figures(number)


def read_ethiopic(numeral: str) -> int:
    """The value of what `write_ethiopic` wrote: ፼ multiplies all that stands before it."""
    parts = numeral.split(MYRIAD)
    total = 1 if len(parts) > 1 and not parts[0] else _read_four_figures(parts[0])
    for part in parts[1:]:
        total = total * 10_000 + _read_four_figures(part)
    return total


@functools.cache
def _four_figures(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    before = _two_figures(hundreds) if hundreds > 1 else ""
    return before + (ETHIOPIC_HUNDRED if hundreds else "") + _two_figures(rest)


def _two_figures(number: int) -> str:
    return (ETHIOPIC_TENS[number // 10] + ETHIOPIC_ONES[number % 10]).replace(" ", "")


@functools.cache
def _read_four_figures(numeral: str) -> int:
    before, sign, after = numeral.rpartition(ETHIOPIC_HUNDRED)
    hundreds = (_read_two_figures(before) if before else 1) if sign else 0
    return 100 * hundreds + _read_two_figures(after)


def _read_two_figures(numeral: str) -> int:
    total = 0
    for sign in numeral:
        tens, ones = ETHIOPIC_TENS.find(sign), ETHIOPIC_ONES.find(sign)
        if max(tens, ones) < 1 or (total and (tens > 0 or total % 10)):
            raise ValueError(f"{numeral!r} is no Ethiopic numeral below a hundred")
        total += 10 * tens if tens > 0 else ones
    return total
