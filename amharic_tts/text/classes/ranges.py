"""Two numbers that belong together: ranges, scores, ratios, fractions, and numbers of laws."""

import re

from amharic_tts.text.classes.dates import ERA_WORDS, ETHIOPIAN, EUROPEAN
from amharic_tts.text.classes.months import BOUNDED, MONTHS_ETHIOPIAN, MONTHS_GREGORIAN
from amharic_tts.text.classes.through import PREFIX, through
from amharic_tts.text.numbers import CENTURIES, cardinals, ordinals, years
from amharic_tts.text.readings import Readings, distinct, join
from amharic_tts.text.rule import Context, Rule, after, before
from amharic_tts.text.written_numbers import DASH, DASHES, END, NUMBER, START, WHOLE, amount, pattern, whole

AGAINST, SLASH = " ለ", " ስላሽ "
HALF, QUARTER = "ግማሽ", "ሩብ"
VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
          "⅘": (4, 5), "⅙": (1, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8)}  # fmt: skip
# Words of a match after or before it: to win and lose (አሸነፈ, ተሸነፈ), to beat, to lead, a draw, a victory, goals, the result.
SCORED = re.compile(
    r"\s*(?:በሆነ\s+)?በ?(?:ውጤ[ትቱ]|ጎል|አቻ|ድል|ጨዋታ|ረታ|ረቷል|ተረታ|መርታት|መራ|ተመር|መምራት|ተለያ|ሽን?ፈት|በሜዳ|[ሀ-ፚ]{1,3}ሸ[ነን][ፈ-ፏ])"
)
SCORE = re.compile(r"(?:ውጤ[ትቱ][ሀ-ፚ]*|ጎል|አቻ|ባዶ)\s+[በለ]?$")
LARGEST_SCORE = 199
LARGEST_GOALS = 9
_COUNTED = re.compile(r"\s*(?:ሰ[ዓአ]ት|ቀን|ቀናት|ወር|ወራት|[ዓአ]መት)")
_MONTH = re.compile(rf"{BOUNDED}(?:{MONTHS_ETHIOPIAN}|{MONTHS_GREGORIAN})\s+$")
# What numbers with a slash after these words are: numbers of laws and houses, dates without a year, versions.
LABEL = re.compile(rf"(?:ቁጥር|ቁ[./]|አዋጅ|መዝገብ|ቀበሌ|ወረዳ|አንቀ[ጽፅ]|ገ[ጽፅ]|[A-Za-z]|{BOUNDED}(?:{MONTHS_ETHIOPIAN}))\s*$")
PARTS = frozenset((*range(2, 11), 12, 16, 20, 100, 1000))  # denominators of fractions that people write


def score(match: re.Match[str], context: Context) -> Readings | None:
    """3-1 አሸነፈ: where the words of a match stand by, or the second number is not the larger one."""
    first, second = whole(match.group("first")), whole(match.group("second"))
    if first is None or second is None or max(first, second) > LARGEST_SCORE:
        return None
    told = SCORED.match(after(match, context)) or SCORE.search(before(match, context))
    if not told and (first < second or _counts_on(match, context)):
        return None
    options = context.options
    return join(match.group("prefix") or "", cardinals(first, options), AGAINST, cardinals(second, options))


def range_(match: re.Match[str], context: Context) -> Readings | None:
    """10-15 -> ከአስር እስከ አስራ አምስት, also of years and decimals."""
    first, second = match.group("first", "second")
    sizes = _size(first), _size(second)
    if min(sizes) < 0:
        return None
    next_years = 1100 <= sizes[0] <= 2200 and sizes[0] % 100 < sizes[1] < 100  # 2015-16
    if sizes[0] >= sizes[1] and not next_years and not _counts_on(match, context):
        return None
    if all(size.is_integer() for size in sizes) and sizes[1] <= 2200 and _are_years(match, context):
        said = [years(int(size), context.options) for size in sizes]
    else:
        said = [amount(one, context.options) for one in (first, second)]
    if said[0] is None or said[1] is None:
        return None
    spoken = through(match, said[0], said[1], context)
    if max(sizes) <= LARGEST_GOALS and not match.group("prefix"):  # አርሰናል 1-3 ቼልሲ
        return distinct(spoken[:4], join(said[0], AGAINST, said[1]))
    return spoken


def with_scale(match: re.Match[str], context: Context) -> Readings | None:
    """ከ1 ሺህ-2 ሺህ: the first number has its own ሺህ."""
    first, second = (amount(match.group(name), context.options) for name in ("first", "second"))
    return first and second and through(match, join(first, " ", match.group("scale")), second, context)


def _counts_on(match: re.Match[str], context: Context) -> bool:
    """Whether a second number that is not the larger one goes on counting: ከ12-2 ሰዓት, ከጥር 25-5."""
    return match.group("prefix") == "ከ" or bool(
        _COUNTED.match(after(match, context)) or _MONTH.search(before(match, context))
    )


def _are_years(match: re.Match[str], context: Context) -> bool:
    """Whether both numbers are years: before or after an era, or as the years of a life in parentheses."""
    written, following = before(match, context), after(match, context)
    lived = written.endswith("(") and following.startswith(")") and _size(match.group("first")) >= 1100
    return lived or bool(ERA_WORDS.match(following) or EUROPEAN.search(written) or ETHIOPIAN.search(written))


