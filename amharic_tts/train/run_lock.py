"""One training job per run folder: a second one would write over the first one's checkpoints and figures."""

import fcntl
import os
from pathlib import Path

from amharic_tts.errors import InputError


def lock_run(run: Path) -> int:
    """Takes the run's folder for this process until it ends, however it ends. Returns the lock's file descriptor.

    Raises InputError when another process has it. Where the file system knows no locks, nothing is held.
    """
    run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(run / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InputError(
            f"another training job is at work in {run} (processes may outlive a killed launcher: `pkill -f "
            "launch/train.py` ends them); wait for it, or give another run.directory"
        ) from None
    except OSError:
        pass
    return descriptor
