"""Chapter and verse: ምዕራፍ ፫፡፲፮ and ዮሐንስ 3:16 look like times and are none."""

import re

from amharic_tts.text.homophones import fold
from amharic_tts.text.numbers import cardinals, ordinals
from amharic_tts.text.readings import Readings, join
from amharic_tts.text.rule import Context, Rule, before
from amharic_tts.text.table import table
from amharic_tts.text.written_numbers import DASH, END, START, whole

CHAPTER, VERSE = "ምዕራፍ ", " ቁጥር "
# The books of the Bible by their full and their short names.
_BIBLE = [row for row in table("abbreviations.tsv") if row["where"] == "before_verse"]
_MORE = (
    "ሮሜ",
    "ኢዮኤል",
    "ሩት",
    "ሐጌ",
    "ቲቶ",
    "ዳዊት",
    "ራዕይ",
    "ሱራ",
)  # names without a short form, and the chapters of the Quran
_NAMES = {fold(name.strip("."), True, True) for row in _BIBLE for name in (row["written"], row["spoken"])} | {
    fold(name, True, True) for name in _MORE
}
_BOOK = re.compile(
    rf"(?:^|[^ሀ-ፚ])[በከለየ]?(?:{'|'.join(sorted(map(re.escape, _NAMES), reverse=True))}|ሱረ[ትቱ]ል? [ሀ-ፚ-]+)(?:\s+(?:ወንጌል|ሰዎች))?\.?\s+$"
)
_CHAPTER = re.compile(r"ም[ዕእ](?:ራፍ|\.)\s*$")


def verse(match: re.Match[str], context: Context) -> Readings | None:
    """3:16-18 after a book or ምዕራፍ: the chapter, then the verse or the verses."""
    written = before(match, context)
    word = "" if _CHAPTER.search(written) else CHAPTER
    if word and not _BOOK.search(fold(written, True, True)):
        return None
    first, second, last = (whole(part) if part else None for part in match.group("chapter", "verse", "last"))
    if first is None or second is None or match.group("verse")[0] == "0":  # ዳንኤል 3:00 ላይ መጣ
        return None
    options = context.options
    chapter = join(word, cardinals(first, options), VERSE)
    if last is None:
        return join(chapter, cardinals(second, options))
    return join(chapter, "ከ", cardinals(second, options), " እስከ ", cardinals(last, options))


def numbered_book(match: re.Match[str], context: Context) -> Readings:
    """1 ቆሮንቶስ 13፡1 -> አንደኛ ቆሮንቶስ …"""
    return ordinals(int(match.group(1)), context.options)


_NUMBERED = "ሳሙኤል|ሳሙ|ነገ[ሥስ]ት|ነገ|ዜና(?: መዋዕል)?|ቆሮንቶስ|ቆሮ|ተሰሎንቄ|ተሰ|ጢሞቴዎስ|ጢሞ|ጴጥሮስ|ጴጥ|ዮ[ሐሀ]ንስ|ዮ[ሐሀ]|መቃብያን"
RULES = (
    Rule(
        "ordinal",
        re.compile(rf"{START}([1-4])(?=\s?(?:{_NUMBERED})\.?\s+[0-9፩-፼]+\s?[:፡፥]\s?[0-9፩-፼])"),
        numbered_book,
        needs=":፡፥",
    ),
    Rule(
        "verse",
        re.compile(
            rf"{START}(?P<chapter>[0-9]{{1,3}}|[፩-፼]+)\s?[:፡፥]\s?(?P<verse>[0-9]{{1,3}}|[፩-፼]+)"
            rf"(?:\s?{DASH}\s?(?P<last>[0-9]{{1,3}}|[፩-፼]+))?{END}(?!\s*(?:ሰ[ዓአ]ት|ላይ|[AP]M))"
        ),
        verse,
        needs=":፡፥",
    ),
)
