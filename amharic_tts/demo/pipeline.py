"""Runs commands one after the other, and leaves out what is already done.

A stage's mark is written when its command has ended well. It holds a hash of the command and of all stages before it,
so a changed command is done again with everything that follows; a stage that was cut off is done again, and its command
goes on where it stopped.
"""

import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amharic_tts.errors import InputError
from amharic_tts.publish import publish


@dataclass(frozen=True)
class Stage:
    name: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    """Each a program with its arguments."""
    result: Path
    """A file that exists when the stage is done: without it the mark does not count."""
    inputs: tuple[Path, ...] = ()
    """Files of the project whose change means doing the stage again (recipes, lists of sentences)."""


def run_stages(stages: Sequence[Stage], marks: Path, root: Path) -> float:
    """Runs what is not done. `marks` is the folder of the marks, `root` the working directory of the commands.

    Returns the seconds spent on commands. Raises InputError when a command fails; its own message stands before.
    """
    marks.mkdir(parents=True, exist_ok=True)
    chain = hashlib.blake2b(digest_size=16)
    spent = 0.0
    for number, stage in enumerate(stages, 1):
        chain.update(repr(stage.commands).encode())
        for path in stage.inputs:
            chain.update(path.read_bytes())
        digest, mark = chain.hexdigest(), marks / stage.name
        head = f"[{number}/{len(stages)}] {stage.title}"
        if mark.is_file() and mark.read_text() == digest and stage.result.exists():
            print(f"{head}: done before", flush=True)
            continue
        print(head, flush=True)
        started = time.perf_counter()
        for command in stage.commands:
            code = subprocess.run(command, cwd=root, check=False).returncode
            if code:
                raise InputError(f"stage '{stage.name}' failed (exit code {code}); the same command goes on from here")
        if not stage.result.exists():
            raise InputError(f"stage '{stage.name}' ended without its result {stage.result}")
        seconds = time.perf_counter() - started
        spent += seconds
        with publish(mark) as file:
            file.write(digest.encode())
        print(f"      {seconds:.0f} s", file=sys.stderr, flush=True)
    return spent
