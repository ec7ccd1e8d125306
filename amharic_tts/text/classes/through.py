"""From one number to another, in whatever they count: 10-15, 50-60%, 5-6 km, $10-15."""

import re

from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, before

FROM, TO = "ከ", " እስከ "
PREFIX = "(?:(?<![ሀ-ፚ])(?P<prefix>[ከበለየ]))?"  # goes before START in the pattern of a range
_ALREADY_TO = re.compile(r"(?:^|[^ሀ-ፚ])(?:እስከ|ከ)\s*$")


def through(match: re.Match[str], first: Readings, last: Readings, context: Context) -> Readings:
    """ከአስር እስከ አስራ አምስት. `match` has the group `prefix`: ከ is said once, another takes its place (በ10-15 ቀናት)."""
    prefix = match.group("prefix") or ""
    beside = join(prefix, first, " ", last)
    if _ALREADY_TO.search(before(match, context)):
        return beside
    spoken = join(prefix or FROM, first, TO, last)
    return distinct(spoken, beside) if context.options.hyphen == "range" else distinct(beside, spoken)
