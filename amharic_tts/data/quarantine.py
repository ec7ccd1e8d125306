"""The log of rows that were damaged when training wanted them, and the limit at which training stops."""

import json
import os
import threading
from pathlib import Path

from amharic_tts.errors import InputError

LIMIT_SHARE = 1 / 10_000  # of the data set's rows; DESIGN.md §3


class Quarantine:
    """Counts damaged rows, each once. Thread-safe; ranks that share a path share the count.

    path: JSON lines file that rows are appended to, or None to count in memory only.
    rows: size of the data set. One damaged row is always let pass, so that a small set is not lost to one flipped bit.
    """

    def __init__(self, path: str | os.PathLike | None, rows: int, directory: Path) -> None:
        self.path = Path(path) if path is not None else None
        self.limit = max(1, int(rows * LIMIT_SHARE))
        self.directory = directory
        self._seen: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def add(self, shard: int, row: int, uid: str, reason: str) -> None:
        """Records a damaged row. Raises InputError when there are now more than the limit."""
        with self._lock:
            if (shard, row) in self._seen:
                return
            self._seen.add((shard, row))
            if self.path is not None:
                self._append({"shard": shard, "row": row, "id": uid, "reason": reason})
                self._seen |= self._read()
            count = len(self._seen)
        if count > self.limit:
            raise InputError(
                f"{count} rows of {self.directory} are damaged, more than 1 in 10 000 (limit {self.limit}); the last "
                f"is row {row} of shard {shard}, id {uid}: {reason}. Run `python tools/verify_shards.py "
                f"{self.directory}`, mend the shards"
                + (f", remove {self.path}" if self.path is not None else "")
                + " and resume"
            )

    def _append(self, line: dict) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())  # one short write: ranks' lines do not mix
        finally:
            os.close(descriptor)

    def _read(self) -> set[tuple[int, int]]:
        seen = set()
        for line in self.path.read_text().splitlines():
            try:
                values = json.loads(line)
                seen.add((values["shard"], values["row"]))
            except (ValueError, KeyError, TypeError):  # the line of a process that was killed while it wrote
                continue
        return seen
