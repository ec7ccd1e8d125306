"""Telephone numbers and the codes that are dialled (*847#)."""

import re

from amharic_tts.text.numbers import cardinal, digits
from amharic_tts.text.readings import Readings, distinct
from amharic_tts.text.rule import Context, Rule

PAUSE = "፣ "
PLUS, STAR, HASH = "ፕላስ", "ኮከብ", "መሰላል"
SHARED_DIALLING_CODE = "251"  # Ethiopia's


def phone(match: re.Match[str], context: Context) -> Readings:
    """0911 23 45 67 in pairs, as mobile numbers are said; other numbers digit by digit, in their groups."""
    written = match.group()
    figures = re.sub(r"[^0-9]", "", written)
    if written[0] == "+":
        code = SHARED_DIALLING_CODE if figures.startswith(SHARED_DIALLING_CODE) else figures[: len(figures) - 9]
        national, head = figures[len(code) :], f"{PLUS} {digits(code)}{PAUSE}" if code else f"{PLUS} "
    else:
        code, national, head = "", figures, ""
    one_by_one = digits(national)
    if re.fullmatch("0?[79][0-9]{8}", national):
        first, rest = national[:-6], national[-6:]
        groups = [f"{digits(first[:-2])} {_pair(first[-2:])}", *(_pair(rest[i : i + 2]) for i in (0, 2, 4))]
        return distinct(head + PAUSE.join(groups), head + one_by_one)
    parts = [part for part in re.split("[^0-9]+", written) if part and part != code]
    if len("".join(parts)) != len(national) or len(parts) < 2:
        parts = [national[:-7], national[-7:-4], national[-4:]] if len(national) > 7 else [national]
    return distinct(head + PAUSE.join(digits(part) for part in parts), head + one_by_one)


def dialled(match: re.Match[str], context: Context) -> Readings:
    """*847# -> ኮከብ ስምንት አራት ሰባት መሰላል."""
    names = {"*": STAR, "#": HASH}
    return (" ".join(names.get(sign) or digits(sign) for sign in match.group()),)


def _pair(figures: str) -> str:
    return digits(figures) if figures[0] == "0" else cardinal(int(figures))


_GAP = "[ -]?"
RULES = (
    Rule("phone", re.compile(r"(?<![0-9A-Za-z])\*[0-9]{2,}(?:\*[0-9]+)*#"), dialled),
    Rule("phone", re.compile(rf"(?<![0-9])\+{_GAP}[1-9](?:{_GAP}\(?[0-9]\)?){{7,13}}(?![0-9])"), phone),
    # Ethiopia: 0 and nine digits; not the groups of three that a number with thousands has
    Rule("phone", re.compile(rf"(?<![0-9.,:/-])0[1-9](?:{_GAP}[0-9]){{8}}(?![0-9]|[.,:/-][0-9])"), phone),
)
