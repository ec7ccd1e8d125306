"""The rows of spec_examples.tsv, written by hand from the specification: more of the kind of test_golden.py.

Columns, stages and `[mode=…]` are those of the golden file.
"""

import csv
from pathlib import Path

import pytest
from text.test_golden import forms, read, rows

from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd

TSV = Path(__file__).with_name("spec_examples.tsv")


@pytest.mark.parametrize("row", rows(TSV, "ok"), ids=lambda row: f"{row['class']}-{row['input']}")
def test_the_specified_form_is_read(row: dict[str, str]) -> None:
    assert read(row, {}) in [form for options, form in forms(row) if not options]


@pytest.mark.parametrize("row", rows(TSV, "review"), ids=lambda row: f"{row['class']}-{row['input']}")
def test_what_is_open_becomes_a_stable_text_or_is_refused(row: dict[str, str]) -> None:
    """A native speaker has to decide; until then only the laws of every reading hold."""
    try:
        normal = read(row, {})
    except TextError:
        return
    assert read(row | {"input": normal}, {}) == normal
    assert TextFrontEnd().normalise(normal)


def test_there_are_many_rows_and_each_stands_once() -> None:
    with open(TSV, encoding="utf-8", newline="") as file:
        both = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows(TSV, "ok")) >= 250
    assert len(rows(TSV, "ok")) + len(rows(TSV, "review")) == len(both)
    assert len({(row["class"], row["input"]) for row in both}) == len(both)
    assert all(row["expected"] for row in both)
