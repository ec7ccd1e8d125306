"""Recorded inputs and outputs of the reference's decoding chain, and the seeded weights behind them (shared/golden)."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"
CONSTANTS = ("num_batches_tracked", "filter", "freqs_cis", "causal_mask", "input_pos", "freqs", "pe")
"""Last components of keys that the reference keeps at their constructed values."""


@pytest.fixture(scope="session")
def golden() -> Path:
    if not GOLDEN.is_dir():
        pytest.skip("needs ../shared/golden, which is not here")
    return GOLDEN


@pytest.fixture(scope="session")
def chain(golden) -> dict[str, torch.Tensor]:
    """The arrays of decode_chain.npz."""
    return {name: torch.from_numpy(value) for name, value in np.load(golden / "decode_chain.npz").items()}


@pytest.fixture(scope="session")
def reference_keys(golden) -> dict[str, dict[str, list[int]]]:
    """Part → key → shape."""
    return json.loads((golden / "decode_chain_keys.json").read_text())


@pytest.fixture(scope="session")
def seeded(reference_keys):
    """seeded(part) → its state dict by the rule of golden/README.md, without what keeps its constructed value."""

    def fill(part: str, scale: float = 0.05) -> dict[str, torch.Tensor]:
        state = {}
        for key, shape in reference_keys[part].items():
            if key.rsplit(".", 1)[-1] in CONSTANTS:
                continue
            generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
            value = scale * torch.randn(shape, generator=generator)
            if key.endswith("running_var"):
                value = value.abs() + 1
            elif len(shape) == 1 and key.endswith((".weight", ".gamma")):
                value = value + 1
            state[key] = value
        return state

    return fill


@pytest.fixture(scope="session")
def relative_error():
    """Largest error as a share of the expected values' largest magnitude; the recorded outputs allow 2e-4."""

    def measure(ours: torch.Tensor, theirs: torch.Tensor) -> float:
        assert ours.shape == theirs.shape
        return float((ours - theirs).abs().max() / theirs.abs().max())

    return measure
