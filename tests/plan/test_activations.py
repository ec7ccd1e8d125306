"""The formula against every tensor that lives, over layers × width × heads × rows × precision × recomputation."""

import gc

import pytest
import torch
from plan.conftest import batch_of, model_of, sizes
from plan.live_bytes import LiveBytes
from torch.utils.checkpoint import checkpoint

from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.activations import activations, logits, saved_by_block
from amharic_tts.plan.shape import uniform

ROWS, TEXT, CODES = 3, 20, 180


def on_cpu(dtype: torch.dtype) -> dict[str, int]:
    """The CPU keeps a dropout mask and a norm's statistics in the model's precision, CUDA in 1 and 4 bytes."""
    return {"mask": dtype.itemsize, "statistic": dtype.itemsize}


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("dim", "heads", "positions"), [(64, 4, 100), (128, 4, 100), (128, 8, 170)])
def test_what_a_block_saves_is_counted_to_the_byte(dim, heads, positions, dtype, dropout):
    config = sizes(dim=dim, heads=heads, dropout=dropout, layers=1)
    model, saved = model_of(config, dtype), {}
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    x = torch.randn(2, positions, dim, dtype=dtype, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.trunk.blocks[0](x)
    counted = sum(size for size, _ in saved.values())
    assert saved_by_block(config, 2 * positions, dtype.itemsize, **on_cpu(dtype)) == counted


@pytest.mark.parametrize("recompute", [True, False])
@pytest.mark.parametrize("table", [50, 1500])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("dim", "layers", "dropout"), [(64, 3, 0.0), (128, 2, 0.1), (256, 5, 0.0)])
def test_the_fullest_moment_of_a_micro_batch(dim, layers, dropout, dtype, table, recompute):
    config = sizes(dim=dim, layers=layers, dropout=dropout, text_rows=table, code_rows=table)
    found = measured(config, dtype, recompute)
    predicted = activations(config, uniform(config, ROWS, TEXT, CODES), dtype.itemsize, recompute, **on_cpu(dtype))
    log_probabilities = 4 * table * ROWS * (TEXT + CODES + 2)
    assert predicted.kept == pytest.approx(found["between"] - log_probabilities, rel=0.01)
    assert predicted.peak == pytest.approx(found["peak"], rel=0.03)


def measured(config: ModelConfig, dtype: torch.dtype, recompute: bool) -> dict[str, int]:
    """Bytes between forward and backward, and at the fullest moment."""
    model, batch = model_of(config, dtype), batch_of(config, ROWS, TEXT, CODES, dtype)
    if recompute:
        model.trunk.checkpoint = lambda block, x: checkpoint(block, x, use_reentrant=True)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    with LiveBytes() as bytes_:
        bytes_.forget([*batch, *(t for p in model.parameters() for t in (p.data, p.grad))])
        losses = model(*batch)
        loss = losses.text + losses.codes
        del losses
        gc.collect()
        between = bytes_.live
        loss.backward()
    return {"between": between, "peak": bytes_.peak}


def test_attention_never_keeps_the_square_of_positions(small):
    half, whole = (saved_by_block(small, positions, 2) for positions in (1000, 2000))
    assert whole == 2 * half


def test_logits_grow_with_the_tables(small):
    shape = uniform(small, 4, 20, 100)
    assert logits(small, shape, 2) == 4 * (21 * 600 * 4 + 101 * 400 * 12)
