"""Abbreviations, names and acronyms with full stops or slashes: ት/ቤት, ዓ.ም., ገ/ማርያም, ኢ.ፌ.ዲ.ሪ.

The table is tables/abbreviations.tsv. A form is found whatever its homophones (ሥ/አስኪያጅ, ስ/አስኪያጅ), its separators and
its last full stop; the longest entry wins; prefixes and endings stay (በት/ቤቱ -> በትምህርት ቤቱ).
"""

import functools
import re

from amharic_tts.text.affixes import ENDING, PREFIXES
from amharic_tts.text.classes.latin import LETTER_NAMES
from amharic_tts.text.homophones import fold
from amharic_tts.text.letters import CLASS, SIXTH, in_order, order, same_series
from amharic_tts.text.readings import Readings
from amharic_tts.text.rule import Context, Rule, after, before
from amharic_tts.text.table import table

GENITIVE = "የ"
OR = " ወይም "
_NUMBER_AFTER = re.compile(r"\s*[0-9፩-፼]")
_PREFIXED_NUMBER = re.compile(r"\s*[በከለየ]?\s*[0-9፩-፼]")
_VERSE_AFTER = re.compile(r"\s*[0-9፩-፼]+\s?[:፡፥]\s?[0-9፩-፼]")
_NUMBER_BEFORE = re.compile(r"[0-9፩-፼]\s*$")


def key(written: str) -> str:
    """The form under which an abbreviation is looked up: `ዓ.ም.` and `አ/ም` have one key."""
    return fold(_plain(written), True, True)


def _plain(written: str) -> str:
    return written.replace(".", "/").strip("/")


@functools.cache
def _entries(where: str) -> dict[str, str]:
    """Readings by key, and by spelling where two entries share a key (ዓ.ዓ. is an era, አ.አ. a town)."""
    rows = [row for row in table("abbreviations.tsv") if row["where"] == where]
    return {key(row["written"]): row["spoken"] for row in rows} | {
        _plain(row["written"]): row["spoken"] for row in rows
    }


@functools.cache
def _titles() -> frozenset[str]:
    return frozenset(row["spoken"] for row in table("abbreviations.tsv") if row["kind"] == "title")


def entry(written: str, *places: str) -> str | None:
    """What the table has for exactly this form, without prefix or ending, in these places (anywhere, after a number)."""
    return next((said for place in places or ("", "after_number") if (said := _entries(place).get(key(written)))), None)


def segmented(match: re.Match[str], context: Context) -> Readings | None:
    """A form of at least two segments: from the table, as the name it is, or as the acronym that its letters make."""
    written = match.group()
    form = written.removesuffix(".")
    said = look_up(form, match, context) or _name(form) or _acronym(form)
    if said is None:
        return None
    # ዓ.ም. swallows its last full stop, ት/ቤት. ends a sentence, but መዝ/ቁ. 5 and ዶ/ር. አበበ do not
    ends = written.endswith(".") and "/" in form and "." not in form
    within = _NUMBER_AFTER.match(after(match, context)) or said in _titles()
    return (said + ".",) if ends and not within else (said,)


def look_up(form: str, match: re.Match[str], context: Context) -> str | None:
    """The reading of `form` with its prefix and ending, or None when no entry of the table fits."""
    return _find(form, _entries("")) or near_number(form, match, context)


def near_number(form: str, match: re.Match[str], context: Context) -> str | None:
    """As `look_up`, of the entries that only a number before or after them gives away."""
    if _NUMBER_AFTER.match(after(match, context)) and (said := _find(form, _entries("before_number"))):
        return said
    return _entries("after_number").get(key(form)) if _NUMBER_BEFORE.search(before(match, context)) else None


def _find(form: str, entries: dict[str, str]) -> str | None:
    plain = form.replace(".", "/")
    for spelling in dict.fromkeys((plain, fold(plain, True, True))):
        for prefix in ("", *PREFIXES):
            if spelling.startswith(prefix) and (said := _longest(spelling, form, len(prefix), entries)):
                return _prefixed(prefix, said)
    return None


def _longest(folded: str, form: str, start: int, entries: dict[str, str]) -> str | None:
    """The entry at `start` that leaves the shortest ending, joined with that ending."""
    for end in range(len(folded), start, -1):
        ending = form[end:]
        spoken = entries.get(folded[start:end])
        if spoken is not None:
            if not ending:
                return spoken
            if same_series(spoken[-1], ending[0]) and order(spoken[-1]) == SIXTH and ENDING.fullmatch(ending[1:]):
                return spoken[:-1] + ending  # ጠ/ሚሩ: ሚኒስትር + ሩ
            if ENDING.fullmatch(ending):
                return spoken + ending
        last = folded[end - 1]
        if last != "/" and order(last) != SIXTH and ENDING.fullmatch(ending):  # ት/ቤቱ: ት/ቤት with another vowel
            spoken = entries.get(folded[start : end - 1] + in_order(last, SIXTH))
            if spoken is not None and same_series(spoken[-1], last):
                return spoken[:-1] + last + ending
    return None


