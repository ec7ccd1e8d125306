"""Dates in both calendars, and years that are said in hundreds."""

import re

from amharic_tts.text.calendars import ETHIOPIAN_MONTHS, GREGORIAN_MONTHS, exists
from amharic_tts.text.classes.months import BOUNDED, LATIN_MONTH, LATIN_MONTHS, MONTHS_ETHIOPIAN, MONTHS_GREGORIAN
from amharic_tts.text.numbers import cardinals, years
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import TAKEN, Context, Rule, after, before
from amharic_tts.text.written_numbers import DASH, END, START, WHOLE, whole

ERA = "ዓመተ ምህረት"
DAY = " ቀን "
# ዓ.ም. in its spellings, also with a space inside, after a number
ERA_MARK = r"\s*(?:[ዓአዐኣ]\s?[./።፡]\s?|ዓ)ም(?![ሀ-ፚ])(?:\.|፡(?!፡))?"
ERA_WORDS = re.compile(
    r"\s*(?:[ዓአ]መተ\s+(?:ምህረት|ምሕረት|ዓለም)|[ዓአዐኣ]\s?[./።፡]\s?[ምዓ]|ዓም|እ\s?[./]\s?[ኤኢ]\s?[./]|በ?እንደ\s+(?:አውሮፓ|ጎርጎ|ፈረንጆ|ኢትዮጵያ))"
)
# Other years between a year and its era: ከ1966 እስከ 1983 ዓ.ም., በ1966 እና በ1983 ዓ.ም.
_BETWEEN = r"\s*(?:[-–—፣,]|እስከ|እና|ና|ወይም)\s*(?:እስከ\s*)?[በከለየ]?"
_YEARS_BETWEEN = re.compile(rf"(?:{_BETWEEN}[0-9፩-፼]+)*")
EUROPEAN = re.compile(
    r"(?:እ[./]?\s?[ኤአ][./]?\s?[አዓ][./]?|(?:አውሮፓ[ሀ-ፚ]*|ጎርጎ[ሀ-ፚ]+|ፈረንጆ[ሀ-ፚ]+)\s+(?:የዘመን\s+)?አቆጣጠር)\s*[በከየለ]?(?:እስከ\s*)?$"
)
ETHIOPIAN = re.compile(r"(?:እ[./]\s?ኢ[./]\s?[አዓ][./]?|ኢትዮጵያ\s+(?:የዘመን\s+)?አቆጣጠር)\s*[በከየለ]?(?:እስከ\s*)?$")


def _date(year: int | None, month: str, day: int, context: Context, era: str = "") -> Readings:
    """Month, day and year in the order in which Amharic says them: ጥር አስራ ሁለት ቀን ሁለት ሺህ አስራ ስድስት."""
    said = join(month, " ", cardinals(day, context.options))
    return said if year is None else join(said, DAY, years(year, context.options), era)


# ከ12/05/2015 እስከ 15/05/2015 ዓ.ም.: one era for both
_ERA_LATER = re.compile(rf"\s*(?:እስከ|እና|{DASH})\s*[በከለየ]?[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-][0-9]{{4}}{ERA_MARK}")


def calendar_written(match: re.Match[str], context: Context) -> Readings | None:
    """12/5/2016 ዓ.ም., እ.ኤ.አ. 11/09/2024, 2024-09-11: the text says by which calendar it counts."""
    calendar = _calendar(match, context)
    return _in_figures(match, context, calendar) if calendar else None


def calendar_assumed(match: re.Match[str], context: Context) -> Readings | None:
    """11/09/2024: by the calendar of the options; by the other one where the date exists only there (30/2/2016)."""
    if _calendar(match, context):
        return None
    other = {"gregorian": "ethiopian", "ethiopian": "gregorian"}[context.options.calendar]
    return _in_figures(match, context, context.options.calendar) or _in_figures(match, context, other)


def _calendar(match: re.Match[str], context: Context) -> str | None:
    """The calendar that is written; a date with the year first is ISO 8601, and so Gregorian."""
    if match.group("era") or ETHIOPIAN.search(before(match, context)) or _ERA_LATER.match(after(match, context)):
        return "ethiopian"
    if len(match.group("first")) == 4 or EUROPEAN.search(before(match, context)):
        return "gregorian"
    return None


def _in_figures(match: re.Match[str], context: Context, calendar: str) -> Readings | None:
    first, second, third = (whole(match.group(name)) for name in ("first", "second", "third"))
    if first is None or second is None or third is None:
        return None
    if len(match.group("first")) == 4:
        year, month, day = first, second, third
    elif context.options.day_order == "day_first":
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    ethiopian = calendar == "ethiopian"
    if not exists(year, month, day, ethiopian):
        return None
    names = ETHIOPIAN_MONTHS if ethiopian else GREGORIAN_MONTHS
    return _date(year, names[month - 1], day, context, f" {ERA}" if match.group("era") else "")


def after_month(match: re.Match[str], context: Context) -> Readings | None:
    """መስከረም 1 ቀን 2017, ጥር 7/1987: an Amharic month, the day, the year."""
    day, year = whole(match.group("day")), whole(match.group("year"))
    if day is None or year is None or not 1 <= day <= 31 or not 1000 <= year <= 9999:
        return None
    options, prefix = context.options, match.group("prefix") or ""
    said = join(match.group("month"), " ", cardinals(day, options))
    joined = join(said, DAY, prefix, years(year, options))
    if "ቀን" in match.group("between"):
        return joined
    return distinct(joined, join(said, " ", prefix, years(year, options)))


def latin_month_first(match: re.Match[str], context: Context) -> Readings | None:
    """Jan 7, 2025 and January 7."""
    return _latin(match.group(1), whole(match.group(2)), match.group(3), context)


