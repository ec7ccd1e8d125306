"""Times of day and durations.

Amharic counts the hours from six in the morning. `literal` reads the clock that is written; `to_ethiopian` takes six
hours off where the writing proves an international clock: AM or PM, an hour above 12, or 00.
"""

import re

from amharic_tts.text.classes.through import PART, PREFIX
from amharic_tts.text.numbers import cardinals
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, Rule, before
from amharic_tts.text.written_numbers import DASH, END, START, whole

HOUR, MINUTE, SECOND = " ሰዓት", " ደቂቃ", " ሰከንድ"
FROM = "ከ"
# The part of the day in which an international hour lies, and by which the Ethiopian one is told.
PARTS = ((6, "ሌሊቱ "), (12, "ጠዋቱ "), (18, "ቀኑ "), (24, "ምሽቱ "))
PART_WRITTEN = re.compile(rf"(?:^|[^ሀ-ፚ])[በከለየ]?(?:{PART}|ሰ[ዓአ]ት በኋላ)\s*(?:ላይ\s*)?[በከ]?$")
UNTIL = re.compile(r"(?:^|[^ሀ-ፚ])እስከ\s*$")
MERIDIEM = {"a": " ኤኤም", "p": " ፒኤም"}


def clock(match: re.Match[str], context: Context) -> Readings | None:
    """3:00 -> ሶስት ሰዓት, 3፡30 ሰዓት -> ሶስት ሰዓት ተኩል, 8:15 -> ስምንት ሰዓት ከሩብ, 7 AM."""
    prefix = match.group("prefix") or ""
    part_written = bool(PART_WRITTEN.search(before(match, context)))
    time = _time(*match.group("hour", "minute", "meridiem"), part_written, context.options)
    if time is None:
        return None
    part, said = time
    if prefix:  # a prefix goes before the hour, not before ለሶስት ሰዓት ሩብ ጉዳይ
        said = tuple(one for one in said if not one.startswith("ለ")) or said
    if part and UNTIL.search(before(match, context)):
        return join(part, said)
    if part:  # በ14:30 -> ከቀኑ በስምንት ሰዓት ተኩል
        return join(FROM, part, prefix.removeprefix(FROM), said)
    return join(prefix, said)


def dotted(match: re.Match[str], context: Context) -> Readings | None:
    """ከጠዋቱ 2.30 and 2.30 ሰዓት: a full stop for the colon, where the part of the day or the hour is said."""
    told = match.group()[-1].isdigit() and not PART_WRITTEN.search(before(match, context))
    return None if told else clock(match, context)


def clock_range(match: re.Match[str], context: Context) -> Readings | None:
    """3:00-5:30 -> ከሶስት ሰዓት እስከ አምስት ሰዓት ተኩል; a ከ that is written already is not doubled."""
    part_written = bool(PART_WRITTEN.search(before(match, context)))
    first = _time(*match.group("hour", "minute", "meridiem"), part_written, context.options)
    second = _time(*match.group("hour2", "minute2", "meridiem2"), part_written, context.options)
    if first is None or second is None:
        return None
    later = second[0] if second[0] != first[0] else ""
    return join("" if part_written else FROM, first[0], first[1], " እስከ ", later, second[1])


def minutes(match: re.Match[str], context: Context) -> Readings | None:
    """3:45 ደቂቃ -> ሶስት ደቂቃ ከአርባ አምስት ሰከንድ."""
    first, second = int(match.group(1)), int(match.group(2))
    if second > 59:
        return None
    options = context.options
    return join(cardinals(first, options), MINUTE, " ", FROM, cardinals(second, options), SECOND)


def duration(match: re.Match[str], context: Context) -> Readings | None:
    """1:30:05 -> አንድ ሰዓት ከሰላሳ ደቂቃ ከአምስት ሰከንድ."""
    hours, minutes, seconds = (int(part) for part in match.groups())
    if minutes > 59 or seconds > 59:
        return None
    parts: list[str | Readings] = []
    for value, unit in ((hours, HOUR), (minutes, MINUTE), (seconds, SECOND)):
        if value or (unit == HOUR and not minutes and not seconds):
            parts += [" " + FROM if parts else "", cardinals(value, context.options), unit]
    return join(*parts)


