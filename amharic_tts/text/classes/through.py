"""From one number to another, in whatever they count: 10-15, 50-60%, 5-6 km, $10-15."""

import re

from amharic_tts.text.classes.months import MONTHS_ETHIOPIAN, MONTHS_GREGORIAN
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, before

FROM, TO = "ከ", " እስከ "
PREFIX = "(?:(?<![ሀ-ፚ])(?P<prefix>[ከበለየ]))?"  # goes before START in the pattern of a range
# The parts of the day, bare and definite
PART = "ጠዋ[ትቱ]|ጧ[ትቱ]|ንጋ[ትቱ]|ረፋ[ድዱ]|ቀ[ንኑ]|ምሽ[ትቱ]|ማታው?|ሌሊ[ትቱ]"
# ከመስከረም 1-5, ከገጽ 5-7: ከ is said before the word that the numbers count
_ALREADY_FROM = re.compile(
    rf"(?:^|[^ሀ-ፚ])ከ(?:{MONTHS_ETHIOPIAN}|{MONTHS_GREGORIAN}|ገ[ጽፅ]|ምዕራፍ|ቁጥር|አንቀ[ጽፅ]|ክፍል|{PART})?\s+$"
)
_ALREADY_TO = re.compile(r"(?:^|[^ሀ-ፚ])እስከ\s*$")


def through(match: re.Match[str], first: Readings, last: Readings, context: Context) -> Readings:
    """ከአስር እስከ አስራ አምስት. `match` has the group `prefix`: ከ is said once, another takes its place (በ10-15 ቀናት)."""
    prefix = match.group("prefix") or ""
    beside = join(prefix, first, " ", last)
    written = before(match, context)
    if _ALREADY_TO.search(written):
        return beside
    spoken = join(prefix or ("" if _ALREADY_FROM.search(written) else FROM), first, TO, last)
    return distinct(spoken, beside) if context.options.hyphen == "range" else distinct(beside, spoken)
