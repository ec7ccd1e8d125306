"""Which rows the recogniser practises on, how often, and together with which."""

from collections import Counter
from collections.abc import Sequence

import torch


def visits(texts: Sequence[str], power: float = 0.4) -> list[float]:
    """How often each row should come in one epoch: more often where its words are rare; 1 on average.

    A corpus of a few words said thousands of times (numbers) and many words said thrice (sentences) would otherwise
    teach the few words only. A word of count c weighs c^-power (the subsampling of word2vec, Mikolov et al. 2013); a
    row weighs the mean over its words.
    """
    counts = Counter(word for text in texts for word in text.split())
    weights = [sum(counts[word] ** -power for word in text.split()) / max(1, len(text.split())) for text in texts]
    total = sum(weights)
    return [weight * len(texts) / total if total else 1.0 for weight in weights]


def draw(wanted: Sequence[float], generator: torch.Generator) -> list[int]:
    """Row indices of one epoch: row i comes floor or ceil of `wanted[i]` times, the sum of `wanted` in all.

    Systematic sampling: one random offset decides for all rows.
    """
    ends = torch.tensor(wanted, dtype=torch.float64).cumsum(0)
    ends = ends * round(ends[-1].item()) / ends[-1]  # rounding must not cost the last row its visit
    marks = (ends + torch.rand((), generator=generator, dtype=torch.float64)).floor().long()
    times = torch.diff(marks, prepend=torch.zeros(1, dtype=torch.long))
    return torch.repeat_interleave(torch.arange(len(times)), times).tolist()


def batches_of_like_length(
    indices: Sequence[int], lengths: Sequence[int], rows: int, generator: torch.Generator
) -> list[list[int]]:
    """Each of `indices` once, in batches of at most `rows` of nearly equal `lengths[index]`, in random order."""
    jittered = torch.tensor([lengths[i] for i in indices], dtype=torch.float32)
    jittered = jittered * (1 + 0.1 * torch.rand(len(indices), generator=generator))  # other neighbours each epoch
    order = [indices[i] for i in torch.argsort(jittered).tolist()]
    batches = [order[first : first + rows] for first in range(0, len(order), rows)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
