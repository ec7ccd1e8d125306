"""Measured things: percent, temperatures, lengths, weights."""

import re

from amharic_tts.text.classes.endings import attach
from amharic_tts.text.classes.through import PREFIX, through
from amharic_tts.text.readings import Readings, join
from amharic_tts.text.rule import Context, Rule
from amharic_tts.text.table import UNITS
from amharic_tts.text.written_numbers import DASH, DASHES, END, MINUS, NUMBER, START, amount

NEGATIVE = ("ነጌቲቭ ", "አሉታዊ ", "ሲቀነስ ")
BELOW_ZERO = "ከዜሮ በታች "
PER = " በ"
PER_ONLY = {"s": "ሰከንድ"}  # units that are too short to stand after a number
PERCENT = (" በመቶ", " ፐርሰንት")
PER_MILLE = " በሺህ"


def quantity(match: re.Match[str], context: Context) -> Readings | None:
    """The number or the range, with its prefix and sign: what percent and units share."""
    prefix, sign, number, last = match.group("prefix", "sign", "number", "last")
    said = amount(number, context.options)
    if said is None:
        return None
    if not last:
        return join(prefix or "", NEGATIVE if sign else "", said)
    end = amount(last, context.options)
    return through(match, said, end, context) if end and not sign else None


def percent(match: re.Match[str], context: Context) -> Readings | None:
    """25% -> ሃያ አምስት በመቶ, 5‰ -> አምስት በሺህ."""
    said = quantity(match, context)
    if said is None:
        return None
    words, ending = join(said, PERCENT if match.group("unit") == "%" else PER_MILLE), match.group("ending")
    return tuple(attach(one, ending) for one in words) if ending else words


def measure(match: re.Match[str], context: Context) -> Readings | None:
    """120 km/h -> … ኪሎ ሜትር በሰዓት, -3°C -> ከዜሮ በታች ሶስት ዲግሪ ሴልሺየስ."""
    unit, per, sign, prefix = match.group("unit", "per", "sign", "prefix")
    name = UNITS[unit.replace(" ", "")] + (PER + (UNITS.get(per) or PER_ONLY[per]) if per else "")
    if sign and unit.startswith(("°", "℃", "℉")):
        said = amount(match.group("number"), context.options)
        return said and join(prefix or "", BELOW_ZERO, said, " ", name)
    said = quantity(match, context)
    return said and join(said, " ", name)


def negative(match: re.Match[str], context: Context) -> Readings | None:
    """−12.5 -> ነጌቲቭ አስራ ሁለት ነጥብ አምስት."""
    said = amount(match.group("number"), context.options)
    return said and join(match.group("prefix") or "", NEGATIVE, said)


_SIGN = rf"(?:(?<![^\s(\[\"«“=፣,:በለከየ])(?<![ሀ-ፚ][በለከየ])(?P<sign>{MINUS})\s?)?"
_VALUE = rf"{PREFIX}{_SIGN}{START}(?P<number>{NUMBER})(?:(?:\s?[%‰])?\s?{DASH}\s?(?P<last>{NUMBER}))?"
_UNIT = "|".join(re.escape(unit).replace("°", "° ?") for unit in sorted(UNITS, key=len, reverse=True))
_PER = "|".join(re.escape(unit) for unit in sorted([*UNITS, *PER_ONLY], key=len, reverse=True))

RULES = (
    Rule("percent", re.compile(rf"{_VALUE}{END}\s?(?P<unit>[%‰])(?P<ending>[ሀ-ፚ]+)?"), percent, needs="%‰"),
    Rule(
        "unit",
        re.compile(rf"{_VALUE}{END}\s?(?P<unit>{_UNIT})(?:/(?P<per>{_PER}))?(?![A-Za-z0-9²³/])(?<! in(?= [0-9]))"),
        measure,
    ),
)
NEGATIVES = (
    Rule(
        "negative",
        re.compile(
            rf"(?:(?<![ሀ-ፚ])(?P<prefix>[ከበለየ])|(?<![^\s(\[\"«“=፣,:])){MINUS}{START}(?P<number>{NUMBER}){END}(?![ሀ-ፚ])"
        ),
        negative,
        needs=DASHES,
    ),
)
