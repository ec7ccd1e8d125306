"""Unicode clean-up: one code point sequence for what looks the same."""

import re
import unicodedata

# Invisible characters that carry no sound: soft hyphen, zero-width space, joiners and byte-order mark, word joiner,
# and the marks, embeddings and isolates of writing direction.
INVISIBLE = (0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F))
INVISIBLE = (*INVISIBLE, *range(0x2066, 0x206A))

# Everything that is a space or a line break: tab to carriage return, next line, and Unicode's space separators.
SPACES = (*range(0x09, 0x0E), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)

FULL_WIDTH = range(0xFF01, 0xFF5F)  # ！ to ～, in ASCII's order
FULL_WIDTH_OFFSET = 0xFF01 - 0x21

TABLE: dict[int, str] = {
    **dict.fromkeys(INVISIBLE, ""),
    **dict.fromkeys(SPACES, " "),
    **{point: chr(point - FULL_WIDTH_OFFSET) for point in FULL_WIDTH},
    **{point: chr(point - 0x2080 + 0x30) for point in range(0x2080, 0x208A)},  # CO₂
    0xBA: "°",  # the ordinal sign of Romance languages, which keyboards offer for degrees
}


# /አምስት መቶ ብር/: slashes as parentheses
BRACKETS = re.compile(r"(?<!\S)/(?=[^\s/])([^\n]{1,80}?)(?<=[^\s/])/(?=[\s.,;:።፣፤?!]|$)")


def clean(text: str) -> str:
    """NFC, full-width forms to ASCII, every kind of space to a space, invisible characters removed.

    Runs of spaces become one, ends are bare. `clean(clean(x)) == clean(x)`.
    """
    # the table first: an invisible character between a letter and its combining mark would keep NFC from joining them
    text = " ".join(unicodedata.normalize("NFC", text.translate(TABLE)).split())
    return BRACKETS.sub(r"(\1)", text.replace("<<", "«").replace(">>", "»")) if "/" in text or "<" in text else text
