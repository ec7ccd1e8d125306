"""Runs commands one after the other, and leaves out what is already done.

A stage's mark says whether it was begun or done, with a hash of its command and of all stages before it. A stage that
was cut off is begun again, and its command goes on where it stopped. A stage whose hash has changed is done anew: what
it made before is removed first, and everything that follows it is done anew too.
"""

import hashlib
import shutil
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
    made: tuple[Path, ...] = ()
    """Files and folders that are removed before the stage is done anew."""


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
        done, begun = f"done {digest}", f"begun {digest}"
        before = mark.read_text() if mark.is_file() else begun
        head = f"[{number}/{len(stages)}] {stage.title}"
        if before == done and stage.result.exists():
            print(f"{head}: done before", flush=True)
            continue
        if before not in (done, begun):
            for path in stage.made:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        mark.write_text(begun)
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
            file.write(done.encode())
        print(f"      {seconds:.0f} s", file=sys.stderr, flush=True)
    return spent
