"""Puts the readings of spans back into their text, with spaces where words would run into each other."""

import re
from collections.abc import Sequence

from amharic_tts.text.affixes import ENDING, JOINED, WORD
from amharic_tts.text.letters import CLASS
from amharic_tts.text.rule import Span

_DETACHED = re.compile(r"(?:^|\s)[በለከየ] $")
_LAST_WORD = re.compile(f"[{CLASS}]+$")


def verbalise(text: str, spans: Sequence[Span], said: Sequence[str]) -> str:
    """`text` with every span replaced by what is `said` for it.

    A prefix stays joined (በ2015, የTelegram) and so does an ending (BBCን); any other word that touches a span is parted
    from it by a space, and so are two spans.
    """
    pieces: list[str] = []
    position = 0
    for span, words in zip(spans, said):
        gap = text[position : span.start]
        if position:
            gap = _after_span(gap) if gap else " "
        pieces += (_before_span(gap, span.written[0].isnumeric()), words)
        position = span.end
    pieces.append(_after_span(text[position:]) if position else text)
    return "".join(pieces)


def _before_span(gap: str, number: bool) -> str:
    if number and _DETACHED.search(gap):  # ከ 10 እስከ 15
        return gap[:-1]
    word = _LAST_WORD.search(gap)
    return gap if word is None or word.group() in JOINED else gap + " "


def _after_span(gap: str) -> str:
    word = WORD.match(gap)
    return gap if word is None or ENDING.fullmatch(word.group()) else " " + gap
