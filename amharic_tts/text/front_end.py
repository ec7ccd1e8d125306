"""The text front-end: the only road from writing to what the model reads.

    unicode.clean -> classify -> verbalise -> labialised.contract -> homophones.fold -> punctuation -> closed alphabet

Classes come before everything that changes letters or marks, because in 1,250 and ዓ.ም. the marks are no punctuation.
"""

import dataclasses
import functools
import hashlib
import importlib
import json
import pkgutil
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from amharic_tts import text
from amharic_tts.errors import InputError
from amharic_tts.text import alphabet, classes, classify, homophones, labialised, punctuation, unicode
from amharic_tts.text.error import TextError
from amharic_tts.text.explanation import Decision, Explanation, small_decisions
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import best_combinations
from amharic_tts.text.rule import Rule, Span
from amharic_tts.text.table import table_text
from amharic_tts.text.verbalise import verbalise

# Raised by one when code changes what a text becomes: tables, options and every module's words and patterns are in the
# fingerprint by themselves.
VERSION = 2

OUTSIDE = ("amharic_tts.text.tokenizer", "amharic_tts.text.error", "amharic_tts.text.table", __name__)
TABLES = ("abbreviations.tsv", "latin.tsv", "units.tsv")


@dataclass(frozen=True)
class Analysis:
    """text: after Unicode clean-up. spans: what is not read letter by letter. normal: the result."""

    text: str
    spans: tuple[Span, ...]
    normal: str


