"""Punctuation: many ways of writing a mark, one mark for the model."""

import re

DASHES = "-_~\u2010\u2011\u2012\u2013\u2014\u2015\u2212"

# Each way of writing a mark and its ASCII form. The word space ፡ and dashes depend on their neighbours: see below.
MARKS: dict[str, str] = {
    "።": ".", "፨": ".", "፠": ".", "፣": ",", "、": ",", "،": ",", "፤": ";", "፥": ":", "፦": ":", "፧": "?", "؟": "?",
    **dict.fromkeys("«»“”„‟‹›‘’‚‛`´", '"'), **dict.fromkeys("•·●▪■◆▸►‣✓✔➢➤★☆→", ","), "|": ",",
    "[": "(", "{": "(", "]": ")", "}": ")",
}  # fmt: skip
ASCII = '.,;:?!…"()'
ETHIOPIC: dict[str, str] = {".": "።", ",": "፣", ";": "፤", ":": "፦"}  # the others are written alike in both

SPACED_COLONS = re.compile(r"[፡:](?: ?[፡:])+")
COLON_DASH = re.compile(f"[፡:][{DASHES}]+")
INNER_DASH = re.compile(rf"(?<=\w)[{DASHES}]+(?=\w)")
OTHER_DASH = re.compile(f"[{DASHES}]+")

# An apostrophe inside a Latin word that is kept is a letter of it, elsewhere a quotation mark.
QUOTE = re.compile(r"(?<![A-Za-z])'|'(?![A-Za-z])")

READABLE = frozenset(MARKS) | frozenset(ASCII) | frozenset(DASHES) | {"፡", "'"}


def to_ascii(text: str) -> str:
    """Every mark as one of `. , ; : ? ! … " ( )`; spaces before and after marks as in ordinary writing.

    `፡` between words is a space, doubled a full stop, before a dash a colon. A dash inside a word is a space, elsewhere
    a comma. The same mark several times is one (three dots or more: …); marks before the first word are dropped.
    """
    if "'" in text:
        text = QUOTE.sub('"', text)
    text = COLON_DASH.sub(":", text)
    text = SPACED_COLONS.sub(".", text)
    text = INNER_DASH.sub(" ", text.replace("፡", " "))
    text = OTHER_DASH.sub(",", text).translate(str.maketrans(MARKS))
    return _space(text)


def to_ethiopic(text: str) -> str:
    """As `to_ascii`, with Ethiopic marks where there is one: ። ፣ ፤ ፦ (and ? ! … " ( ) as in ASCII)."""
    return to_ascii(text).translate(str.maketrans(ETHIOPIC))


def _space(text: str) -> str:
    """Spacing first, so that marks of one kind stand together before they become one."""
    text = " ".join(text.split())
    text = re.sub(r"\s+(?=[.,;:?!…)])|(?<=\()\s+", "", text)
    text = re.sub(r"\.*…[….]*|\.{3,}", "…", text)
    text = re.sub(r"([.,;:?!\"()])\1+", r"\1", text)
    text = re.sub(r"^[.,;:?!…)\s]+", "", text)
    text = re.sub(r"(?<=[\w.,;:?!…)])\(", " (", text)
    return re.sub(r"(?<=[.,;:?!…)])(?=\w)", " ", text)
