"""Does this code compute what the reference computes? Every recording of a folder, compared one by one.

A recording is `NAME.npz` (inputs and outputs), `NAME_config.json` (sizes of a GPT) and `NAME_keys.json` (key → shape of
its state). The weights are not stored: `golden.seeded` fills them. One with a config is of the GPT; of one that has keys
alone, names and shapes are compared; any other has its own comparison in `OTHERS`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from amharic_tts.codec.indextts2.chain_parity import compare_chain
from amharic_tts.errors import InputError
from amharic_tts.golden import Comparison, Finding
from amharic_tts.model.gpt_parity import compare_gpt, compare_names

OTHERS: dict[str, Comparison] = {"decode_chain": compare_chain}
"""Name → comparison of a recording that is not of the GPT."""


@dataclass(frozen=True)
class Result:
    """A finding of a recording, or what kept it from being compared."""

    name: str
    finding: Finding | None
    trouble: str = ""

    @property
    def ok(self) -> bool:
        return self.finding is not None and self.finding.ok

    def __str__(self) -> str:
        if self.finding is None:
            return f"{self.name:12} {self.trouble:24} FAIL"
        what, error, limit = self.finding.what, self.finding.error, self.finding.limit
        return f"{self.name:12} {what:24} error {error:8.2g}  limit {limit:6.2g}  {'ok' if self.ok else 'FAIL'}"


def compare_folder(folder: Path) -> Iterator[Result]:
    """Every comparison of a folder, in order of the names. What cannot be compared is a result that is not ok.

    Raises InputError when the folder holds no recording.
    """
    names = recordings(folder)
    if not names:
        raise InputError(f"{folder} holds no recorded outputs (*.npz, *_keys.json); give the folder with --golden")
    for name in names:
        compare = comparison(folder, name)
        if compare is None:
            yield Result(name, None, f"no comparison is known for {name}.npz")
            continue
        count = 0
        try:
            for finding in compare(folder, name):
                count += 1
                yield Result(name, finding)
        except Exception as error:  # one broken recording must not hide the others
            yield Result(name, None, f"stopped: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        else:
            if not count:
                yield Result(name, None, "nothing was compared")


def recordings(folder: Path) -> list[str]:
    """Names of a folder's recordings."""
    files = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = (re.fullmatch(r"(.+?)(?:_config\.json|_keys\.json|\.npz)", file) for file in files)
    return sorted({match[1] for match in found if match})


def comparison(folder: Path, name: str) -> Comparison | None:
    """What a recording is compared with; None when nothing is known for it."""
    if name in OTHERS:
        return OTHERS[name]
    if (folder / f"{name}_config.json").is_file():
        return compare_gpt
    return None if (folder / f"{name}.npz").is_file() else compare_names
