"""Sums and comparisons: 5+3=8, 4×5, <5, ≈20, 5²."""

import re

from amharic_tts.text.numbers import cardinals
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, Rule
from amharic_tts.text.written_numbers import END, NUMBER, START, amount

PLUS, MINUS, TIMES, DIVIDED, EQUALS = " ሲደመር ", " ሲቀነስ ", " ሲባዛ በ", " ሲካፈል ለ", " እኩል ይሆናል "
OPERATORS = {"+": PLUS, "-": MINUS, "−": MINUS, "–": MINUS, "×": TIMES, "*": TIMES, "x": TIMES, "X": TIMES, "·": TIMES,
             "÷": DIVIDED, "/": DIVIDED, "=": EQUALS}  # fmt: skip
COMPARISONS = {"<": ("ከ", " በታች"), ">": ("ከ", " በላይ"), "≤": ("", " ወይም ከዚያ በታች"), "≥": ("", " ወይም ከዚያ በላይ"),
               "≈": ("በግምት ", ""), "~": ("በግምት ", ""), "±": ("ሲደመር ወይም ሲቀነስ ", "")}  # fmt: skip
COMPARED = {"<": " ያንሳል", ">": " ይበልጣል"}
POWERS = {"²": " ካሬ", "³": " ኩብ"}


def calculation(match: re.Match[str], context: Context) -> Readings | None:
    """5+3=8 -> አምስት ሲደመር ሶስት እኩል ይሆናል ስምንት."""
    parts: list[str | Readings] = []
    for number, operator in re.findall(rf"({NUMBER})(?:\s?([^0-9.,\s])\s?)?", match.group()):
        said = amount(number, context.options)
        if said is None:
            return None
        parts += [said, OPERATORS[operator] if operator else ""]
    said = join(*parts)
    if re.fullmatch(rf"{NUMBER}\s?[×xX]\s?{NUMBER}", match.group()):  # 3x4 ፎቶ, a size
        return distinct(said, join(parts[0], " በ", parts[2]))
    return said


def comparison(match: re.Match[str], context: Context) -> Readings | None:
    """<5 -> ከአምስት በታች, ≈20 -> በግምት ሃያ."""
    head, tail = COMPARISONS[match.group(1)]
    said = amount(match.group(2), context.options)
    return said and join(head, said, tail)


def compared(match: re.Match[str], context: Context) -> Readings | None:
    """5 > 3 -> አምስት ከሶስት ይበልጣል."""
    first, second = (amount(match.group(place), context.options) for place in (1, 3))
    return first and second and join(first, " ከ", second, COMPARED[match.group(2)])


def power(match: re.Match[str], context: Context) -> Readings | None:
    """5² -> አምስት ካሬ."""
    said = amount(match.group(1), context.options)
    return said and join(said, POWERS[match.group(2)])


def root(match: re.Match[str], context: Context) -> Readings:
    """√9 -> ስኩዌር ሩት ዘጠኝ."""
    return join("ስኩዌር ሩት ", cardinals(int(match.group(1)), context.options))


# One sure operator makes a sum; a dash or a slash alone is a range or a fraction.
_SURE, _ANY = r"\s?[+×÷=·*xX]\s?", r"\s?[-−–+×÷=·*xX/]\s?"

RULES = (
    Rule(
        "math",
        re.compile(rf"{START}{NUMBER}(?:{_ANY}{NUMBER}){{0,20}}{_SURE}{NUMBER}(?:{_ANY}{NUMBER}){{0,20}}{END}"),
        calculation,
    ),
    Rule("math", re.compile(rf"{START}({NUMBER})([²³])"), power, needs="²³"),
    Rule("math", re.compile(r"√([0-9]{1,12})(?![0-9])"), root, needs="√"),
    Rule("math", re.compile(rf"{START}({NUMBER})\s?([<>])\s?({NUMBER}){END}"), compared, needs="<>"),
    Rule("math", re.compile(rf"([<>≤≥≈~±])\s?{START}({NUMBER}){END}"), comparison, needs="<>≤≥≈~±"),
)
