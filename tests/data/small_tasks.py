"""Tasks for test_worker.py, in a module that a spawned process can import."""

import os
import signal
import time

from amharic_tts.errors import InputError


def start(name: str) -> str:
    if name == "broken":
        raise InputError("this job cannot be made")
    return name


def square(job: str, task: int, progress) -> tuple[str, int]:
    progress(task)
    return job, task * task


def one_fails(job: str, task: int, progress) -> None:
    """Task 0 fails; the others would go on for ever if they were not stopped where they report progress."""
    if task == 0:
        raise InputError("task 0 is wrong")
    while True:
        progress(1)
        time.sleep(0.01)


def dies(job: str, task: int, progress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
