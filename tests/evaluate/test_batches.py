"""Laws of what the recogniser practises on."""

import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.evaluate.batches import batches_of_like_length, draw, visits


@given(st.lists(st.floats(0.01, 20), min_size=1, max_size=50), st.integers(0, 99))
def test_each_row_comes_as_often_as_wanted(weights, seed):
    count = max(1, round(sum(weights)))
    wanted = [weight * count / sum(weights) for weight in weights]
    rows = draw(wanted, torch.Generator().manual_seed(seed))
    assert len(rows) == count
    for i, want in enumerate(wanted):
        assert math.floor(want - 1e-6) <= rows.count(i) <= math.ceil(want + 1e-6)


def test_draws_differ_from_epoch_to_epoch_but_not_from_run_to_run():
    wanted = visits([f"ቃል{i % 7} ሰላም{i}" for i in range(20)] + ["ሰላም0"] * 30)
    one, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    epochs = [draw(wanted, one) for _ in range(5)]
    assert epochs == [draw(wanted, other) for _ in range(5)]
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_rows_with_rare_words_come_more_often():
    texts = ["አንድ መቶ"] * 50 + ["አንድ ሺህ"] * 40 + ["ሰላም ለዓለም"]
    weights = visits(texts)
    assert weights[-1] == max(weights) > weights[50] > weights[0] > 0
    assert sum(weights) == pytest.approx(len(texts))


def test_batches_hold_every_index_once_and_like_lengths_together():
    lengths = [random.Random(i).randint(1, 1000) for i in range(160)]
    indices = [i for i in range(160) if i % 5] + [1, 1]
    batches = batches_of_like_length(indices, lengths, 8, torch.Generator().manual_seed(0))
    assert sorted(i for batch in batches for i in batch) == sorted(indices)
    assert max(map(len, batches)) <= 8
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    assert sum(spread) / len(spread) < 150
