"""The processes of one run: which rank this is, sums over all of them, one message for all."""

import os
import socket
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist


def set_environment() -> None:
    """Fills in what a launcher would have set, so that plain `python launch/train.py` is a run of one process.

    Call before deepspeed is imported: it chooses its accelerator at import.
    """
    if "RANK" not in os.environ:
        alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
        os.environ.update(alone)
        os.environ.setdefault("MASTER_PORT", str(free_port()))
    os.environ.setdefault("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"])
    # DeepSpeed compiles its CPU optimizer with the `ninja` of this environment, also when nobody has activated it.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
        if "OMP_NUM_THREADS" not in os.environ:
            # Ranks share the cores: with more threads than cores they wait for each other instead of computing.
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            torch.set_num_threads(max(1, cores // int(os.environ["LOCAL_WORLD_SIZE"])))


def free_port() -> int:
    """A TCP port that nobody listens on, so that several single-process runs can share a machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rank() -> int:
    return int(os.environ["RANK"])


def world_size() -> int:
    return int(os.environ["WORLD_SIZE"])


def connect() -> torch.device:
    """Joins the process group and returns this rank's device."""
    import deepspeed
    from deepspeed.ops import __compatible_ops__

    if not torch.cuda.is_available():
        # A shared-memory collective that DeepSpeed would compile for two minutes at the first start; gloo does the job.
        __compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(verbose=False)
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return torch.device("cpu")


def summed(*values: float, device: torch.device) -> list[float]:
    """Each value summed over all ranks, in float64."""
    total = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return total.tolist()


def say(text: str) -> None:
    """A line for the person who watches, from rank 0 only."""
    if rank() == 0:
        print(text, file=sys.stderr, flush=True)


def let_rank_0_speak() -> None:
    """Gives rank 0 time to report the same error and end, upon which the launcher ends the other ranks.

    A rank that is still there after that has found something that rank 0 has not, and says it itself.
    """
    if rank() != 0:
        time.sleep(20)
