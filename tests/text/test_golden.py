"""The rows of ../shared/golden/text_normalisation.tsv whose classes the front-end covers so far.

Each row tests its own stage: folding off except in class `homophone`, Ethiopic punctuation except in class `punct`.
"""

import csv
from pathlib import Path

import pytest

from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

TSV = Path(__file__).parents[2].parent / "shared" / "golden" / "text_normalisation.tsv"
COVERED = ("cardinal", "punct", "homophone[fold=on]", "unicode")


def rows() -> list[dict[str, str]]:
    if not TSV.is_file():
        return []
    with open(TSV, encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter="\t") if row["status"] == "ok"]


def front_end(kind: str) -> TextFrontEnd:
    fold = kind.startswith("homophone")
    return TextFrontEnd(FrontEndOptions(fold, fold, "ascii" if kind == "punct" else "ethiopic"))


needs_rows = pytest.mark.skipif(not TSV.is_file(), reason=f"{TSV} is not on this machine")


@needs_rows
@pytest.mark.parametrize("row", [row for row in rows() if row["class"] in COVERED], ids=lambda row: row["input"])
def test_covered_classes_give_the_expected_form(row: dict[str, str]) -> None:
    accepted = [row["expected"], *(form.strip() for form in row["also_accept"].split("|") if form.strip())]
    assert front_end(row["class"]).normalise(row["input"]) in accepted


@needs_rows
def test_every_covered_class_has_rows() -> None:
    assert {row["class"] for row in rows()} >= set(COVERED)


@needs_rows
def test_other_classes_are_read_rightly_or_refused_but_never_read_wrongly() -> None:
    """All but the spelling of labialised letters (ሞልቱዋል for ሞልቷል), which is no reading but an orthography."""
    wrong = []
    for row in rows():
        text = row["input"].split(" [mode=")[0]
        accepted = [row["expected"], *(form.strip() for form in row["also_accept"].split("|"))]
        try:
            reading = front_end(row["class"]).normalise(text)
        except TextError:
            continue
        if reading not in accepted and row["class"] not in ("labialised",):
            wrong.append((row["class"], text, reading))
    assert not wrong
