"""The corpus as it streams by: lines with their place, normalised once, and the words that are all training needs."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from amharic_tts.errors import InputError
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd

SHOWN = 5  # unreadable lines that are kept to be shown


class Line(NamedTuple):
    """One text of a corpus. place: "file:line". seconds: how long its speech lasts, where that is known."""

    place: str
    text: str
    seconds: float | None = None


@dataclass
class Skipped:
    """The lines that were left out: how many, and the first few reasons with their places."""

    count: int = 0
    first: list[str] = field(default_factory=list)


def text_lines(path: Path) -> Iterator[tuple[Line, int]]:
    """Yields (line, its length in bytes) of a UTF-8 file with one text a line; blank lines are passed over.

    Raises InputError that names the file, and the line that is not UTF-8.
    """
    try:
        with open(path, "rb") as file:
            for number, data in enumerate(file, start=1):
                try:
                    text = data.decode()
                except UnicodeDecodeError as error:
                    raise InputError(f"{path}:{number}: not UTF-8 ({error.reason}); save the file as UTF-8") from None
                if text.strip():
                    yield Line(f"{path}:{number}", text.rstrip("\r\n")), len(data)
    except OSError as error:
        raise InputError(f"text file {path} cannot be read ({error.strerror})") from None


def normalised(lines: Iterable[Line], front_end: TextFrontEnd, skipped: Skipped | None = None) -> Iterator[Line]:
    """Yields each line with its normalised text; empty texts are passed over.

    A line that the front-end cannot read raises InputError with place and reason, or is noted in `skipped`.
    """
    for line in lines:
        try:
            normal = front_end.normalise(line.text)
        except TextError as error:
            if skipped is None:
                raise InputError(
                    f"{line.place}: {error}; mend the line, or leave it out with --skip-unreadable"
                ) from None
            skipped.count += 1
            if len(skipped.first) < SHOWN:
                skipped.first.append(f"{line.place}: {error}")
            continue
        if normal:
            yield line._replace(text=normal)


def count_words(normal_texts: Iterable[str]) -> Counter[str]:
    """How often each word (what stands between spaces) occurs. Pieces never cross a space, so no more need be kept."""
    return Counter(itertools.chain.from_iterable(text.split() for text in normal_texts))