def _time(
    hour: str, minute: str | None, meridiem: str | None, part_written: bool, options: FrontEndOptions
) -> tuple[str, Readings] | None:
    """The part of the day, where the clock is turned to the Ethiopian one, and the time; None for what is no time."""
    hours, minutes = whole(hour), whole(minute or "0")
    if hours is None or minutes is None or hours > 24 or minutes > 59 or (meridiem and not 1 <= hours <= 12):
        return None
    half = meridiem[0].lower() if meridiem else ""
    international = bool(half) or hours > 12 or hours == 0
    if options.clock == "to_ethiopian" and international and (not part_written or not 1 <= hours <= 12):
        of_day = hours % 12 + (12 if half == "p" else 0) if half else hours % 24
        part = next(name for end, name in PARTS if of_day < end)
        return "" if part_written else part, _told((of_day - 6) % 12 or 12, minutes, options)
    said = _told(hours, minutes, options) if 1 <= hours <= 12 else _counted(hours, minutes, options)
    return "", join(said, MERIDIEM[half]) if half else said


def _told(hour: int, minute: int, options: FrontEndOptions) -> Readings:
    """An hour of a twelve-hour clock: its half is ተኩል, its quarter ከሩብ."""
    said = join(cardinals(hour, options), HOUR)
    counted = _counted(hour, minute, options)
    following = cardinals(hour % 12 + 1, options)
    if minute == 15:
        return distinct(join(said, " ከሩብ"), counted)
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
    return join(said, " ", FROM, cardinals(minute, options), MINUTE) if minute else said


_HOUR_WORD = r"(?:\s*ሰ[ዓአ]ት(?![ሀ-ፚ]))?"
_MERIDIEM = r"[AaPp]\.?\s?[Mm](?![A-Za-z])\.?"
_COLON = r"(?:[:፡]|\s[:፡]\s?|[:፡]\s)"

RULES = (
    Rule(
        "duration",
        re.compile(rf"{START}([0-9]{{1,2}})[:፡]([0-9]{{2}})[:፡]([0-9]{{2}}){END}{_HOUR_WORD}"),
        duration,
        needs=":፡",
    ),
    Rule("duration", re.compile(rf"{START}([0-9]{{1,3}})[:፡]([0-9]{{2}}){END}\s*ደቂቃ(?![ሀ-ፚ])"), minutes, needs=":፡"),
    Rule(
        "time",
        re.compile(
            rf"(?<![ሀ-ፚ])ከ?{START}(?P<hour>[0-9]{{1,2}})[:፡](?P<minute>[0-9]{{2}})(?:\s?(?P<meridiem>{_MERIDIEM}))?\s?{DASH}\s?"
            rf"(?P<hour2>[0-9]{{1,2}})[:፡](?P<minute2>[0-9]{{2}}){END}(?:\s?(?P<meridiem2>{_MERIDIEM}))?{_HOUR_WORD}"
        ),
        clock_range,
        needs=":፡",
    ),
    Rule(
        "time",
        re.compile(
            rf"{PREFIX}{START}(?P<hour>[0-9]{{1,2}}|[፩-፼]{{1,2}}){_COLON}(?P<minute>[0-9]{{2}}|[፩-፼]{{1,2}}){END}"
            rf"(?:\s*(?P<meridiem>{_MERIDIEM}))?{_HOUR_WORD}"
        ),
        clock,
        needs=":፡",
    ),
    Rule(
        "time",
        re.compile(rf"{PREFIX}{START}(?P<hour>[0-9]{{1,2}})\.(?P<minute>[0-5][05]){END}(?P<meridiem>){_HOUR_WORD}"),
        dotted,
        needs=".",
    ),
    Rule(
        "time",
        re.compile(rf"{PREFIX}{START}(?P<hour>[0-9]{{1,2}})(?P<minute>)\s?(?P<meridiem>{_MERIDIEM}){_HOUR_WORD}"),
        clock,
        needs="mM",
    ),
)
