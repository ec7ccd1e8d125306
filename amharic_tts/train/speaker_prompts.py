"""One prompt for each speaker of the training data, kept in every checkpoint so that it can speak on its own."""

import numpy as np
import torch

from amharic_tts.data.read import Dataset
from amharic_tts.data.shard import DamagedRow

MOST = 64
"""Speakers with a prompt in a checkpoint; a data set with thousands of them does not put them all in."""


def speaker_prompts(dataset: Dataset) -> dict[str, torch.Tensor]:
    """Speaker → conditioning frames (frames, width) float16 of its first readable prompt, for the first `MOST`."""
    prompts: dict[str, torch.Tensor] = {}
    with dataset.reader() as reader:
        for shard in range(dataset.info.shards):
            records = dataset.rows_of_shard(shard)
            for row in np.flatnonzero(records["n_prompt"]).tolist():
                speaker = dataset.info.speakers[int(records["speaker"][row])]
                if speaker in prompts:
                    continue
                try:
                    conditioning = reader.read(shard, row).conditioning
                except DamagedRow:
                    continue
                prompts[speaker] = torch.from_numpy(np.array(conditioning, dtype=np.float16))
                if len(prompts) == min(MOST, len(dataset.info.speakers)):
                    return prompts
    return prompts
