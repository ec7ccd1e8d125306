"""The text front-end: the only road from writing to what the model reads.

The stages are pure functions, one file each, in a fixed order:

    unicode.clean -> alphabet.require_only -> numerals -> abbreviations -> homophones.fold -> punctuation -> output check

Numbers and abbreviations come before punctuation, because in 1,250 and ዓ.ም. the marks are no punctuation.
"""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass, field

from amharic_tts.errors import InputError
from amharic_tts.text import alphabet, homophones, numbers, punctuation, unicode
from amharic_tts.text.abbreviations import refuse_abbreviations
from amharic_tts.text.numerals import read_numerals
from amharic_tts.text.options import FrontEndOptions

# Raised by one with every change of what a text becomes; tables and options are in the fingerprint by themselves.
VERSION = 1


@dataclass(frozen=True)
class TextFrontEnd:
    """Normalises Amharic text; two front-ends of one fingerprint give the same output for every text."""

    options: FrontEndOptions = field(default_factory=FrontEndOptions)

    @functools.cached_property
    def alphabet(self) -> frozenset[str]:
        """Every character that can stand in a normalised text."""
        options = self.options
        return alphabet.output_alphabet(
            options.fold_homophones, options.fold_labiovelars, options.punctuation == "ethiopic"
        )

    def normalise(self, raw: str) -> str:
        """The text as the model reads it: Ethiopic letters, spaces and few marks.

        Idempotent. The empty text stays empty; no other text becomes empty. Raises TextError, which names the span and
        its code points, for what cannot be read.
        """
        if raw == "":
            return ""
        text = unicode.clean(raw)
        alphabet.require_only(text, alphabet.READABLE)
        text = read_numerals(text)
        refuse_abbreviations(text)
        text = homophones.fold(text, self.options.fold_homophones, self.options.fold_labiovelars)
        mark = punctuation.to_ethiopic if self.options.punctuation == "ethiopic" else punctuation.to_ascii
        text = mark(text)
        alphabet.require_letters(text, raw)
        alphabet.require_only(text, self.alphabet)
        return text

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of version, options and rule tables: what a text becomes depends on nothing else."""
        rules = {
            "version": VERSION,
            "options": dataclasses.asdict(self.options),
            "unicode": sorted(unicode.TABLE.items()),
            "readable": sorted(alphabet.READABLE),
            "homophones": sorted(homophones.HOMOPHONES.items()),
            "labiovelars": sorted(homophones.LABIOVELARS.items()),
            "marks": sorted(punctuation.MARKS.items()),
            "ethiopic": sorted(punctuation.ETHIOPIC.items()),
            "numbers": [numbers.ONES, numbers.TENS, numbers.TEEN, numbers.HUNDRED, numbers.SCALES],
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
            stored = values["fingerprint"]
            front_end = cls(FrontEndOptions(**values["options"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"not the record of a text front-end ({error!r}); {_REMEDY}") from None
        if stored != front_end.fingerprint:
            raise InputError(
                f"made with another text front-end: its fingerprint is {stored} (version {values.get('version')}), this "
                f"program's with the same options is {front_end.fingerprint} (version {VERSION}); {_REMEDY}"
            )
        return front_end


_REMEDY = "train the tokenizer again with `python tools/train_tokenizer.py`, and what was made with it"
