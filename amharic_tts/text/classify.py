"""Finds what is written in a text that is no plain word: classify first, verbalise second (FRONT_END §6.1)."""

import re

from amharic_tts.text.classes import (
    abbreviations,
    arithmetic,
    dates,
    latin,
    money,
    numerals,
    phones,
    quantities,
    ranges,
    symbols,
    times,
    verses,
    web,
)
from amharic_tts.text.error import TextError
from amharic_tts.text.letters import CLASS
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.rule import TAKEN, Context, Rule, Span

# What a rule has read is out of reach for those after it: the surest forms come first, single numbers and signs last.
NUMBERS: tuple[Rule, ...] = (
    *phones.RULES,
    *dates.RULES,
    *verses.RULES,
    *times.RULES,
    *ranges.SCALED,
    *money.RULES,
    *quantities.RULES,
    *arithmetic.RULES,
    *ranges.RULES,
    *dates.YEARS,
    *quantities.NEGATIVES,
    *numerals.RULES,
)
WORDS: tuple[Rule, ...] = (*dates.ERAS, *abbreviations.RULES, *latin.RULES, *symbols.RULES)
RULES = (*web.RULES, *NUMBERS, *WORDS)
FIGURE = re.compile(f"[0-9፩-፼{''.join(ranges.VULGAR)}]")
# Letters, spaces and marks that no rule looks at: most lines of most corpora.
PLAIN = re.compile(f'(?:[{CLASS} ።፣፤፥፦፧፨?!…,;:«»“”"()-]|\\.(?![{CLASS}A-Za-z0-9]))*')


def classify(text: str, options: FrontEndOptions) -> list[Span]:
    """The spans of `text` (cleaned, see `unicode.clean`) that are read otherwise than letter by letter, in order.

    Spans do not overlap. What is neither in a span nor a letter, a mark or a space has no reading: the caller refuses it.
    """
    if PLAIN.fullmatch(text):
        return []
    if TAKEN in text:
        start = text.index(TAKEN)
        raise TextError("this character has no meaning", text, start, start + 1)
    signs = frozenset(text)
    context, free, spans = Context(text, options), text, []
    for rules in (web.RULES, NUMBERS, WORDS):
        for rule in rules:
            if rules is NUMBERS and not FIGURE.search(free):
                break
            if rule.needs and signs.isdisjoint(rule.needs):
                continue
            found = [span for match in rule.pattern.finditer(free) if (span := _span(rule, match, context))]
            if found:
                free = _without(free, found)
                spans += found
    return sorted(spans, key=lambda span: span.start)


def _span(rule: Rule, match: re.Match[str], context: Context) -> Span | None:
    if TAKEN in match.group() or not match.group():
        return None
    readings = rule.read(match, context)
    if not readings:
        return None
    written = match.group().lstrip()  # the space before ዓ.ም. is part of its pattern, not of what is read
    return Span(match.end() - len(written), match.end(), rule.kind, written, readings, rule.warning)


def _without(free: str, found: list[Span]) -> str:
    """`free` with the characters of spans taken."""
    pieces, position = [], 0
    for span in found:
        pieces += (free[position : span.start], TAKEN * (span.end - span.start))
        position = span.end
    return "".join(pieces) + free[position:]
