"""Being asked to stop: SLURM and rented machines send a signal some time before they take a node back.

The signal is only noted. When the step is done all ranks hear of it, a checkpoint is published, and the job ends with a
code that tells the scheduler to start it again.
"""

import os
import signal
import sys
import threading
from types import FrameType

import torch
import torch.distributed as dist

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """Takes the signals from when it is made. within: seconds from the first one after which the process ends in any
    case, with what was published before; code: its exit code then."""

    def __init__(self, within: float, code: int):
        self.within, self.code = within, code
        self.asked = False
        for number in SIGNALS:
            signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.asked:  # schedulers repeat themselves; the first request is being served
            return
        self.asked = True
        timer = threading.Timer(self.within, self._give_up)
        timer.daemon = True
        timer.start()

    def _give_up(self) -> None:
        print(f"no checkpoint within {self.within:g} s of the signal: the job ends at the last one", file=sys.stderr)
        sys.stderr.flush()
        os._exit(self.code)

    def on_any_rank(self, device: torch.device) -> bool:
        """Whether any rank was asked to stop; the same answer on all. All ranks must call it."""
        flag = torch.tensor(float(self.asked), device=device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)
