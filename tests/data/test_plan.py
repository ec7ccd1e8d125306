"""Laws of the plan (DESIGN.md §3): each row once per epoch, the same steps for everyone, micro-batches within budget."""

import hashlib
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amharic_tts.data.plan import Plan, cut_evenly, microbatches, require_fits, require_same_plan
from amharic_tts.data.shard import CATALOG
from amharic_tts.errors import InputError

row = st.tuples(st.integers(0, 60), st.integers(1, 300))
shards = st.lists(st.lists(row, max_size=30), min_size=1, max_size=9).filter(lambda some: any(some))
lengths = st.lists(st.integers(1, 1000), min_size=1, max_size=80).map(np.array)


def pairs(rows) -> list[tuple[int, int]]:
    return list(zip(rows["shard"].tolist(), rows["row"].tolist()))


@given(shards, st.integers(0, 5), st.integers(1, 4000), st.integers(1, 10), st.integers(0, 3))
def test_every_row_exactly_once_per_epoch_and_no_step_is_empty(make_plan, some, seed, step_tokens, window, epoch):
    plan = make_plan(some, seed, step_tokens, window_shards=window)
    sets = [plan.step_set(epoch, k) for k in range(plan.steps(epoch))]
    assert all(len(rows) for rows in sets)
    seen = [pair for rows in sets for pair in pairs(rows)]
    assert sorted(seen) == [(s, r) for s, shard in enumerate(some) for r in range(len(shard))]
    for rows in sets:
        for entry in rows:
            assert (entry["n_text"], entry["n_code"]) == some[entry["shard"]][entry["row"]]


@given(shards, st.integers(0, 2**30), st.data())
def test_a_step_is_the_same_from_any_resume_point(make_plan, some, seed, data):
    plan = make_plan(some, seed, window_shards=2)
    places = [(epoch, k) for epoch in range(2) for k in range(plan.steps(epoch))]
    straight = {place: pairs(plan.step_set(*place)) for place in places}
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=5)):
        assert pairs(make_plan(some, seed, window_shards=2).step_set(*place)) == straight[place]


@settings(max_examples=30)
@given(lengths, st.integers(1000, 5000))
def test_microbatches_for_1_to_65_ranks(some, budget):
    for world_size in range(1, 66):
        ranks = microbatches(some, world_size, budget)
        assert len(ranks) == world_size
        assert len({len(rank) for rank in ranks}) == 1
        assert sorted(i for rank in ranks for group in rank for i in group.tolist()) == list(range(len(some)))
        padded = [int(some[group].max()) * len(group) for rank in ranks for group in rank if len(group)]
        assert max(padded) <= budget


