"""How long planning takes for a very large data set, and how much memory: `python tests/bench/bench_plan.py`.

The catalog is synthetic: 1e5 shards of 1000 rows with speech-like lengths. No files are read. Each figure of the table
is the middle of several tries, in milliseconds of processor time, so that a busy machine does not change it; "first"
has the order of the epoch's shards still to make, "jump" goes to a step of another window.
"""

import argparse
import resource
import statistics
import time
import tracemalloc

import numpy as np

from amharic_tts.data.plan import Plan, microbatches
from amharic_tts.data.shard import CATALOG


def make(shards: int, rows_per_shard: int) -> tuple[np.ndarray, np.ndarray]:
    """(catalog, pool of rows that shards are slices of)."""
    generator = np.random.default_rng(0)
    pool = np.zeros(1_000_000, dtype=[("n_text", "<u2"), ("n_code", "<u2")])
    seconds = np.clip(generator.lognormal(np.log(5.8) - 0.19, 0.62, len(pool)), 1, 20)
    pool["n_text"], pool["n_code"] = seconds * 6, seconds * 50
    catalog = np.zeros(shards, dtype=CATALOG)
    catalog["rows"] = rows_per_shard
    sums = {name: np.concatenate([[0], np.cumsum(pool[name], dtype=np.int64)]) for name in pool.dtype.names}
    begin = first_of(np.arange(shards), rows_per_shard, len(pool))
    catalog["text"] = sums["n_text"][begin + rows_per_shard] - sums["n_text"][begin]
    catalog["codes"] = sums["n_code"][begin + rows_per_shard] - sums["n_code"][begin]
    catalog["longest"] = 1120
    return catalog, pool


def first_of(shard, rows_per_shard: int, pool: int):
    """Where a shard's slice of the pool begins."""
    return shard * 977 % (pool - rows_per_shard)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rows-per-shard", type=int, default=1000)
    parser.add_argument("--step-tokens", type=int, default=131_072)
    arguments = parser.parse_args()
    print(
        "| rows | shards | new plan ms | first step ms | jump to any step ms | next step ms | cut for 8 ranks ms | memory of the plan MB | process MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for shards in arguments.shards:
        catalog, pool = make(shards, arguments.rows_per_shard)

        def rows_of_shard(shard: int, pool=pool) -> np.ndarray:
            begin = first_of(shard, arguments.rows_per_shard, len(pool))
            return pool[begin : begin + arguments.rows_per_shard]

        def timed(work) -> float:
            begin = time.process_time()
            work()
            return 1e3 * (time.process_time() - begin)

        def new(catalog=catalog, rows=rows_of_shard) -> Plan:
            return Plan(catalog, rows, 7, arguments.step_tokens)

        plan = new()
        steps = plan.steps(0)
        places = np.random.default_rng(1).integers(0, steps, 30).tolist()
        made = statistics.median(timed(new) for _ in range(5))
        first = statistics.median(timed(lambda k=k, new=new: new().step_set(0, k)) for k in places) - made
        jump = statistics.median(timed(lambda k=k, plan=plan: plan.step_set(0, k)) for k in places)
        middle = steps // 2
        following = statistics.mean(
            timed(lambda k=k, plan=plan: plan.step_set(0, k)) for k in range(middle, middle + 200)
        )
        lengths = plan.lengths(plan.step_set(0, middle))
        cut = statistics.median(timed(lambda lengths=lengths: microbatches(lengths, 8, 16_384)) for _ in range(20))
        tracemalloc.start()
        traced = new()
        traced.step_set(0, middle)
        memory = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        figures = [made, first, jump, following, cut, memory, process]
        rows = shards * arguments.rows_per_shard
        print(f"| {rows:.0e} | {shards:.0e} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