def latin_day_first(match: re.Match[str], context: Context) -> Readings | None:
    """7 January 2025 and 7th of Jan."""
    if match.group(2) == "may" and not match.group(3):  # the verb
        return None
    return _latin(match.group(2), whole(match.group(1)), match.group(3), context)


def latin_month_year(match: re.Match[str], context: Context) -> Readings | None:
    """January 2025."""
    month = LATIN_MONTHS.index(match.group(1)[:3].lower())
    return distinct(*(join(name, " ", years(int(match.group(2)), context.options)) for name in _spellings(month)))


def _latin(name: str, day: int | None, year: str | None, context: Context) -> Readings | None:
    month = LATIN_MONTHS.index(name[:3].lower())
    if day is None or not exists(int(year) if year else 2000, month + 1, day, False):
        return None
    return distinct(*(_date(int(year) if year else None, one, day, context) for one in _spellings(month)))


def _spellings(month: int) -> Readings:
    name = GREGORIAN_MONTHS[month]
    return distinct(name, name.replace("ዩወ", "ዋ").replace("ሩወ", "ሩዋ"))


def year(match: re.Match[str], context: Context) -> Readings | None:
    """A year of 1100…1999 beside ዓ.ም., እ.ኤ.አ. or a month: አስራ ዘጠኝ መቶ …"""
    value = whole(match.group())
    if value is None or not 1100 <= value <= 1999:
        return None
    following = after(match, context)
    followed = ERA_WORDS.match(following, _YEARS_BETWEEN.match(following).end())
    return years(value, context.options) if followed or _NEAR_YEAR.search(before(match, context)) else None


_NEAR_YEAR = re.compile(
    rf"(?:(?:{EUROPEAN.pattern[:-1]}|{ETHIOPIAN.pattern[:-1]})(?:[0-9]{{4}}{_BETWEEN})*"
    rf"|(?:^|[^ሀ-ፚ])[በከየለ]?(?:{MONTHS_ETHIOPIAN}|{MONTHS_GREGORIAN})\s+(?:[0-9፩-፼]+\s+)?(?:ቀን\s*[፣,]?\s*)?በ?)$"
)


def until(match: re.Match[str], context: Context) -> Readings | None:
    """ጥር 1 - የካቲት 5: the dash between two days."""
    return ("እስከ",)


def era(match: re.Match[str], context: Context) -> Readings | None:
    """ዓ.ም. after a number, where it may have a space inside."""
    return (ERA,)


_FIGURES = (
    rf"{START}(?P<first>[0-9]{{1,2}}|[፩-፼]+)(?P<mark>[./-])(?P<second>[0-9]{{1,2}}|[፩-፼]+)(?P=mark)"
    rf"(?P<third>[0-9]{{4}}|[፩-፼]+){END}(?P<era>{ERA_MARK})?"
)
_YEAR_FIRST = (
    rf"{START}(?P<first>[0-9]{{4}})(?P<mark>[./-])(?P<second>[0-9]{{1,2}})(?P=mark)(?P<third>[0-9]{{1,2}}){END}"
    rf"(?P<era>{ERA_MARK})?"
)
_AMHARIC_MONTH = (
    rf"{BOUNDED}(?P<month>{MONTHS_ETHIOPIAN}|{MONTHS_GREGORIAN})\s+{START}(?P<day>[0-9]{{1,2}}|[፩-፼]+)(?![0-9፩-፼])"
    rf"(?P<between>\s*ቀን\s*[፣,]?\s*|\s*[/፣,]\s*|\s+)(?P<prefix>በ)?(?P<year>[0-9]{{4}}|[፩-፼]+){END}(?!\s*%)"
)
_SUFFIX = "(?:st|nd|rd|th)?"
_MONTH_DAY = rf"{LATIN_MONTH}\s+([0-9]{{1,2}}){_SUFFIX}(?:,?\s+([0-9]{{4}}))?{END}"
_DAY_MONTH = rf"{START}([0-9]{{1,2}}){_SUFFIX}\s+(?:of\s+)?{LATIN_MONTH}(?:,?\s+([0-9]{{4}}){END})?"

WARNING = (
    "the calendar of this date is not written (ዓ.ም. or እ.ኤ.አ. would say it; the options calendar, day_order decide)"
)

LATIN_FIRST = "jfmasondJFMASOND"  # how the names of months begin
RULES = (
    Rule("date", re.compile(_YEAR_FIRST), calendar_written),
    Rule("date", re.compile(_FIGURES), calendar_written),
    Rule("date", re.compile(_FIGURES), calendar_assumed, WARNING),
    Rule("date", re.compile(_AMHARIC_MONTH), after_month),
    Rule(
        "range",
        re.compile(rf"(?<=[0-9፩-፼{TAKEN}])\s?{DASH}\s?(?=(?:{MONTHS_ETHIOPIAN}|{MONTHS_GREGORIAN})\s?[0-9፩-፼])"),
        until,
    ),
    Rule("date", re.compile(_MONTH_DAY, re.IGNORECASE), latin_month_first, needs=LATIN_FIRST),
    Rule("date", re.compile(_DAY_MONTH, re.IGNORECASE), latin_day_first, needs=LATIN_FIRST),
    Rule(
        "date", re.compile(rf"{LATIN_MONTH},?\s+([0-9]{{4}}){END}", re.IGNORECASE), latin_month_year, needs=LATIN_FIRST
    ),
)
# Years come after ranges (1935-1941 ዓ.ም.), which look at the era themselves.
YEARS = (Rule("year", re.compile(rf"{START}{WHOLE}{END}(?:(?![ሀ-ፚ])|(?={ERA_MARK}))"), year),)
ERAS = (Rule("abbreviation", re.compile(rf"(?<=[0-9፩-፼{TAKEN}]){ERA_MARK}"), era),)
