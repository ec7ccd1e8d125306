"""Numbers that stand by themselves: ordinals, numbers with endings, decimals, cardinals, and the marks of lists."""

import re

from amharic_tts.text.classes.abbreviations import entry
from amharic_tts.text.classes.endings import attach
from amharic_tts.text.numbers import CENTURIES, ordinals, years
from amharic_tts.text.readings import Readings, join
from amharic_tts.text.rule import Context, Rule
from amharic_tts.text.written_numbers import END, NUMBER, START, WHOLE, amount, pattern, whole

COMMA, POINT = "፣", " ነጥብ "
RECENT = 1900  # የ1966ቱ አብዮት is the year's, የ1500ቱ ሰዎች are people
DECADE = re.compile("ዎቹ|ዎች")


def ordinal(match: re.Match[str], context: Context) -> Readings | None:
    """1ኛ -> አንደኛ, 21ኛው -> ሃያ አንደኛው, 5ኞቹ -> አምስተኞቹ, 7ተኛ, ፫ኛ, 1st."""
    value = whole(match.group("number"))
    if value is None:
        return None
    sign, ending = match.group("sign", "ending")
    return tuple(words[:-1] + (sign or words[-1]) + ending for words in ordinals(value, context.options))


def with_ending(match: re.Match[str], context: Context) -> Readings | None:
    """10ሩ -> አስሩ, ለ3ቱ -> ለሶስቱ, 1960ዎቹ -> አስራ ዘጠኝ መቶ ስልሳዎቹ, 100ብር -> መቶ ብር."""
    number, ending = match.group("number", "ending")
    value, said = whole(number), amount(number, context.options)
    if said is None:
        return None
    if unit := entry(ending, "after_number"):
        return join(said, " ", unit)
    if value in CENTURIES and (DECADE.match(ending) or (ending.startswith("ቱ") and value >= RECENT)):
        said = years(value, context.options)
    return tuple(attach(words, ending) + (match.group("stop") or "") for words in said)


def number(match: re.Match[str], context: Context) -> Readings | None:
    """A cardinal or a decimal: 1,250.75."""
    return amount(match.group(), context.options)


def bare_fraction(match: re.Match[str], context: Context) -> Readings | None:
    """.5 -> ዜሮ ነጥብ አምስት."""
    return amount("0" + match.group(), context.options)


def sections(match: re.Match[str], context: Context) -> Readings | None:
    """1.2.3, a section or an address: number by number."""
    return _one_by_one(match.group().split("."), POINT, context)


def _one_by_one(written: list[str], mark: str, context: Context) -> Readings | None:
    said = [amount(part, context.options) for part in written]
    if None in said:
        return None
    return join(said[0], *(one for part in said[1:] for one in (mark, part)))


def enumeration(match: re.Match[str], context: Context) -> Readings | None:
    """1,2,3 -> አንድ፣ ሁለት፣ ሶስት."""
    return _one_by_one(match.group().split(","), f"{COMMA} ", context)


def list_mark(match: re.Match[str], context: Context) -> Readings | None:
    """፩. or 2) at the head of a text: the number, and a pause."""
    said = amount(match.group(1) or match.group(2), context.options)
    return said and join(said, COMMA)


def number_sign(match: re.Match[str], context: Context) -> Readings | None:
    """#5 and № 5 -> ቁጥር አምስት."""
    said = amount(match.group(1), context.options)
    return said and join("ቁጥር ", said)


_ENDING = "(?P<ending>(?!ዓም(?![ሀ-ፚ]))[ሀ-ፚ፟]+)"  # but for 2016ዓም
_TAIL = r"(?![0-9፩-፼ሀ-ፚ])(?!\.[0-9])(?![./][ሀ-ፚ])"

RULES = (
    Rule("list_mark", re.compile(rf"^(?:({WHOLE})[.)](?=\s)|([፩-፼]+)[.)]$)"), list_mark),
    Rule(
        "ordinal", re.compile(rf"{START}(?P<number>{WHOLE})\s?[ተደረነ]?(?P<sign>[ኛኞ])(?P<ending>[ሀ-ፚ]*){_TAIL}"), ordinal
    ),
    Rule(
        "ordinal",
        re.compile(rf"{START}(?P<number>{WHOLE})(?P<ending>)(?P<sign>)(?:st|nd|rd|th)(?![A-Za-z])", re.IGNORECASE),
        ordinal,
    ),
    Rule("clitic", re.compile(rf"{START}(?P<number>{WHOLE}) (?P<ending>ዎ[ቹች][ሀ-ፚ]*)(?P<stop>){_TAIL}"), with_ending),
    Rule("clitic", re.compile(rf"{START}(?P<number>{NUMBER}){_ENDING}(?P<stop>\.)?{_TAIL}"), with_ending),
    Rule(
        "number_sign", re.compile(rf"(?:[#№]|(?<![A-Za-z])[Nn]o\.)\s?{START}({NUMBER}){END}"), number_sign, needs="#№oO"
    ),
    Rule("decimal", pattern("{WHOLE}\\.[0-9]+"), number, needs="."),
    Rule("decimal", re.compile(rf"(?<!\S)\.[0-9]+{END}"), bare_fraction, needs="."),
    Rule("cardinal", pattern("{WHOLE}"), number),
    Rule("sections", re.compile(rf"{START}[0-9]+(?:\.[0-9]+){{2,}}{END}"), sections, needs="."),
    Rule("enumeration", re.compile(rf"{START}[0-9]{{1,2}}(?:,[0-9]{{1,2}}){{2,}}{END}"), enumeration, needs=","),
)
