"""Reads the tables of the front-end: tab-separated values in amharic_tts/text/tables."""

import csv
import functools
import io
from importlib import resources


@functools.cache
def table_text(name: str) -> str:
    """The table as it is in the package."""
    return resources.files("amharic_tts.text").joinpath("tables", name).read_text(encoding="utf-8")


@functools.cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table, each a mapping of its columns."""
    return tuple(csv.DictReader(io.StringIO(table_text(name)), delimiter="\t", quoting=csv.QUOTE_NONE))


UNITS = {row["written"]: row["spoken"] for row in table("units.tsv") if row["kind"] == "unit"}