def _prefixed(prefix: str, spoken: str) -> str:
    """A prefix takes the place of a genitive: የ + የኢትዮጵያ … is said once, በ + የተባበሩት is በተባበሩት."""
    return prefix + (spoken.removeprefix(GENITIVE) if prefix else spoken)


def _name(form: str) -> str | None:
    """ገ/ማርያም -> ገብረ ማርያም: heads of names before any name."""
    first, slash, rest = form.partition("/")
    if not slash or "/" in rest or "." in form or len(rest) < 2:
        return None
    folded = fold(first, True, True)
    for prefix in ("", *PREFIXES):
        spoken = _entries("head").get(folded.removeprefix(prefix)) if folded.startswith(prefix) else None
        if spoken:
            return f"{prefix}{spoken} {rest}"
    return None


def _acronym(form: str) -> str | None:
    """አ.ብ.ን. -> አብን: single letters with full stops are said as the word they make."""
    parts = form.split(".")
    if len(parts) > 1 and all(part in LETTER_NAMES.values() for part in parts):  # ዲ.ኤስ.ቲ.ቪ
        return "".join(parts)
    if len(parts) < 3 or any(len(part) > 1 for part in parts[1:]) or len(parts[0]) > 2:
        return None
    return "".join(parts)


def before_number(match: re.Match[str], context: Context) -> Readings | None:
    """ቁ. 5 -> ቁጥር አምስት, ማቴ 5፥3 -> ማቴዎስ …: a full stop and a number give a short form away, or a verse a book."""
    form, stop = match.groups()
    if _VERSE_AFTER.match(after(match, context)):
        books = _entries("before_verse")
        prefix = next((one for one in ("", *PREFIXES) if form.startswith(one) and key(form[len(one) :]) in books), None)
        return None if prefix is None else (prefix + books[key(form[len(prefix) :])],)
    said = _find(form, _entries("before_number")) if stop else None
    return (said,) if said else None


def after_number(match: re.Match[str], context: Context) -> Readings | None:
    """5 ሜ. -> አምስት ሜትር; a letter of the alphabet needs its full stop, for ክፍል 5 ሰ is no unit."""
    form = match.group(1)
    lettered = len(form) == 1 and order(form) == 0 and not match.group().endswith(".")
    if lettered or not _NUMBER_BEFORE.search(before(match, context)):
        return None
    said = _entries("after_number").get(key(form))
    return (said,) if said else None


def spaced(match: re.Match[str], context: Context) -> Readings | None:
    """5 ኪ. ሜ. and እ. ኤ. አ. በ1966: spaces inside, where a number stands by."""
    form = match.group().replace(" ", "")
    near = _NUMBER_BEFORE.search(before(match, context)) or _PREFIXED_NUMBER.match(after(match, context))
    said = (_find(form.removesuffix("."), _entries("")) or entry(form)) if near else None
    return (said,) if said else None


def alternatives(match: re.Match[str], context: Context) -> Readings | None:
    """አብዛኛው/ሁሉም -> አብዛኛው ወይም ሁሉም. A part of one letter is an abbreviation that the table lacks."""
    if context.options.slash == "refuse":
        return None
    parts = []
    for part in match.group().split("/"):
        said = look_up(part, match, context) if "." in part else part
        if not said or len(part) < 2:
            return None
        parts.append(said)
    return (OR.join(parts),)


_SEGMENT = f"[{CLASS}]{{1,14}}"
RULES = (
    Rule("abbreviation", re.compile(rf"(?<![{CLASS}./]){_SEGMENT}(?:[./]{_SEGMENT})+(?![{CLASS}/])\.?"), segmented),
    Rule("abbreviation", re.compile(rf"(?<![{CLASS}./])({_SEGMENT})(\.?)(?=\s*[0-9፩-፼\ue000])"), before_number),
    Rule(
        "abbreviation",
        re.compile(rf"(?<=[0-9፩-፼\ue000])\s*(?<![{CLASS}./])({_SEGMENT})(?![{CLASS}/]|\.[{CLASS}])\.?"),
        after_number,
    ),
    Rule(
        "abbreviation",
        re.compile(rf"(?<![{CLASS}./])[{CLASS}]{{1,2}}(?:\. ?[{CLASS}]{{1,2}}){{1,4}}(?![{CLASS}/0-9፩-፼\ue000])\.?"),
        spaced,
    ),
    Rule("alternative", re.compile(rf"(?<![{CLASS}./])[{CLASS}.]+(?:/[{CLASS}.]+)+(?<!\.)"), alternatives),
)
