"""Every decision of the front-end, to be looked at."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from amharic_tts.text.labialised import contract
from amharic_tts.text.letters import CLASS
from amharic_tts.text.rule import Span
from amharic_tts.text.unicode import SPACES, TABLE, clean

_TOKEN = re.compile(f"[{CLASS}]+|[^{CLASS}\\s]+")
_SPACE = "".join(map(chr, SPACES)) + " "
_RUN = re.compile(f"[{re.escape(_SPACE)}]+|[^{re.escape(_SPACE)}]+")
_LETTER = "ሀ"  # stands in for a neighbouring word where a mark depends on one


@dataclass(frozen=True)
class Decision:
    """What stands at start:end of the cleaned text, its class, and what it became ("" for what has no sound)."""

    start: int
    end: int
    kind: str
    written: str
    became: str
    warning: str = ""


@dataclass(frozen=True)
class Explanation:
    """raw: as given. text: after Unicode clean-up; decisions count their characters there. normal: the result."""

    raw: str
    text: str
    decisions: tuple[Decision, ...]
    normal: str


def small_decisions(
    raw: str, text: str, spans: list[Span], letters: Callable[[str], str], marks: Callable[[str], str]
) -> Iterator[Decision]:
    """What changed outside the spans: characters by the clean-up, letters by spelling, marks of punctuation."""
    yield from _cleaned(raw, text)
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(text)]
    for start, end in zip(edges[::2], edges[1::2]):
        for token in _TOKEN.finditer(text, start, end):
            written = token.group()
            if re.match(f"[{CLASS}]", written):
                became, kind = letters(written), "labialised" if contract(written) != written else "homophone"
            else:
                became, kind = _mark(text, token.start(), token.end(), marks), "punctuation"
            if became != written:
                yield Decision(token.start(), token.end(), kind, written, became)


def _mark(text: str, start: int, end: int, marks: Callable[[str], str]) -> str:
    """What marks become between their neighbours: ፡ is a space inside a word, : before a dash."""
    before = _LETTER if text[:start].strip() else ""
    after = _LETTER if text[end:].strip() else ""
    if before and text[start - 1] == " ":
        before += " "
    if after and text[end] == " ":
        after = " " + after
    context = before + text[start:end] + after
    became = marks(context).removeprefix(before.strip()).removesuffix(after.strip())
    return became.strip() or became[:1]


def _cleaned(raw: str, text: str) -> Iterator[Decision]:
    """What the clean-up changed: word by word, for it never joins or parts words."""
    place = 0
    for run in re.finditer(_RUN, raw) if raw != text else ():
        written = run.group()
        became = clean(written) if written.translate(TABLE).strip() else (" " if place and run.end() < len(raw) else "")
        if became == " " and text[place : place + 1] != " ":
            became = ""
        if became != written:
            same = _shared(written, became)
            tail = _shared(written[same:][::-1], became[same:][::-1])
            ends = len(became) - tail
            yield Decision(
                place + same, place + ends, "unicode", written[same : len(written) - tail], became[same:ends]
            )
        place += len(became)


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    return next((place for place, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
