"""Every decision of the front-end, to be looked at."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from amharic_tts.text.labialised import contract
from amharic_tts.text.letters import CLASS
from amharic_tts.text.rule import Span

_TOKEN = re.compile(f"[{CLASS}]+|[^{CLASS}\\s]+")
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
    if raw == text:
        return
    for change, i1, i2, j1, j2 in difflib.SequenceMatcher(None, raw, text, autojunk=False).get_opcodes():
        if change != "equal":
            yield Decision(j1, j2, "unicode", raw[i1:i2], text[j1:j2])
