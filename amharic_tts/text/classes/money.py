"""Sums of money: 12.50 ብር, $100, ETB 500, $2.5 ሚሊዮን."""

import re

from amharic_tts.text.classes.abbreviations import entry
from amharic_tts.text.classes.through import PREFIX, through
from amharic_tts.text.numbers import cardinals
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, Rule
from amharic_tts.text.table import UNITS, table
from amharic_tts.text.written_numbers import DASH, END, NUMBER, START, amount, whole

CURRENCIES = {row["written"]: (row["spoken"], row["part"]) for row in table("units.tsv") if row["kind"] == "currency"}
SCALES = {
    "thousand": "ሺህ", "million": "ሚሊዮን", "billion": "ቢሊዮን", "trillion": "ትሪሊዮን",
    "ሚ": "ሚሊዮን", "k": "ሺህ", "m": "ሚሊዮን", "mn": "ሚሊዮን", "b": "ቢሊዮን", "bn": "ቢሊዮን",
}  # fmt: skip


PER = " በ"


def per_what(written: str) -> str:
    """What a price is for: 100 ብር/ኪ.ግ., 5 ብር/kg, 20 ብር/ሰው."""
    return UNITS.get(written) or entry(written) or written


def money(match: re.Match[str], context: Context) -> Readings | None:
    """The sum, then the currency; hundredths as its parts: አስራ ሁለት ብር ከሃምሳ ሳንቲም."""
    name, part = CURRENCIES[match.group("currency")]
    per = match.groupdict().get("per")
    if per:
        name += PER + per_what(per)
    written, last, scale = match.group("number", "last", "scale")
    options = context.options
    said, end = amount(written, options), amount(last, options) if last else None
    if said is None or (last and end is None):
        return None
    prefix = match.group("prefix") or ""
    said = through(match, said, end, context) if end else join(prefix, said)
    if scale:
        return join(said, " ", SCALES.get(scale.lower(), scale), " ", name)
    integer, point, hundredths = written.partition(".")
    if last or not point or len(hundredths) != 2 or not part:
        return join(said, " ", name)
    units, parts = whole(integer), int(hundredths)
    if units is None:
        return None
    sum_, small = join(prefix, cardinals(units, options), " ", name), join(cardinals(parts, options), " ", part)
    if parts:
        sum_ = join(sum_, " ከ", small) if units else join(prefix, small)
    return distinct(sum_, join(said, " ", name))


_AMOUNT = rf"(?P<number>{NUMBER})(?:(?:\s?ብር)?\s?{DASH}\s?[$€£¥₹]?(?P<last>{NUMBER}))?"
_SCALE = r"(?:\s?(?P<scale>ሺህ|ሺ|ሚ(?=[ .]|$)|ሚሊዮን|ሚልዮን|ቢሊዮን|ቢልዮን|ትሪሊዮን|(?i:thousand|million|billion|trillion|bn|mn|[kmb]))(?![A-Za-zሀ-ፚ]))?"
_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True) if sign != "ብር")
_PER = rf"(?:/(?P<per>[ሀ-ፚ]+(?:\.[ሀ-ፚ]+)+\.?|[ሀ-ፚ]{{2,}}|{'|'.join(sorted(UNITS, key=len, reverse=True))}))?"

RULES = (
    Rule(
        "currency", re.compile(rf"{PREFIX}(?<![A-Za-z])(?P<currency>{_SIGNS})\s?{START}{_AMOUNT}{END}{_SCALE}"), money
    ),
    Rule(
        "currency",
        re.compile(rf"{PREFIX}{START}{_AMOUNT}{END}{_SCALE}\s?(?P<currency>{_SIGNS}|ብር){_PER}(?![A-Za-zሀ-ፚ])"),
        money,
    ),
    # ብር 12.50, where the hundredths want the word order of speech; ብር 50 is read as it stands
    Rule(
        "currency",
        re.compile(
            rf"{PREFIX}(?<![ሀ-ፚ][ሀ-ፚ])(?P<currency>ብር)\s(?P<number>[0-9,]+\.[0-9]{{2}})(?P<last>)(?P<scale>){END}"
        ),
        money,
    ),
)
