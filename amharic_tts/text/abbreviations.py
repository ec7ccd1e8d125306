"""Abbreviations: found before punctuation is, for their full stops and slashes are none."""

import re

from amharic_tts.text.error import TextError

# Single letters with full stops between them: ዓ.ም. and እ.ኤ.አ, also with a prefix (በዓ.ም.)
INITIALS = re.compile(r"\w{1,3}\.\w(?:\.\w)*(?!\w)\.?")


def refuse_abbreviations(text: str) -> None:
    """Raises TextError for an abbreviation by initials: spelled out letter by letter it would be read wrongly."""
    found = INITIALS.search(text)
    if found:
        raise TextError("an abbreviation has no reading yet, write it in full", text, found.start(), found.end())
