"""Tasks in several processes: spawned, stopped in order by Ctrl-C or by a task that fails, never left without a parent."""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_processes
from typing import Any

from amharic_tts.errors import InputError

Progress = Callable[[int], None]
"""Called by a task with the amount of work that it has done; an exception from it stops the task."""


def parse_part(text: str | None) -> tuple[int, int] | None:
    """The share of one job of an array: "2/8" → (2, 8), None → None. Raises InputError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise InputError(f"--part must be I/N with 0 ≤ I < N, not {text!r}")
    return int(match[1]), int(match[2])


class Stopped(Exception):
    """Another task has failed, so this one ends where it reports progress."""


def run_in_processes(
    run: Callable[[Any, Any, Progress], Any],
    tasks: Iterable[Any],
    start: Callable[..., Any],
    arguments: list[tuple],
    progress: Progress,
    work: str,
) -> list[Any]:
    """What `run(job, task, progress)` returns for each task, in any order.

    One process for each element of `arguments`; it makes its `job` once, by `start(*element)`. All that goes between
    processes must be picklable. The first exception of a task stops the others and is raised here. Raises InputError
    when a process is killed from outside; `work` says in the message what it did.
    """
    context = multiprocessing.get_context("spawn")  # fork is not safe where torch has threads
    done, stop, started = context.Value("q", 0), context.Event(), context.Value("i", 0)
    initial = (start, arguments, started, done, stop)
    pool = ProcessPoolExecutor(len(arguments), context, initializer=_start, initargs=initial)
    try:
        waiting, results, before = {pool.submit(_run, run, task) for task in tasks}, [], 0
        while waiting:
            finished, waiting = wait(waiting, timeout=0.3, return_when=FIRST_EXCEPTION)
            now = done.value
            progress(now - before)
            before = now
            results += [task.result() for task in finished]
        return results
    except BrokenProcessPool:
        raise InputError(
            f"a {work} process was killed (often: not enough memory). What it has finished is kept: run the same "
            "command again, perhaps with fewer --workers"
        ) from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


_make_job: Callable[[], Any] | None = None  # of a worker process
_job: Any = None
_progress: Progress | None = None


def _start(start: Callable[..., Any], arguments: list[tuple], started, done, stop) -> None:
    global _make_job, _progress
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which stops us in order
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with started.get_lock():
        mine = arguments[started.value]
        started.value += 1

    def progress(amount: int) -> None:
        with done.get_lock():
            done.value += amount
        if stop.is_set():
            raise Stopped

    _make_job, _progress = lambda: start(*mine), progress


def _run(run: Callable[[Any, Any, Progress], Any], task: Any) -> Any:
    global _job
    try:
        if _job is None:  # here and not in _start, where an exception would only say that the process is gone
            _job = _make_job()
        return run(_job, task, _progress)
    except Stopped:
        return None
    except InputError as error:  # a subclass may not survive the way between processes
        raise InputError(str(error)) from None


def _die_with_parent() -> None:
    """A parent that is killed outright cannot stop its workers; each notices by itself."""
    wait_for_processes([multiprocessing.parent_process().sentinel])
    os._exit(1)
