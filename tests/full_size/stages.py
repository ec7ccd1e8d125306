"""Running a real command to its end while its memory is watched."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from system.commands import PROJECT, environment

POLL = 0.1  # seconds between two looks at the memory


@dataclass(frozen=True)
class Stage:
    """A command that has ended well, and what it took."""

    name: str
    seconds: float
    work: float
    """Seconds of computing, of all processes together: on a machine with other work this says more than the clock."""
    peak: int
    """Bytes: the largest sum of the resident sets of all its processes, each looked at ten times a second. What they map
    together counts once for each."""
    said: str
    """Standard output and error."""

    def __str__(self) -> str:
        return f"{self.name:12} {self.seconds:6.1f} s   {self.work:6.1f} s of work   {self.peak / 1e9:5.1f} GB"


def run_stage(name: str, folder: Path, *command: object, processes: int = 1, deadline: float) -> Stage:
    """Runs a program of the project in as many processes as it has itself started; the deadline (seconds) ends all of
    them. Its output is kept in `folder`. Fails when it fails, with what it said."""
    log = folder / f"{name}.log"
    threads = max(1, len(os.sched_getaffinity(0)) // processes)
    started, worked, peak = time.monotonic(), work_of_children(), 0
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)], cwd=PROJECT, env=environment() | {"OMP_NUM_THREADS": str(threads)},
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None and time.monotonic() - started < deadline:
                peak = max(peak, resident(process.pid))
                time.sleep(POLL)
            seconds = time.monotonic() - started
        finally:
            if (ended := process.poll()) is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    said = log.read_text(encoding="utf-8", errors="replace")
    found = f"at most {peak / 1e9:.1f} GB, {log}:\n{said[-4000:]}"
    assert ended is not None, f"{name} did not end within {deadline} s, {found}"
    assert ended == 0, f"{name} ended with {ended} after {seconds:.0f} s, {found}"
    return Stage(name, seconds, work_of_children() - worked, peak, said)


def work_of_children() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(pid: int) -> int:
    """Resident bytes of a process and all that it has started."""
    total = 0
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:  # it has ended since
            continue
    return total
