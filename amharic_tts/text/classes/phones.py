"""Telephone numbers and the codes that are dialled (*847#)."""

import re

from amharic_tts.text.numbers import cardinal, digits
from amharic_tts.text.readings import Readings, distinct
from amharic_tts.text.rule import Context, Rule, before

PAUSE = "፣ "
PLUS, STAR, HASH = "ፕላስ", "ኮከብ", "መሰላል"
ETHIOPIA = "251"  # its dialling code
ANNOUNCED = re.compile(
    r"(?:ስልክ|ሞባይል|ፋክስ|ስ[./]ቁ\.?|(?<![A-Za-z])(?:tel|mobile|phone|fax)\.?)(?:\s*(?:ቁጥራችን|ቁጥር|ቁ\.))?\s*[:፡፦-]*\s*$",
    re.IGNORECASE,
)


def phone(match: re.Match[str], context: Context) -> Readings:
    """0911 23 45 67 in pairs, as mobile numbers are said; other numbers digit by digit, in their groups."""
    groups = re.findall("[0-9]+", match.group())
    figures = "".join(groups)
    international = match.group()[0] == "+" or figures.startswith("00") or len(figures) == 12
    figures = figures.removeprefix("00") if international else figures
    plus = f"{PLUS} " if match.group()[0] == "+" else ""
    code = ""
    if international:
        code = ETHIOPIA if figures.startswith(ETHIOPIA) else groups[0] if len(groups[0]) <= 3 else figures[:-9]
    national = figures[len(code) :]
    head = plus + (digits(code) + PAUSE if code else "")
    one_by_one = head + digits(national)
    if re.fullmatch("0?[79][0-9]{8}", national):
        first, rest = national[:-6], national[-6:]
        said = PAUSE.join([f"{digits(first[:-2])} {_pair(first[-2:])}", *(_pair(rest[i : i + 2]) for i in (0, 2, 4))])
        return distinct(head + said, one_by_one)
    parts = groups[1:] if code and groups[0] == code else groups
    if "".join(parts) != national or len(parts) < 2:
        parts = [national[:-7], national[-7:-4], national[-4:]] if len(national) > 7 else [national]
    return distinct(head + PAUSE.join(digits(part) for part in parts), one_by_one)


def announced(match: re.Match[str], context: Context) -> Readings | None:
    """ስልክ 551-2345, ስልክ ቁጥር 8335: any figures after the word for a telephone."""
    if not ANNOUNCED.search(before(match, context)):
        return None
    groups = re.findall("[0-9]+", match.group())
    return distinct(PAUSE.join(digits(group) for group in groups), digits("".join(groups)))


def dialled(match: re.Match[str], context: Context) -> Readings:
    """*847# -> ኮከብ ስምንት አራት ሰባት መሰላል."""
    names = {"*": STAR, "#": HASH}
    return (" ".join(names.get(sign) or digits(sign) for sign in match.group()),)


def _pair(figures: str) -> str:
    return digits(figures) if figures[0] == "0" else cardinal(int(figures))


_GAP = "[ ./-]?"
_BOUNDS = r"(?<![0-9.:-])", r"(?![0-9]|[.:-][0-9])"
RULES = (
    Rule("phone", re.compile(r"(?<![0-9A-Za-z])\*[0-9]{2,}(?:\*[0-9]+)*#"), dialled, needs="*"),
    Rule("phone", re.compile(rf"(?<![0-9])\+{_GAP}[1-9](?:{_GAP}\(?[0-9]\)?){{7,13}}(?![0-9])"), phone, needs="+"),
    Rule("phone", re.compile(rf"{_BOUNDS[0]}(?:00)?251{_GAP}[79](?:{_GAP}[0-9]){{8}}{_BOUNDS[1]}"), phone),
    # Ethiopia: 0 and nine digits
    Rule("phone", re.compile(rf"{_BOUNDS[0]}\(?0[1-9](?:{_GAP}[0-9]\)?){{8}}{_BOUNDS[1]}"), phone),
    Rule("phone", re.compile(r"(?<![0-9.,:/-])[0-9]{3,}(?:[ -][0-9]{2,})*(?![0-9]|[.,:/-][0-9])"), announced),
)
