"""What there is to do: the rows of a manifest, those of this job, and the tasks that they are cut into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amharic_tts.data.manifest import Reject, RejectReason, Row, manifest_lines
from amharic_tts.errors import InputError

ROWS_PER_TASK = 128
"""Rows that are read, and written as one part of the store, together: what a killed process loses at most."""


@dataclass(frozen=True)
class Item:
    """A row and its line in the manifest, from 1."""

    line: int
    row: Row


def read_items(manifest: Path) -> tuple[list[Item], list[Reject]]:
    """The rows of a manifest, the longest first, and what is no row, or a repeated one. Raises InputError when there is
    no manifest."""
    items: list[Item] = []
    rejects: list[Reject] = []
    first: dict[str, int] = {}  # id → line
    for line, _, content in manifest_lines(manifest):
        try:
            row = Row.from_json(content)
        except InputError as error:
            rejects.append(Reject(line=line, id="", reason=RejectReason.INVALID_ROW, detail=str(error)))
            continue
        if row.id in first:
            detail = f"line {first[row.id]} has the same id"
            rejects.append(Reject(line=line, id=row.id, reason=RejectReason.DUPLICATE_ID, detail=detail))
            continue
        first[row.id] = line
        items.append(Item(line, row))
    # The longest first: what does not fit into memory is known soon, and processes end at about the same time.
    return sorted(items, key=lambda item: (-item.row.duration, item.row.id)), rejects


def of_part(items: list[Item], rejects: list[Reject], part: tuple[int, int] | None) -> tuple[list[Item], list[Reject]]:
    """What job `i` of `n` has to do: every n-th of each, so all jobs get the same mixture of lengths."""
    if part is None:
        return items, rejects
    number, parts = part
    return items[number::parts], rejects[number::parts]


def cut_tasks(items: list[Item], processes: int) -> list[list[Item]]:
    """Neighbours in `items`, whose lengths are near each other, as tasks; all processes get something to do."""
    rows = max(1, min(ROWS_PER_TASK, -(-len(items) // processes)))
    return [items[start : start + rows] for start in range(0, len(items), rows)]


def cut_batches(rows: Sequence[int], length: Callable[[int], int], budget: int) -> list[list[int]]:
    """`rows`, longest first, as batches whose padded length (longest × rows) keeps within `budget`; a row that is longer
    than that goes alone."""
    batches: list[list[int]] = []
    for row in sorted(rows, key=length, reverse=True):
        if batches and length(batches[-1][0]) * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