def _size(written: str) -> float:
    """The value of a whole number or a decimal; -1 for none."""
    value = whole(written.partition(".")[0])
    return -1.0 if value is None else value + float("0" + written[written.find(".") :] if "." in written else 0)


def ordinal_range(match: re.Match[str], context: Context) -> Readings | None:
    """10ኛ-12ኛ and 10-12ኛ -> ከአስረኛ እስከ አስራ ሁለተኛ."""
    first, second = whole(match.group("first")), whole(match.group("second"))
    if first is None or second is None:
        return None
    return through(
        match, ordinals(first, context.options), join(ordinals(second, context.options), match["ending"]), context
    )


def against(match: re.Match[str], context: Context) -> Readings | None:
    """2ለ1 and 1:1000 -> ሁለት ለአንድ, አንድ ለአንድ ሺህ."""
    first, second = (amount(match.group(name), context.options) for name in ("first", "second"))
    return join(first, AGAINST, second) if first and second else None


def fraction(match: re.Match[str], context: Context) -> Readings | None:
    """3/4 -> ሶስት አራተኛ, 2 1/2 -> ሁለት ተኩል."""
    wholes, top, bottom = (whole(part) if part else None for part in match.group("wholes", "top", "bottom"))
    if top is None or bottom is None or not (0 < top < bottom and bottom in PARTS):
        return None
    if "0" in (match.group("top")[0], match.group("bottom")[0]) or LABEL.search(before(match, context)):
        return None
    return join(_fraction(wholes, top, bottom, context), match.group("ending") or "")


def beside(match: re.Match[str], context: Context) -> Readings | None:
    """979/2008 and 2016/17, numbers of laws and of budget years: number by number."""
    first, second = (amount(match.group(name), context.options) for name in ("first", "second"))
    value = whole(match.group("first"))
    if first is None or second is None or value is None:
        return None
    if value in CENTURIES and ERA_WORDS.match(after(match, context)):  # 1928/29 ዓ.ም.
        first = years(value, context.options)
    return distinct(join(first, SLASH, second), join(first, " ", second))


def vulgar(match: re.Match[str], context: Context) -> Readings | None:
    """½ -> ግማሽ, 2½ -> ሁለት ተኩል."""
    wholes = whole(match.group("wholes")) if match.group("wholes") else None
    return _fraction(wholes, *VULGAR[match.group("sign")], context)


def _fraction(wholes: int | None, top: int, bottom: int, context: Context) -> Readings:
    options = context.options
    counted = join(cardinals(top, options), " ", ordinals(bottom, options))
    named = {(1, 2): HALF, (1, 4): QUARTER}.get((top, bottom))
    if wholes is None:
        return distinct(named, counted) if named else counted
    if (top, bottom) == (1, 2):
        return join(cardinals(wholes, options), (" ተኩል", " ከግማሽ"))
    return join(cardinals(wholes, options), " ከ", distinct(named, counted) if named else counted)


_FIRST_SECOND = rf"{PREFIX}{START}(?P<first>{NUMBER})(?:{DASH}|\s{DASH}\s)(?P<second>{NUMBER}){END}"

RULES = (
    Rule(
        "fraction",
        re.compile(rf"{START}(?:(?P<wholes>[0-9]+)\s?)?(?P<sign>[{''.join(VULGAR)}])(?![0-9])"),
        vulgar,
        needs="".join(VULGAR),
    ),
    Rule(
        "fraction",
        pattern("(?:(?P<wholes>[0-9]+) )?(?P<top>{WHOLE})/(?P<bottom>{WHOLE})(?:ኛ(?P<ending>[ሀ-ፚ]*))?"),
        fraction,
        needs="/",
    ),
    Rule("pair", pattern("(?P<first>{WHOLE})/(?P<second>{WHOLE})"), beside, needs="/"),
    Rule(
        "range",
        re.compile(rf"{PREFIX}{START}(?P<first>{WHOLE})ኛ?\s?{DASH}\s?(?P<second>{WHOLE})ኛ(?P<ending>[ሀ-ፚ]*)"),
        ordinal_range,
        needs=DASHES,
    ),
    Rule("score", re.compile(_FIRST_SECOND), score, needs=DASHES),
    Rule("range", re.compile(_FIRST_SECOND), range_, needs=DASHES),
    Rule("score", pattern("(?P<first>{WHOLE}) ?ለ ?(?P<second>{WHOLE})"), against, needs="ለ"),
    Rule("ratio", pattern("(?P<first>{WHOLE})[:፡፥](?P<second>{WHOLE})"), against, needs=":፡፥"),
)
# Before sums of money, which would take 2 ሺህ ብር of 1 ሺህ-2 ሺህ ብር.
SCALED = (
    Rule(
        "range",
        re.compile(
            rf"{PREFIX}{START}(?P<first>{NUMBER})\s?(?P<scale>ሺህ?|ሚሊዮን|ቢሊዮን)\s?{DASH}\s?(?P<second>{NUMBER}){END}"
        ),
        with_scale,
        needs=DASHES,
    ),
)
