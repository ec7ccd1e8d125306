"""What is decided once for a model: the hard decisions of FRONT_END §6.3, with its defaults."""

import argparse
from dataclasses import dataclass, field, fields
from typing import Any

from amharic_tts.errors import InputError


def _choice(default: str, *others: str, doc: str) -> Any:
    return field(default=default, metadata={"choices": (default, *others), "doc": doc})


@dataclass(frozen=True)
class FrontEndOptions:
    """The options of a front-end. Each is part of its fingerprint; the default of each comes first.

    fold_homophones: ሐ ኀ -> ሀ, ሠ -> ሰ, ዐ -> አ, ፀ -> ጸ: what sounds alike is written alike. Error rates must then
    compare folded texts.
    fold_labiovelars: ጐ -> ጎ, ቍ -> ቁ …
    """

    fold_homophones: bool = True
    fold_labiovelars: bool = True
    punctuation: str = _choice("ascii", "ethiopic", doc="marks as . , ; : (known to the base models) or ። ፣ ፤ ፦")
    latin: str = _choice("spell", "keep", doc="Latin words by lexicon, then by letter names; or kept as written")
    clock: str = _choice("literal", "to_ethiopian", doc="read the written clock, or turn AM/PM and 24 h to Ethiopian")
    hundred: str = _choice("bare", "one", doc="100 is መቶ, or አንድ መቶ")
    years: str = _choice("century", "cardinal", doc="1966 ዓ.ም. is አስራ ዘጠኝ መቶ …, or አንድ ሺህ ዘጠኝ መቶ …")
    day_order: str = _choice("day_first", "month_first", doc="which of 11/09/2024 is the day")
    calendar: str = _choice("gregorian", "ethiopian", doc="months of a date in figures whose calendar is not written")
    slash: str = _choice("or", "refuse", doc="a slash between words that is no abbreviation: ወይም, or an error")
    hyphen: str = _choice("range", "juxtapose", doc="10-15 is ከአስር እስከ አስራ አምስት, or አስር አስራ አምስት")

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            choices = option.metadata.get("choices")
            if choices and value not in choices:
                raise InputError(f"{option.name} must be {' or '.join(choices)}, not {value!r}")
            if not choices and not isinstance(value, bool):
                raise InputError(f"{option.name} must be true or false, not {value!r}")


def add_front_end_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds one flag for each option: --fold/--no-fold for both folding tables, and --punctuation, --latin …"""
    parser.add_argument("--fold", action=argparse.BooleanOptionalAction, default=True, help="fold homophones (on)")
    for option in fields(FrontEndOptions):
        if choices := option.metadata.get("choices"):
            flag = "--" + option.name.replace("_", "-")
            parser.add_argument(
                flag, choices=choices, default=option.default, help=f"{option.metadata['doc']} (%(default)s)"
            )


def front_end_options(given: argparse.Namespace) -> FrontEndOptions:
    """The options that `add_front_end_arguments` parsed."""
    chosen = {option.name: getattr(given, option.name) for option in fields(FrontEndOptions) if option.metadata}
    return FrontEndOptions(fold_homophones=given.fold, fold_labiovelars=given.fold, **chosen)
