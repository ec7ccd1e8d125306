"""Laws of the loader: what the plan says arrives, whatever the number of ranks and the point of resumption."""

import os
import threading
import time

import numpy as np
import pytest
import torch

from amharic_tts.data.load import StepData, load_all, load_steps
from amharic_tts.data.plan import Plan
from amharic_tts.data.prompts import own_prompt_rows, prompt_candidates
from amharic_tts.data.quarantine import Quarantine
from amharic_tts.data.read import Dataset
from amharic_tts.errors import InputError

BUDGET = 400


@pytest.fixture(scope="module")
def dataset(packed) -> Dataset:
    return Dataset.open(packed)


@pytest.fixture(scope="module")
def plan(dataset) -> Plan:
    return Plan(dataset.catalog, dataset.rows_of_shard, seed=5, step_tokens=1000, window_shards=2)


def uids(step: StepData) -> list[str]:
    return [uid for batch in step.microbatches for uid in batch.uids if uid]


def assert_same(one: StepData, other: StepData) -> None:
    assert (one.epoch, one.k, one.rows, one.tokens) == (other.epoch, other.k, other.rows, other.tokens)
    assert len(one.microbatches) == len(other.microbatches)
    for a, b in zip(one.microbatches, other.microbatches):
        assert a.uids == b.uids
        for name in ("text", "text_lengths", "codes", "code_lengths", "prompt", "prompt_lengths", "weight"):
            assert torch.equal(getattr(a, name), getattr(b, name)), name


def test_batches_hold_what_the_shards_hold(dataset, plan):
    places = {r["id"].tobytes().hex(): i for i, r in enumerate(dataset.rows)}
    shard_of = np.searchsorted(dataset.first_row, np.arange(dataset.info.rows), side="right") - 1
    seen = []
    with dataset.reader() as reader:
        for step in load_steps(dataset, plan, 0, 1, BUDGET, epochs=1):
            assert step.text_targets == sum(int((b.text_lengths + 1).sum()) for b in step.microbatches)
            assert step.code_targets == sum(int((b.code_lengths + 1).sum()) for b in step.microbatches)
            for batch in step.microbatches:
                rows, longest = batch.text.shape
                assert batch.text.dtype == batch.codes.dtype == torch.int64
                assert longest == batch.text_lengths.max()
                assert batch.prompt.dtype == torch.float32
                assert batch.prompt.shape == (rows, batch.prompt_lengths.max(), dataset.info.conditioning_width)
                sequence = batch.text_lengths + batch.code_lengths + plan.positions_per_row
                assert int(sequence.max()) * rows <= BUDGET
                for i, uid in enumerate(batch.uids):
                    place = places[uid]
                    shard = int(shard_of[place])
                    sample = reader.read(shard, place - int(dataset.first_row[shard]))
                    n, m, t = (int(x[i]) for x in (batch.text_lengths, batch.code_lengths, batch.prompt_lengths))
                    assert batch.text[i, :n].tolist() == sample.ids.tolist()
                    assert batch.codes[i, :m].tolist() == sample.codes.tolist()
                    assert not batch.text[i, n:].any()
                    assert not batch.codes[i, m:].any()
                    assert not batch.prompt[i, t:].any()
                    assert batch.speakers[i] == sample.row.speaker
                    assert batch.weight[i] == 1
                    seen.append(uid)
    assert sorted(seen) == sorted(places)


@pytest.mark.parametrize("world_size", [1, 2, 5])
def test_ranks_share_each_step_and_agree_about_it(dataset, plan, world_size):
    ranks = [list(load_steps(dataset, plan, rank, world_size, BUDGET, epochs=2)) for rank in range(world_size)]
    alone = list(load_steps(dataset, plan, 0, 1, BUDGET, epochs=2))
    assert {len(steps) for steps in ranks} == {len(alone)}
    for k, whole in enumerate(alone):
        parts = [steps[k] for steps in ranks]
        assert len({len(part.microbatches) for part in parts}) == 1
        figures = {(p.epoch, p.k, p.rows, p.text_targets, p.code_targets, p.tokens, p.padded_tokens) for p in parts}
        assert len(figures) == 1
        assert (whole.rows, whole.text_targets, whole.code_targets) == tuple(figures.pop())[2:5]
        assert sorted(uid for part in parts for uid in uids(part)) == sorted(uids(whole))


def test_it_resumes_at_any_step_and_crosses_epochs(dataset, plan):
    straight = list(load_steps(dataset, plan, 1, 2, BUDGET, epochs=2))
    assert [(step.epoch, step.k) for step in straight] == [(e, k) for e in range(2) for k in range(plan.steps(e))]
    for start in range(0, len(straight), 3):
        at = straight[start]
        resumed = list(load_steps(dataset, plan, 1, 2, BUDGET, at.epoch, at.k, epochs=2, prefetch=2, threads=3))
        assert len(resumed) == len(straight) - start
        for one, other in zip(resumed, straight[start:]):
            assert_same(one, other)
    after_epoch = next(load_steps(dataset, plan, 1, 2, BUDGET, 0, plan.steps(0)))
    assert_same(after_epoch, straight[plan.steps(0)])


def test_an_empty_micro_batch_is_one_filler_of_weight_zero(dataset, plan):
    """64 ranks share steps of fewer rows, so most get nothing."""
    steps = [next(load_steps(dataset, plan, rank, 64, 100_000)) for rank in range(64)]
    empty = [step.microbatches[0] for step in steps if not uids(step)]
    assert empty
    assert sum(len(uids(step)) for step in steps) == steps[0].rows
    for batch in empty:
        assert batch.text.shape == batch.codes.shape == (1, 0)
        assert batch.text_lengths.tolist() == batch.code_lengths.tolist() == [0]
        assert batch.prompt.shape == (1, 1, dataset.info.conditioning_width)
        assert batch.prompt_lengths.tolist() == [1]
        assert not batch.prompt.any()
        assert batch.weight.tolist() == [0]
        assert batch.uids == batch.speakers == [""]


