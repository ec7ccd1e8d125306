"""Times of day and durations.

Amharic counts the hours from six in the morning. `literal` reads the clock that is written; `to_ethiopian` takes six
hours off where the writing proves an international clock: AM or PM, an hour above 12, or 00.
"""

import re

from amharic_tts.text.classes.through import PREFIX
from amharic_tts.text.numbers import cardinals
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, Rule, before
from amharic_tts.text.written_numbers import DASH, END, START, whole

HOUR, MINUTE, SECOND = " ሰዓት", " ደቂቃ", " ሰከንድ"
FROM = " ከ"
# The part of the day in which an international hour lies, and by which the Ethiopian one is told.
PARTS = ((6, "ከሌሊቱ "), (12, "ከጠዋቱ "), (18, "ከቀኑ "), (24, "ከምሽቱ "))
PART_WRITTEN = re.compile(r"(?:ጠዋቱ?|ጧት|ንጋቱ?|ረፋዱ?|ቀኑ?|ሰ[ዓአ]ት በኋላ|ምሽቱ?|ማታው?|ሌሊቱ?)\s*(?:ላይ\s*)?[በከ]?$")
MERIDIEM = {"a": " ኤኤም", "p": " ፒኤም"}


def clock(match: re.Match[str], context: Context) -> Readings | None:
    """3:00 -> ሶስት ሰዓት, 3፡30 ሰዓት -> ሶስት ሰዓት ተኩል, 8:15 -> ስምንት ሰዓት ከሩብ, 7 AM."""
    return _time(match.group("hour"), match.group("minute"), match.group("meridiem"), match, context)


def clock_range(match: re.Match[str], context: Context) -> Readings | None:
    """3:00-5:30 -> ከሶስት ሰዓት እስከ አምስት ሰዓት ተኩል; a ከ that is written already is not doubled."""
    first = _time(match.group("hour"), match.group("minute"), None, match, context)
    second = _time(match.group("hour2"), match.group("minute2"), None, match, context)
    if not first or not second:
        return None
    return join("" if PART_WRITTEN.search(before(match, context)) else "ከ", first, " እስከ ", second)


def duration(match: re.Match[str], context: Context) -> Readings | None:
    """1:30:05 -> አንድ ሰዓት ከሰላሳ ደቂቃ ከአምስት ሰከንድ."""
    hours, minutes, seconds = (int(part) for part in match.groups())
    if minutes > 59 or seconds > 59:
        return None
    parts: list[str | Readings] = []
    for value, unit in ((hours, HOUR), (minutes, MINUTE), (seconds, SECOND)):
        if value or (unit == HOUR and not minutes and not seconds):
            parts += [FROM if parts else "", cardinals(value, context.options), unit]
    return join(*parts)


def _time(
    hour: str, minute: str | None, meridiem: str | None, match: re.Match[str], context: Context
) -> Readings | None:
    hours, minutes = whole(hour), int(minute or 0)
    if hours is None or hours > 24 or minutes > 59 or (meridiem and not 1 <= hours <= 12):
        return None
    options = context.options
    prefix = match.groupdict().get("prefix") or ""
    half = meridiem[0].lower() if meridiem else ""
    international = bool(half) or hours > 12 or hours == 0
    if options.clock == "to_ethiopian" and international and not PART_WRITTEN.search(before(match, context)):
        day_hour = hours % 12 + (12 if half == "p" else 0) if half else hours % 24
        part = next(name for end, name in PARTS if day_hour < end)
        told = _told((day_hour - 6) % 12 or 12, minutes, options)
        return join(part, prefix.removeprefix("ከ"), told)  # በ14:30 -> ከቀኑ በስምንት ሰዓት ተኩል
    said = _told(hours, minutes, options) if 1 <= hours <= 12 else _counted(hours, minutes, options)
    return join(prefix, said, MERIDIEM[half] if half else "")


def _told(hour: int, minute: int, options: FrontEndOptions) -> Readings:
    """An hour of a twelve-hour clock: its half is ተኩል, its quarter ከሩብ."""
    said = join(cardinals(hour, options), HOUR)
    counted = _counted(hour, minute, options)
    following = cardinals(hour % 12 + 1, options)
    if minute == 15:
        return distinct(join(said, f"{FROM}ሩብ"), counted)
    if minute == 30:
        return distinct(join(said, " ተኩል"), counted)
    if minute == 45:
        return distinct(counted, join("ለ", following, HOUR, " ሩብ ጉዳይ"))
    if minute > 30:
        return distinct(counted, join("ለ", following, HOUR, " ", cardinals(60 - minute, options), " ጉዳይ"))
    return counted


def _counted(hour: int, minute: int, options: FrontEndOptions) -> Readings:
    """An hour and its minutes: አስራ አራት ሰዓት ከሰላሳ ደቂቃ."""
    said = join(cardinals(hour, options), HOUR)
    return join(said, FROM, cardinals(minute, options), MINUTE) if minute else said


_HOUR_WORD = r"(?:\s*ሰ[ዓአ]ት(?![ሀ-ፚ]))?"
_MERIDIEM = r"(?P<meridiem>[AaPp]\.?\s?[Mm](?![A-Za-z])\.?)"

RULES = (
    Rule("duration", re.compile(rf"{START}([0-9]{{1,2}})[:፡]([0-9]{{2}})[:፡]([0-9]{{2}}){END}"), duration),
    Rule(
        "time",
        re.compile(
            rf"(?<![ሀ-ፚ])ከ?{START}(?P<hour>[0-9]{{1,2}})[:፡](?P<minute>[0-9]{{2}})\s?{DASH}\s?"
            rf"(?P<hour2>[0-9]{{1,2}})[:፡](?P<minute2>[0-9]{{2}}){END}{_HOUR_WORD}"
        ),
        clock_range,
    ),
    Rule(
        "time",
        re.compile(
            rf"{PREFIX}{START}(?P<hour>[0-9]{{1,2}}|[፩-፼]{{1,2}})(?:[:፡]|\s[:፡]\s?|[:፡]\s)(?P<minute>[0-9]{{2}}){END}"
            rf"(?:\s*{_MERIDIEM})?{_HOUR_WORD}"
        ),
        clock,
    ),
    Rule("time", re.compile(rf"{PREFIX}{START}(?P<hour>[0-9]{{1,2}})(?P<minute>)\s?{_MERIDIEM}{_HOUR_WORD}"), clock),
)
