"""The rows of ../shared/golden/text_normalisation.tsv.

Each row tests its own stage: folding off except in class `homophone`, Ethiopic punctuation except in class `punct`.
"""

import csv
import warnings
from pathlib import Path

import pytest

from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

TSV = Path(__file__).parents[2].parent / "shared" / "golden" / "text_normalisation.tsv"
OPTION_OF_MODE = {"keep": "latin", "spell": "latin", "literal": "clock", "to_ethiopian": "clock"}


def rows(path: Path, status: str) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter="\t") if row["status"] == status]


def split_mode(written: str) -> tuple[str, dict[str, str]]:
    """`7:00 AM [mode=to_ethiopian]` as its text and its options."""
    text, _, mode = written.partition(" [mode=")
    mode = mode.rstrip("]")
    return text, ({OPTION_OF_MODE[mode]: mode} if mode else {})


def forms(row: dict[str, str]) -> list[tuple[dict[str, str], str]]:
    """The forms that a row accepts, each with the options under which it is the right one."""
    written = [row["expected"], *(form for form in row["also_accept"].split("|") if form.strip())]
    return [(options, form) for form, options in map(split_mode, map(str.strip, written))]


def read(row: dict[str, str], more: dict[str, str]) -> str:
    text, options = split_mode(row["input"])
    fold = row["class"].startswith("homophone")
    marks = "ascii" if row["class"] == "punct" else "ethiopic"
    return TextFrontEnd(FrontEndOptions(fold, fold, punctuation=marks, **options | more)).normalise(text)


needs_rows = pytest.mark.skipif(not TSV.is_file(), reason=f"{TSV} is not on this machine")


@needs_rows
@pytest.mark.parametrize("row", rows(TSV, "ok"), ids=lambda row: f"{row['class']}-{row['input']}")
def test_ok_rows_give_an_accepted_form(row: dict[str, str]) -> None:
    assert read(row, {}) in [form for options, form in forms(row) if not options]
    for options, form in forms(row):
        if options:
            assert read(row, options) == form


@needs_rows
def test_rows_for_review_are_listed() -> None:
    """For a native speaker to decide: nothing fails here, the list is in the test's warnings."""
    differing = []
    for row in rows(TSV, "review"):
        try:
            reading = read(row, {})
        except TextError as error:
            reading = f"(refused: {error})"
        if reading not in [form for _, form in forms(row)]:
            differing.append(f"{row['class']}: {row['input']} -> {reading}, suggested {row['expected']}")
    if differing:
        warnings.warn("rows for review that are read otherwise:\n" + "\n".join(differing), stacklevel=1)
