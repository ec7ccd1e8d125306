"""Words in Latin script: by the lexicon (tables/latin.tsv), else by the names of their letters; or kept."""

import functools
import re
import unicodedata

from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings
from amharic_tts.text.rule import Context, Rule
from amharic_tts.text.table import table

LETTER_NAMES = {
    "a": "ኤ", "b": "ቢ", "c": "ሲ", "d": "ዲ", "e": "ኢ", "f": "ኤፍ", "g": "ጂ", "h": "ኤች", "i": "አይ", "j": "ጄ", "k": "ኬ",
    "l": "ኤል", "m": "ኤም", "n": "ኤን", "o": "ኦ", "p": "ፒ", "q": "ኪው", "r": "አር", "s": "ኤስ", "t": "ቲ", "u": "ዩ", "v": "ቪ",
    "w": "ደብሊው", "x": "ኤክስ", "y": "ዋይ", "z": "ዜድ",
}  # fmt: skip
# Letters of Latin alphabets that are no base letter with a mark.
SPECIAL = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L",
                         "đ": "d", "ı": "i", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ħ": "h", "Ħ": "H",
                         "ŧ": "t", "Ŧ": "T", "ŋ": "ng", "Ŋ": "NG", "Đ": "D", "’": "'"})  # fmt: skip
LATIN = "A-Za-zÀ-ÖØ-öø-ſ"
LONG_NAMES = frozenset("w")  # names of several syllables stand as words of their own
TITLES = "Mr|Mrs|Ms|Dr|Prof|Eng|vs"


@functools.cache
def lexicon() -> dict[str, str]:
    """Words in lower case and how Amharic writes them."""
    return {row["written"]: row["spoken"] for row in table("latin.tsv")}


def plain(word: str) -> str | None:
    """The word in the letters A–Z (é -> e, ß -> ss), or None when it has a letter that is none of them with a mark."""
    decomposed = unicodedata.normalize("NFKD", word.translate(SPECIAL))
    kept = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return kept if kept.isascii() else None


def word_readings(written: str, options: FrontEndOptions) -> Readings | None:
    """One Latin word, perhaps with hyphens or apostrophes inside: Facebook -> ፌስቡክ, USA -> ዩኤስኤ, xyz -> ኤክስ ዋይ ዜድ."""
    word = plain(written)
    if word is None:
        return None
    return (word.replace("-", " ") if options.latin == "keep" else spell(word),)


def spell(word: str) -> str:
    """The word in Amharic: the lexicon's form, its parts' forms (EthioTelecom, state-of-the-art), or its letters."""
    known = lexicon().get(word.lower()) or lexicon().get(word.lower().replace("-", ""))
    if known:
        return known
    if "-" in word:
        return " ".join(spell(part) for part in word.split("-"))
    bare = word.replace("'", "")
    if word.lower().endswith("'s") and (owner := lexicon().get(word[:-2].lower())):
        return owner + "ስ"
    parts = re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", bare)
    if len(parts) > 1 and all(part.lower() in lexicon() or (part.isupper() and len(part) > 1) for part in parts):
        return " ".join(spell(part) for part in parts)
    return letters(bare)


def letters(word: str) -> str:
    """The names of the letters: joined in an acronym (USA -> ዩኤስኤ), apart in a word that nobody can say (xyz)."""
    names = [LETTER_NAMES[letter.lower()] for letter in word]
    if not word.isupper():
        return " ".join(names)
    long = {LETTER_NAMES[letter] for letter in LONG_NAMES}
    return " ".join("".join(f" {name} " if name in long else name for name in names).split())


def latin(match: re.Match[str], context: Context) -> Readings | None:
    """A Latin word."""
    return word_readings(match.group(), context.options)


def initials(match: re.Match[str], context: Context) -> Readings | None:
    """U.S.A. -> ዩኤስኤ."""
    return word_readings(match.group().replace(".", ""), context.options)


def title(match: re.Match[str], context: Context) -> Readings | None:
    """Dr. Abebe: the full stop belongs to the title, and is kept with it."""
    return None if context.options.latin == "keep" else word_readings(match.group(1), context.options)


RULES = (
    Rule("acronym", re.compile(rf"(?<![{LATIN}])(?:(?:[A-Z][a-z]?\.){{2,}}|(?:[a-z]\.){{2,}})(?![{LATIN}])"), initials),
    Rule("latin", re.compile(rf"(?<![{LATIN}])({TITLES})\.+(?!\s*$)"), title),
    Rule("acronym", re.compile(rf"(?<![{LATIN}])[A-Z]{{2,}}(?![{LATIN}]|[-'’][{LATIN}])"), latin),
    Rule("latin", re.compile(rf"[{LATIN}]+(?:[-'’][{LATIN}]+)*"), latin),
)