@dataclass(frozen=True)
class TextFrontEnd:
    """Normalises Amharic text; two front-ends of one fingerprint give the same output for every text."""

    options: FrontEndOptions = field(default_factory=FrontEndOptions)

    @functools.cached_property
    def alphabet(self) -> frozenset[str]:
        """Every character that can stand in a normalised text."""
        return alphabet.output_alphabet(self.options)

    def normalise(self, raw: str) -> str:
        """The text as the model reads it: Ethiopic letters, spaces and few marks, and Latin letters if they are kept.

        Idempotent. The empty text stays empty; no other text becomes empty. Raises TextError, which names the span and
        its code points, for what cannot be read.
        """
        return self.analyse(raw).normal

    def analyse(self, raw: str) -> Analysis:
        """As `normalise`, with the spans that were found: their classes, readings and warnings."""
        text = unicode.clean(raw)
        spans = classify.classify(text, self.options)
        normal = self._finish(text, spans, [span.readings[0] for span in spans], raw)
        return Analysis(text, tuple(spans), normal)

    def readings(self, raw: str, limit: int = 8) -> list[str]:
        """What a speaker may have said for `raw`, normalised, the most usual first: `limit` forms at most.

        The first is `normalise(raw)`. For choosing the form that was really read in a recording (FRONT_END §6.1).
        Raises TextError as `normalise` does.
        """
        analysis = self.analyse(raw)
        text, spans = analysis.text, analysis.spans
        found = {analysis.normal: None}
        # readings that differ in folded letters only become one, hence a few more than asked for
        for choice in best_combinations([span.readings for span in spans], 2 * limit):
            found[self._finish(text, spans, choice, raw)] = None
        return list(found)[:limit]

    def explain(self, raw: str) -> Explanation:
        """What was found in `raw`, of which class it is, and what it became. Raises TextError as `normalise` does."""
        analysis = self.analyse(raw)
        text, spans = analysis.text, analysis.spans
        decisions = [
            Decision(span.start, span.end, span.kind, span.written, self._letters(span.readings[0]), span.warning)
            for span in spans
        ]
        decisions += small_decisions(raw, text, spans, self._letters, self._marks)
        return Explanation(raw, text, tuple(sorted(decisions, key=lambda one: (one.start, one.end))), analysis.normal)

    def _finish(self, text: str, spans: Sequence[Span], said: Sequence[str], raw: str) -> str:
        if raw == "":
            return ""
        normal = self._marks(self._letters(verbalise(text, spans, said)))
        if not self.alphabet.issuperset(normal):
            raise unreadable(text, spans)
        alphabet.require_speech(normal, raw)
        return normal

    def _letters(self, text: str) -> str:
        text = labialised.contract(text)
        return homophones.fold(text, self.options.fold_homophones, self.options.fold_labiovelars)

    def _marks(self, text: str) -> str:
        return punctuation.to_ethiopic(text) if self.options.punctuation == "ethiopic" else punctuation.to_ascii(text)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of version, options and rules: what a text becomes depends on nothing else."""
        rules = {
            "version": VERSION,
            "options": dataclasses.asdict(self.options),
            "constants": _constants(),
            "tables": [table_text(name) for name in TABLES],
        }
        return hashlib.blake2b(json.dumps(rules).encode(), digest_size=16).hexdigest()

    def to_json(self) -> str:
        """Options, version and fingerprint, to travel with shards and checkpoints."""
        values = {
            "version": VERSION,
            "options": dataclasses.asdict(self.options),
            "fingerprint": self.fingerprint,
        }
        return json.dumps(values, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "TextFrontEnd":
        """Raises InputError for anything but the record of a front-end whose rules are those of this program."""
        try:
            values = json.loads(text)
            stored, version = values["fingerprint"], values.get("version")
            options = values["options"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"not the record of a text front-end ({error!r}); {_REMEDY}") from None
        try:
            front_end = cls(FrontEndOptions(**options))
        except TypeError as error:
            raise InputError(
                f"made with a text front-end of other options (version {version}: {error}); {_REMEDY}"
            ) from None
        if stored != front_end.fingerprint:
            raise InputError(
                f"made with another text front-end: its fingerprint is {stored} (version {version}), this program's with "
                f"the same options is {front_end.fingerprint} (version {VERSION}); {_REMEDY}"
            )
        return front_end


def unreadable(text: str, spans: Sequence[Span]) -> TextError:
    """The error for the first run of characters in `text` that no rule has read and that is no letter or mark."""
    free = {index for index, sign in enumerate(text) if sign not in alphabet.ALWAYS}
    free -= {index for span in spans for index in range(span.start, span.end)}
    start = end = min(free)
    # what stands between two unread signs belongs to them: the dots of 1.2.3
    while end in free or (end + 1 in free and text[end] != " "):
        end += 1
    return TextError(_problem(text[start]), text, start, end)


def _problem(sign: str) -> str:
    if (sign.isascii() and sign.isdigit()) or "፩" <= sign <= "፼":
        return "this is no number, date or time that has a reading, write it in words"
    if sign == "/":
        return "an abbreviation that the table lacks: write it in full, or add it to amharic_tts/text/tables/abbreviations.tsv"
    return "this has no reading in Amharic, write it in words"


def _constants() -> dict[str, str]:
    """Every word, table and pattern that a module of the front-end has at its top level, by name."""
    found = {}
    for package in (text, classes):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if not module.ispkg and module.name not in OUTSIDE:
                for name, value in vars(importlib.import_module(module.name)).items():
                    if not name.startswith("__") and (written := _written(value)) is not None:
                        found[f"{module.name}.{name}"] = written
    return dict(sorted(found.items()))


def _written(value: object) -> str | None:
    """A constant in one form for every process and version of Python; None for what is no constant."""
    if isinstance(value, (str, int, float)):
        return repr(value)
    if isinstance(value, re.Pattern):
        return repr((value.pattern, value.flags))
    if isinstance(value, Rule):
        return repr((value.kind, value.pattern.pattern, value.pattern.flags, value.read.__name__))
    if isinstance(value, range):
        return repr(value)
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    elif isinstance(value, (set, frozenset)):
        value = sorted(value)
    if isinstance(value, (list, tuple)):
        parts = [_written(part) for part in value]
        return None if None in parts else "[" + ", ".join(parts) + "]"
    return None


_REMEDY = "train the vocabulary again with `python tools/train_vocab.py`, and what was made with it"
