"""Single signs that are said as a word."""

import re

from amharic_tts.text.readings import Readings
from amharic_tts.text.rule import Context, Rule, after, before

SPOKEN = {
    "&": "እና", "+": "ፕላስ", "=": "እኩል ይሆናል", "@": "አት", "%": "በመቶ", "‰": "በሺህ", "§": "አንቀጽ", "№": "ቁጥር", "#": "ሃሽታግ",
    "°": "ዲግሪ", "$": "ዶላር", "€": "ዩሮ", "£": "ፓውንድ", "×": "ሲባዛ በ", "÷": "ሲካፈል ለ", "π": "ፓይ", "Ω": "ኦም", "µ": "ማይክሮ", "²": "ካሬ", "³": "ኩብ",
}  # fmt: skip
OR = "ወይም"


def symbol(match: re.Match[str], context: Context) -> Readings:
    """& -> እና."""
    return (SPOKEN[match.group()],)


def slash(match: re.Match[str], context: Context) -> Readings | None:
    """ሰላም / ደህና and Wi-Fi/LAN: between words that are no abbreviation; between figures, but for telephone numbers, it is
    said as a sign."""
    written = before(match, context)
    if written[-1:].isnumeric() and after(match, context)[:1].isnumeric() and not written[-9:].isnumeric():
        return ("ስላሽ",)
    return None if context.options.slash == "refuse" else (OR,)


def list_slash(match: re.Match[str], context: Context) -> Readings:
    """1ኛ/ ተከሳሽ and ሀ/ ስለ: the mark after the number or letter of a list."""
    return ("፣",)


RULES = (
    Rule("list_mark", re.compile(r"(?<=\ue000)/(?=\s)|(?<=(?<![ሀ-ፚ])[ሀ-ፚ])/(?=\s)"), list_slash),
    Rule("symbol", re.compile(f"[{re.escape(''.join(SPOKEN))}]"), symbol),
    Rule(
        "alternative",
        re.compile(r"(?<=\S)\s/\s(?=\S)|(?<=[A-Za-z\ue000])/(?=[A-Za-zሀ-ፚ\ue000])|(?<=[ሀ-ፚ])/(?=[A-Za-z\ue000])"),
        slash,
    ),
)
