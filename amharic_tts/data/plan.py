"""Which rows form which optimizer step, and how one step is cut for the machine at hand.

Two levels. `Plan.step_set(epoch, k)` depends on the catalog, the seed and the step size in tokens, and on nothing
else; `microbatches` cuts such a set for a number of ranks and a memory budget. The gradient of a step depends only on
the first level, so a run goes on exactly after it moves to another number of GPUs or to another kind.

The plan is lazy: shards are put into an order and taken in windows; rows are looked at only for the window in use, so
the state is a few numbers per shard (1e8 rows in 1e5 shards: tests/bench/bench_plan.py).
"""

import hashlib
import heapq
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np

from amharic_tts.data.order import key, keyed_order
from amharic_tts.errors import InputError

# Part of the fingerprint: raise it with any change to the code below that changes a step set.
PLAN_VERSION = 1

STEP_ROW = np.dtype([("shard", "<u4"), ("row", "<u4"), ("n_text", "<u2"), ("n_code", "<u2")])


class Plan:
    """The order of training. Thread-safe.

    catalog: structured array (shards,) with at least the fields rows, text, codes, longest of `shard.CATALOG`.
    rows_of_shard: shard number → structured array (rows,) with at least the fields n_text and n_code.
    step_tokens: positions of one optimizer step; windows round it so that steps are alike and no row is left over.
    positions_per_row: positions of a row beside its text ids and codes (34 conditioning, start and stop of the text,
    start of the codes).
    window_shards: rows are mixed within windows of this many shards, which bounds the files in use at a time.
    """

    def __init__(
        self,
        catalog: np.ndarray,
        rows_of_shard: Callable[[int], np.ndarray],
        seed: int,
        step_tokens: int,
        positions_per_row: int = 37,
        window_shards: int = 64,
    ) -> None:
        if len(catalog) == 0 or int(catalog["rows"].sum()) == 0:
            raise InputError("the data set has no rows: build it with tools/build_shards.py")
        for name, value in (("step_tokens", step_tokens), ("window_shards", window_shards)):
            if value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        self.catalog = catalog
        self.rows_of_shard = rows_of_shard
        self.seed = seed
        self.step_tokens = step_tokens
        self.positions_per_row = positions_per_row
        self.window_shards = window_shards
        self._shard_rows = catalog["rows"].astype(np.int64)
        text_and_codes = catalog["text"].astype(np.int64) + catalog["codes"].astype(np.int64)
        self._shard_tokens = text_and_codes + self._shard_rows * positions_per_row
        self._epochs: OrderedDict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = OrderedDict()
        self._windows: OrderedDict[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()
        self.identity: dict[str, int | str] = {
            "plan_version": PLAN_VERSION,
            "catalog": hashlib.blake2b(np.ascontiguousarray(catalog).tobytes(), digest_size=16).hexdigest(),
            "seed": seed,
            "step_tokens": step_tokens,
            "positions_per_row": positions_per_row,
            "window_shards": window_shards,
        }
        self.fingerprint = hashlib.blake2b(repr(sorted(self.identity.items())).encode(), digest_size=16).hexdigest()
        self.identity["fingerprint"] = self.fingerprint

    def steps(self, epoch: int) -> int:
        """Number of optimizer steps in an epoch."""
        return int(self._epoch(epoch)[2][-1])

    def step_set(self, epoch: int, k: int) -> np.ndarray:
        """The rows of optimizer step `k` (from 0) of `epoch`: a STEP_ROW array, never empty.

        Over one epoch every row of the catalog appears exactly once. Raises IndexError for a step outside the epoch.
        """
        first_step = self._epoch(epoch)[2]
        if not 0 <= k < first_step[-1]:
            raise IndexError(f"epoch {epoch} has {first_step[-1]} steps, there is no step {k}")
        window = int(np.searchsorted(first_step, k, side="right")) - 1
        rows, order, cuts = self._window(epoch, window)
        j = k - int(first_step[window])
        return rows[order[cuts[j] : cuts[j + 1]]]

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Positions of each row in the model, int64 (rows,)."""
        return rows["n_text"].astype(np.int64) + rows["n_code"] + self.positions_per_row

    def longest(self) -> int:
        """Positions of the longest row of the data set."""
        return int(self.catalog["longest"].max()) + self.positions_per_row

    def _epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(shards in this epoch's order, first shard of each window + end, first step of each window + end)."""
        with self._lock:
            if epoch in self._epochs:
                return self._epochs[epoch]
        shards = len(self.catalog)
        order = keyed_order(key("shards", self.seed, epoch), np.arange(shards)).astype(np.uint32)
        windows = -(-shards // self.window_shards)
        bounds = np.arange(windows + 1, dtype=np.int64) * shards // windows
        window_rows = np.add.reduceat(self._shard_rows[order], bounds[:-1])
        window_tokens = np.add.reduceat(self._shard_tokens[order], bounds[:-1])
        # A step has at least one row, a window with rows at least one step; rounding spreads the rest over the window.
        steps = np.minimum(np.maximum(window_tokens // self.step_tokens, 1), window_rows)
        first_step = np.concatenate([[0], np.cumsum(steps)])
        with self._lock:
            self._epochs[epoch] = (order, bounds, first_step)
            while len(self._epochs) > 2:  # the end of one epoch overlaps the beginning of the next
                self._epochs.popitem(last=False)
        return order, bounds, first_step

    def _window(self, epoch: int, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows of the window as they lie in its shards, this epoch's order of them, cuts of that order into steps)."""
        with self._lock:
            if (epoch, window) in self._windows:
                return self._windows[epoch, window]
        order, bounds, first_step = self._epoch(epoch)
        # Numbered order, so that the window's content does not depend on the order in which its shards come.
        shards = np.sort(order[bounds[window] : bounds[window + 1]])
        records = [self.rows_of_shard(shard) for shard in shards.tolist()]
        counts = [len(of_shard) for of_shard in records]
        rows = np.empty(sum(counts), dtype=STEP_ROW)
        rows["shard"] = np.repeat(shards, counts)
        rows["row"] = np.concatenate([np.arange(count) for count in counts])
        for name in ("n_text", "n_code"):
            rows[name] = np.concatenate([of_shard[name] for of_shard in records])
        names = (rows["shard"].astype(np.uint64) << np.uint64(32)) | rows["row"]
        order = keyed_order(key("rows", self.seed, epoch), names)
        cuts = cut_evenly(self.lengths(rows)[order], int(first_step[window + 1] - first_step[window]))
        with self._lock:
            self._windows[epoch, window] = (rows, order, cuts)
            while len(self._windows) > 2:  # prefetching threads may be in the next window already
                self._windows.popitem(last=False)
        return rows, order, cuts


def cut_evenly(lengths: np.ndarray, parts: int) -> np.ndarray:
    """Cuts a sequence of rows into `parts` ≤ len(lengths) runs of about equal total length, none empty.

    Returns int64 (parts + 1,): run i is [cuts[i], cuts[i + 1]). Integer arithmetic: the same on every machine.
    """
    total = np.cumsum(lengths, dtype=np.int64)
    numbers = np.arange(1, parts, dtype=np.int64)
    inner = np.searchsorted(total, numbers * (total[-1] // parts) + numbers * (total[-1] % parts) // parts)
    inner = np.maximum.accumulate(np.maximum(inner - numbers, 0)) + numbers  # at least one row each
    inner = np.minimum(inner, len(lengths) - parts + numbers)  # and enough left for the others
    return np.concatenate([[0], inner, [len(lengths)]])


def require_same_plan(saved: Mapping[str, int | str], plan: Plan) -> None:
    """Raises InputError that says what changed, when a checkpoint's `Plan.identity` is not that of this plan."""
    if saved.get("fingerprint") == plan.fingerprint:
        return
    names = {"catalog": "the data set (catalog)", "plan_version": "the planner's version"}
    changed = [
        f"{names.get(name, name)} was {saved.get(name, 'not recorded')}, is {value}"
        for name, value in plan.identity.items()
        if name != "fingerprint" and saved.get(name) != value
    ]
    what = "; ".join(changed) or f"fingerprint was {saved.get('fingerprint')}, is {plan.fingerprint}"
    raise InputError(
        f"the checkpoint was trained on another data plan, its position means nothing here: {what}. "
        "Give back the old data and settings, or start a new run folder from the checkpoint's weights."
    )


def require_fits(plan: Plan, token_budget: int) -> None:
    """Raises InputError when the longest row of the data set exceeds the micro-batch's budget in positions."""
    if plan.longest() <= token_budget:
        return
    shard = int(np.argmax(plan.catalog["longest"]))
    rows = plan.rows_of_shard(shard)
    row = int(np.argmax(rows["n_text"].astype(np.int64) + rows["n_code"]))
    name = f", id {rows['id'][row].tobytes().hex()}" if "id" in (rows.dtype.names or ()) else ""
    raise InputError(
        f"row {row} of shard {shard}{name} takes {plan.longest()} positions ({rows['n_text'][row]} text, "
        f"{rows['n_code'][row]} codes, {plan.positions_per_row} more), above the token budget of {token_budget} for "
        "one micro-batch: raise the budget, or leave such rows out of the manifest and build the shards again"
    )


def microbatches(lengths: np.ndarray, world_size: int, token_budget: int) -> list[list[np.ndarray]]:
    """Cuts one step's rows into micro-batches: for each rank a list of index arrays into `lengths`.

    Every rank gets the same number of micro-batches (an empty array is one of weight zero); the padded size of each,
    longest × rows, stays within `token_budget`; every index appears once. The rows are sorted by length, cut into
    groups of about equal padded size, and the groups dealt so that ranks have about equal work. Each rank's list goes
    from the largest to the smallest, so that ranks work on like shapes at the same time (ZeRO-3 gathers together).
    Raises InputError when a row alone exceeds the budget.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    if len(lengths) == 0:
        return [[np.zeros(0, dtype=np.int64)] for _ in range(world_size)]
    order = np.argsort(-lengths, kind="stable")
    descending = lengths[order].tolist()
    if descending[0] > token_budget:
        raise InputError(f"a row of {descending[0]} positions exceeds the micro-batch budget of {token_budget}")
    per_rank = -(-_count_groups(descending, token_budget) // world_size)
    groups = _split_to(_equal_cost_groups(descending, per_rank * world_size, token_budget), per_rank * world_size)
    cost = [descending[start] * (end - start) if end > start else 0 for start, end in groups]
    ranks: list[list[int]] = [[] for _ in range(world_size)]
    least_loaded = [(0, rank) for rank in range(world_size)]
    for group in sorted(range(len(groups)), key=lambda g: (-cost[g], g)):
        load, rank = heapq.heappop(least_loaded)
        ranks[rank].append(group)
        if len(ranks[rank]) < per_rank:
            heapq.heappush(least_loaded, (load + cost[group], rank))
    return [[order[groups[g][0] : groups[g][1]] for g in rank] for rank in ranks]


def _count_groups(descending: list[int], cost: int) -> int:
    """Least number of runs of a descending list whose padded size stays within `cost` (at least its first value)."""
    count = at = 0
    while at < len(descending):
        at += max(1, cost // descending[at])
        count += 1
    return count


def _equal_cost_groups(descending: list[int], at_most: int, budget: int) -> list[tuple[int, int]]:
    """Runs [start, end) under the smallest padded size that needs no more than `at_most` runs."""
    low, high = descending[0], budget
    while low < high:
        middle = (low + high) // 2
        if _count_groups(descending, middle) <= at_most:
            high = middle
        else:
            low = middle + 1
    groups, at = [], 0
    while at < len(descending):
        end = min(at + max(1, low // descending[at]), len(descending))
        groups.append((at, end))
        at = end
    return groups


def _split_to(groups: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Halves the groups with most rows until there are `count`; what cannot be split further is filled with empty ones."""
    heap = [(start - end, start, end) for start, end in groups]  # most rows first
    heapq.heapify(heap)
    while len(heap) < count and heap[0][0] < -1:
        _, start, end = heapq.heappop(heap)
        middle = (start + end) // 2
        heapq.heappush(heap, (start - middle, start, middle))
        heapq.heappush(heap, (middle - end, middle, end))
    split = sorted((start, end) for _, start, end in heap)
    return split + [(0, 0)] * (count - len(split))
