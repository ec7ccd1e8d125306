"""What several rooms' tests share."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("DS_ACCELERATOR", "cpu")
os.environ.setdefault("WANDB_MODE", "offline")


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def device():
    """The device of a process group of one, for tests of the real engine in this process.

    The group is joined once and kept: DeepSpeed remembers it and has no use for a second one. The environment is given
    back, since what the system tests start must not take itself for a rank.
    """
    from amharic_tts.train.processes import connect, set_environment

    before = dict(os.environ)
    set_environment()
    yield connect()
    os.environ.clear()
    os.environ.update(before)
