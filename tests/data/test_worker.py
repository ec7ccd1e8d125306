"""Tasks in several processes: all of them run, each process has its own job, and the first failure ends everything."""

import pytest
from data.small_tasks import dies, one_fails, square, start

from amharic_tts.data.worker import run_in_processes
from amharic_tts.errors import InputError


def test_every_task_runs_once_in_a_process_with_a_job_of_its_own():
    counts = []
    results = run_in_processes(square, range(9), start, [("one",), ("two",)], counts.append, "squaring")
    assert sorted(square for _, square in results) == [task * task for task in range(9)]
    assert {job for job, _ in results} <= {"one", "two"}
    assert sum(counts) == sum(range(9))


def test_a_task_that_fails_stops_the_others_and_its_error_is_raised():
    with pytest.raises(InputError, match=r"^task 0 is wrong$"):
        run_in_processes(one_fails, range(4), start, [("one",), ("two",)], lambda amount: None, "failing")


def test_a_job_that_cannot_be_made_says_why():
    with pytest.raises(InputError, match=r"^this job cannot be made$"):
        run_in_processes(square, range(4), start, [("broken",)], lambda amount: None, "squaring")


def test_a_process_that_is_killed_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match=r"a squaring process was killed .*again, perhaps with fewer --workers"):
        run_in_processes(dies, range(4), start, [("one",)], lambda amount: None, "squaring")
