"""Which utterance a row is conditioned on: another one of the same speaker, from the row's own block."""

import numpy as np

from amharic_tts.data.order import key


def prompt_candidates(records: np.ndarray, row: int, seed: int, epoch: int) -> list[int]:
    """Rows of the shard that may serve as the prompt of `row`, best first.

    `records` are the ROW records of the shard. The first is drawn by a keyed hash of seed, epoch and the row's id, so
    it does not depend on ranks, batches or the row's neighbours in a step; the next ones serve when it is damaged. A
    row is its own prompt only where its block has no other (`DatasetInfo.own_prompt_rows` counts these).
    """
    block = int(records["block"][row])
    start, end = np.searchsorted(records["block"], (block, block + 1)).tolist()
    prompts = [start + i for i, frames in enumerate(records["n_prompt"][start:end].tolist()) if frames]
    others = [prompt for prompt in prompts if prompt != row]
    if not others:
        return prompts
    first = key("prompt", seed, epoch, records["id"][row].tobytes().hex()) % len(others)
    return others[first:] + others[:first]


def own_prompt_rows(records: np.ndarray) -> int:
    """How many rows of a shard (its ROW records) have no prompt but themselves."""
    prompts_of_block = np.bincount(records["block"], weights=records["n_prompt"] > 0)
    others = prompts_of_block[records["block"]] - (records["n_prompt"] > 0)
    return int((others == 0).sum())