def test_a_prompt_is_another_row_of_the_same_block_and_follows_the_epoch(dataset):
    own, changed = 0, 0
    for shard in range(dataset.info.shards):
        records = dataset.rows_of_shard(shard)
        for row in range(len(records)):
            candidates = prompt_candidates(records, row, seed=1, epoch=0)
            assert candidates
            assert all(records["block"][c] == records["block"][row] and records["n_prompt"][c] for c in candidates)
            if candidates == [row]:
                own += 1
                assert (records["block"] == records["block"][row]).sum() == 1
            else:
                assert row not in candidates
            changed += candidates != prompt_candidates(records, row, seed=1, epoch=1)
    assert own == dataset.info.own_prompt_rows == 1
    assert own == sum(own_prompt_rows(dataset.rows_of_shard(s)) for s in range(dataset.info.shards))
    assert changed > dataset.info.rows / 4


def test_the_prompt_in_the_batch_is_the_first_candidate(dataset, plan):
    step = next(load_steps(dataset, plan, 0, 1, BUDGET))
    places = {r["id"].tobytes().hex(): i for i, r in enumerate(dataset.rows)}
    with dataset.reader() as reader:
        for batch in step.microbatches:
            for i, uid in enumerate(batch.uids):
                shard = int(np.searchsorted(dataset.first_row, places[uid], side="right")) - 1
                row = places[uid] - int(dataset.first_row[shard])
                best = prompt_candidates(dataset.rows_of_shard(shard), row, plan.seed, 0)[0]
                wanted = reader.read(shard, best).conditioning.astype(np.float32)
                assert np.array_equal(batch.prompt[i, : int(batch.prompt_lengths[i])].numpy(), wanted)


def test_validation_reads_every_row_once_in_the_same_order(dataset):
    passes = [[list(load_all(dataset, rank, 3, BUDGET)) for rank in range(3)] for _ in range(2)]
    assert sorted(u for steps in passes[0] for s in steps for u in uids(s)) == sorted(
        r["id"].tobytes().hex() for r in dataset.rows
    )
    for first, second in zip(*passes):
        assert len(first) == len(passes[0][0])
        for one, other in zip(first, second):
            assert_same(one, other)


def test_a_row_above_the_budget_is_refused_before_training(dataset, plan):
    with pytest.raises(InputError, match=rf"id [0-9a-f]{{32}} takes {plan.longest()} positions"):
        load_steps(dataset, plan, 0, 1, plan.longest() - 1)


def test_threads_stop_when_the_consumer_stops(dataset, plan):
    before = threading.active_count()
    steps = load_steps(dataset, plan, 0, 1, BUDGET)
    next(steps)
    assert threading.active_count() > before
    steps.close()
    assert threading.active_count() == before


def test_no_more_steps_are_prepared_than_asked_for(dataset, plan, monkeypatch):
    prepared = []
    original = Plan.step_set
    monkeypatch.setattr(Plan, "step_set", lambda self, e, k: prepared.append(k) or original(self, e, k))
    steps = load_steps(dataset, plan, 0, 1, BUDGET, prefetch=3)
    next(steps)
    time.sleep(0.2)
    assert max(prepared) == 2
    steps.close()


def test_an_error_in_a_thread_surfaces_in_the_consumer(dataset, plan, monkeypatch):
    def broken(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("amharic_tts.data.load.microbatches", broken)
    with pytest.raises(RuntimeError, match="disk on fire"):
        next(load_steps(dataset, plan, 0, 1, BUDGET))


def test_quarantine_counts_each_row_once_over_all_ranks(tmp_path):
    log = tmp_path / "run" / "quarantine.jsonl"
    ranks = [Quarantine(log, 25_000, tmp_path) for _ in range(2)]
    assert ranks[0].limit == 2
    ranks[0].add(0, 1, "a", "flipped")
    ranks[0].add(0, 1, "a", "flipped")
    ranks[1].add(0, 1, "a", "flipped")
    ranks[1].add(0, 2, "b", "flipped")
    with pytest.raises(InputError, match=r"3 rows .* more than 1 in 10 000"):
        ranks[0].add(7, 0, "c", "flipped")


def test_one_damaged_row_is_let_pass_in_a_small_set(tmp_path):
    small = Quarantine(None, 10, tmp_path)
    small.add(0, 0, "a", "flipped")
    with pytest.raises(InputError):
        small.add(0, 1, "b", "flipped")


def test_a_read_error_that_passes_is_tried_again(dataset, monkeypatch, tmp_path):
    """The first handle of each file is dead, as after a network disk was away for a moment; a new one works."""
    expected = list(load_all(dataset, 0, 1, BUDGET))
    opened, dead = set(), set()
    open_file, read_file = os.open, os.pread

    def open_dead(path, flags):
        handle = open_file(path, flags)
        (dead.discard if path in opened else dead.add)(handle)
        opened.add(path)
        return handle

    def read(handle, size, offset):
        if handle in dead:
            raise OSError(5, "Input/output error")
        return read_file(handle, size, offset)

    monkeypatch.setattr("amharic_tts.data.read.os.open", open_dead)
    monkeypatch.setattr("amharic_tts.data.read.os.pread", read)
    found = list(load_all(dataset, 0, 1, BUDGET, threads=1, quarantine=tmp_path / "q.jsonl"))
    monkeypatch.undo()
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)
    assert len(opened) == dataset.info.shards
    assert not (tmp_path / "q.jsonl").exists()
