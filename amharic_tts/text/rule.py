"""A class of written things: how it is found in a text, and how it is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings

TAKEN = "\ue000"  # stands in for every character that an earlier rule has read


@dataclass(frozen=True)
class Context:
    """What a reader may look at besides its match: the whole text, nothing of it taken, and the options."""

    text: str
    options: FrontEndOptions


Reader = Callable[[re.Match[str], Context], Readings | None]


@dataclass(frozen=True)
class Rule:
    """kind: the class. pattern: where it may stand. read: its readings, or None where the match is no such thing.

    warning: said to the user wherever the rule applies. needs: signs of which one must stand in the text, for else the rule
    need not be tried.
    """

    kind: str
    pattern: re.Pattern[str]
    read: Reader
    warning: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that was found: `written` stands at start:end of the cleaned text; readings[0] is the canonical one."""

    start: int
    end: int
    kind: str
    written: str
    readings: Readings
    warning: str = ""


def before(match: re.Match[str], context: Context) -> str:
    """The text before a match, as far as a reader may look."""
    return context.text[max(0, match.start() - 40) : match.start()]


def after(match: re.Match[str], context: Context) -> str:
    """The text after a match, as far as a reader may look."""
    return context.text[match.end() : match.end() + 40]
