"""A node is taken back: the job saves, says that it wants to be started again, and goes on as if nothing had been."""

import signal
import subprocess
import time

import psutil
import pytest
import torch
from system.commands import PROJECT, done, environment, make_job
from system.test_training import weights, without_times

from amharic_tts.train.checkpoints import newest_valid

REQUEUE = 85


def ranks_of(process) -> list[psutil.Process]:
    """The training processes below a launcher, by rank."""
    below = psutil.Process(process.pid).children(recursive=True)
    ranks = [
        p for p in below if "launch/train.py" in p.cmdline() and any("--local_rank" in part for part in p.cmdline())
    ]
    return sorted(
        (p for p in ranks if "deepspeed.launcher" not in " ".join(p.cmdline())), key=lambda p: p.cmdline()[3:]
    )


def stopped(job, signals, *settings) -> int:
    """Starts the job on two ranks, sends `signals` to rank 1 once two steps are logged, and returns the exit code."""
    process = subprocess.Popen(
        job.command(2, *settings), cwd=PROJECT, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while process.poll() is None and len(job.events("train")) < 2:
            time.sleep(0.02)
        assert process.poll() is None, "the job ended before it could be stopped"
        rank = next(p for p in ranks_of(process) if "--local_rank=1" in p.cmdline())
        for number in signals:
            rank.send_signal(number)
        return process.wait(60)
    finally:
        if process.poll() is None:
            subprocess.run(["pkill", "-9", "-s", str(process.pid)], check=False)


SETTINGS = ("run.steps=8", "run.checkpoint_every=100", "run.validate_every=100")


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """A run that nobody stopped."""
    job = make_job(tmp_path_factory.mktemp("whole") / "job", corpus)
    done(job.train(*SETTINGS, ranks=2))
    return job


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1]])
def test_a_signal_to_any_rank_saves_the_step_and_the_run_goes_on_exactly(new_job, whole, signals):
    job = new_job("stopped")
    assert stopped(job, signals, *SETTINGS) == REQUEUE
    [event] = job.events("stop")
    assert [e["step"] for e in job.events("checkpoint")] == [event["step"]]
    assert (job.run / "checkpoints/latest").read_text() == f"step-{event['step']:08d}\n"
    done(job.train(*SETTINGS, ranks=2))
    assert without_times(job.events("train")) == without_times(whole.events("train"))
    ours, theirs = weights(job, 8), weights(whole, 8)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_job_that_cannot_save_in_time_ends_all_the_same(new_job):
    """The bound counts from the signal; what was published before stays whole."""
    job = new_job("late")
    settings = ("run.steps=5000", "run.checkpoint_every=1", "run.stop_within=0.001", "run.requeue_code=77")
    assert stopped(job, [signal.SIGTERM], *settings) == 77
    assert newest_valid(job.run / "checkpoints")[0] is not None
