"""What does not fit into memory is tried in halves; every wave gets one result, and the rest of the run fits."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.extract.memory import Budget, OutOfMemory, is_out_of_memory, run_batches
from amharic_tts.extract.work import cut_batches

LENGTHS = st.lists(st.integers(1, 100), max_size=40)


@given(LENGTHS, st.integers(1, 300))
def test_batches_keep_within_the_budget_and_hold_every_row_once(lengths, budget):
    batches = cut_batches(range(len(lengths)), lengths.__getitem__, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
    ordered = [lengths[row] for batch in batches for row in batch]
    assert ordered == sorted(lengths, reverse=True)  # so a batch holds neighbours in length


@given(LENGTHS, st.integers(1, 4000), st.integers(1, 4000))
def test_every_wave_gets_one_result_whatever_memory_there_is(lengths, budget, memory):
    """A machine on which padded batches of more than `memory` samples fail."""
    asked = []

    def run(waves):
        asked.append(max(map(len, waves)) * len(waves))
        if asked[-1] > memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [len(wave) for wave in waves]

    held = Budget(budget)
    waves = [torch.zeros(length) for length in lengths]
    results = dict(run_batches(run, waves, held))
    assert sorted(results) == list(range(len(lengths)))
    for row, length in enumerate(lengths):
        assert isinstance(results[row], OutOfMemory) if length > memory else results[row] == length
    # The budget sinks below what has failed, and later waves keep within it.
    failed = [samples for samples in asked if samples > memory and samples > max(lengths)]
    assert all(held.samples <= samples // 2 for samples in failed)
    asked.clear()
    dict(run_batches(run, waves, held))
    assert all(samples <= max(held.samples, max(lengths)) for samples in asked)


def test_other_errors_are_not_swallowed():
    def run(waves):
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        list(run_batches(run, [torch.zeros(3)] * 2, Budget(100)))


def test_what_allocators_say():
    """The CPU's in its own words; those of a GPU as they are known."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)
    with pytest.raises(MemoryError) as caught:
        bytearray(2**60)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_out_of_memory(ValueError("out of memory"))