@given(lengths, st.integers(1000, 5000))
def test_no_more_micro_batches_than_the_budget_needs(some, budget):
    """For one rank: packing sorted rows greedily is optimal among cuts of the sorted order."""
    groups, left = 0, sorted(some.tolist(), reverse=True)
    while left:
        left = left[max(1, budget // left[0]) :]
        groups += 1
    assert len(microbatches(some, 1, budget)[0]) == groups
    assert len(microbatches(some, 7, budget)[0]) == -(-groups // 7)


@pytest.mark.parametrize(
    ("world_size", "rows", "budget"), [(1, 180, 8192), (4, 180, 8192), (8, 361, 16384), (64, 2900, 16384)]
)
def test_ranks_have_about_equal_work_and_little_padding(world_size, rows, budget):
    """Speech-like lengths: the slowest rank spends at least 85 % of its positions on real ones."""
    generator = np.random.default_rng(rows)
    some = (np.clip(generator.lognormal(np.log(5.8) - 0.19, 0.62, rows), 1, 20) * 56 + 38).astype(int)
    ranks = microbatches(some, world_size, budget)
    work = [sum(int(some[group].max()) * len(group) for group in rank if len(group)) for rank in ranks]
    assert max(work) / np.mean(work) < 1.05
    assert some.sum() / (world_size * max(work)) > 0.85


def test_a_row_above_the_budget_is_refused():
    with pytest.raises(InputError, match="1001 positions exceeds"):
        microbatches(np.array([5, 1001]), 2, 1000)


def test_no_rows_give_each_rank_one_empty_micro_batch():
    ranks = microbatches(np.zeros(0), 3, 100)
    assert [[len(group) for group in rank] for rank in ranks] == [[0], [0], [0]]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.data())
def test_runs_are_about_equal_and_none_is_empty(some, data):
    parts = data.draw(st.integers(1, len(some)))
    cuts = cut_evenly(np.array(some), parts)
    assert cuts[0] == 0
    assert cuts[-1] == len(some)
    assert (np.diff(cuts) > 0).all()
    if max(some) * parts * 2 < sum(some):  # where rows are small beside a run, each run is within a row of its share
        totals = np.add.reduceat(some, cuts[:-1])
        assert np.abs(totals - sum(some) / parts).max() <= max(some) + 1


def test_steps_have_the_size_asked_for(make_plan):
    generator = np.random.default_rng(1)
    some = [[(int(t), int(t * 8)) for t in generator.integers(5, 60, 300)] for _ in range(20)]
    plan = make_plan(some, step_tokens=20_000, window_shards=5)
    sizes = [int(plan.lengths(plan.step_set(0, k)).sum()) for k in range(plan.steps(0))]
    assert min(sizes) >= 19_000
    assert max(sizes) <= 22_000


def test_epochs_and_seeds_are_ordered_differently(make_plan):
    some = [[(1, 10 + i) for i in range(30)] for _ in range(6)]
    orders = set()
    for seed in (0, 1):
        plan = make_plan(some, seed)
        for epoch in (0, 1):
            orders.add(tuple(pair for k in range(plan.steps(epoch)) for pair in pairs(plan.step_set(epoch, k))))
    assert len(orders) == 4


def test_the_step_sets_never_drift(make_plan):
    """Frozen: a change here changes what a resumed run trains on, and needs another PLAN_VERSION."""
    plan = make_plan([[(i % 7, 20 + (i * s) % 90) for i in range(25)] for s in range(1, 9)], seed=3, window_shards=3)
    content = b"".join(plan.step_set(e, k).tobytes() for e in range(2) for k in range(plan.steps(e)))
    assert hashlib.blake2b(content, digest_size=8).hexdigest() == "afbc11d71b6044d1"


def test_threads_see_the_same_plan(make_plan):
    some = [[(2, 40)] * 20 for _ in range(12)]
    plan, expected = make_plan(some, window_shards=1), make_plan(some, window_shards=1)
    faults = []

    def walk(step):
        for k in range(0, plan.steps(0), step):
            if pairs(plan.step_set(0, k)) != pairs(expected.step_set(0, k)):
                faults.append(k)

    threads = [threading.Thread(target=walk, args=(step,)) for step in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_step_of_1e8_rows_looks_at_one_window_and_little_memory():
    """1e5 shards of 1000 rows: tests/bench/bench_plan.py has the times."""
    rows = np.ones(1000, dtype=[("n_text", "<u2"), ("n_code", "<u2")])
    rows["n_code"] = 300
    catalog = np.zeros(100_000, dtype=CATALOG)
    catalog["rows"], catalog["text"], catalog["codes"], catalog["longest"] = 1000, 1000, 300_000, 301
    asked = []
    tracemalloc.start()
    plan = Plan(catalog, lambda shard: asked.append(shard) or rows, seed=1, step_tokens=131_072)
    steps = plan.steps(0)
    assert asked == []
    sets = [plan.step_set(0, k) for k in (steps - 1, 0)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(steps - 338e8 / 131_072) / steps < 0.01
    assert len(asked) == len(set(asked)) <= 2 * 64
    assert all(set(one["shard"].tolist()) <= set(asked) for one in sets)
    assert peak < 100e6


def test_a_step_outside_the_epoch_is_an_error(make_plan):
    plan = make_plan([[(1, 1)]])
    for k in (-1, plan.steps(0)):
        with pytest.raises(IndexError):
            plan.step_set(0, k)


def test_another_plan_is_refused_with_what_changed(make_plan):
    some = [[(3, 50)] * 5] * 3
    plan = make_plan(some)
    require_same_plan(plan.identity, make_plan(some))
    changes = {
        "seed was 0, is 1": make_plan(some, seed=1),
        "step_tokens was 500, is 501": make_plan(some, step_tokens=501),
        "positions_per_row was 37, is 38": make_plan(some, positions_per_row=38),
        "window_shards was 64, is 2": make_plan(some, window_shards=2),
        r"data set \(catalog\) was": make_plan([[(3, 51)] * 5] * 3),
    }
    for said, other in changes.items():
        assert other.fingerprint != plan.fingerprint
        with pytest.raises(InputError, match=said):
            require_same_plan(plan.identity, other)
    with pytest.raises(InputError, match="planner's version was 0"):
        require_same_plan({**plan.identity, "plan_version": 0, "fingerprint": "x"}, plan)
    with pytest.raises(InputError, match="fingerprint was x"):
        require_same_plan({**plan.identity, "fingerprint": "x"}, plan)


def test_a_row_above_the_budget_is_named_before_training(make_plan):
    plan = make_plan([[(3, 50)] * 4, [(3, 50), (10, 153)]])
    require_fits(plan, 200)
    with pytest.raises(InputError, match=r"row 1 of shard 1 takes 200 positions \(10 text, 153 codes, 37 more\)"):
        require_fits(plan, 199)


def test_an_empty_data_set_is_refused(make_plan):
    with pytest.raises(InputError, match="no rows"):
        make_plan([[], []])
