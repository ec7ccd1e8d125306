"""k-means clustering of vectors: k-means++ start, then Lloyd's iterations."""

from collections.abc import Callable

import torch
from torch import Tensor

CHUNK = 16_384  # rows compared at once: bounds memory at CHUNK x clusters distances


def nearest(vectors: Tensor, centroids: Tensor) -> Tensor:
    """Index of the nearest centroid (Euclid) for each row: `vectors` (n, d), `centroids` (k, d) -> int64 (n,)."""
    # |v - c|² without |v|², which is the same for every c
    offsets = centroids.square().sum(dim=1)
    return torch.cat([(offsets - 2.0 * (part @ centroids.T)).argmin(dim=1) for part in vectors.split(CHUNK)])


def kmeans(
    vectors: Tensor, size: int, seed: int, iterations: int = 15, progress: Callable[[], object] = lambda: None
) -> Tensor:
    """`size` centroids (size, d) of `vectors` (n, d), n ≥ size. The same input and seed give the same centroids.

    A cluster that loses all its rows is put on the row that lies farthest from its own centroid. `progress` is called
    after each iteration. Raises ValueError when there are fewer rows than centroids.
    """
    if len(vectors) < size:
        raise ValueError(f"{len(vectors)} vectors cannot make {size} clusters")
    generator = torch.Generator().manual_seed(seed)
    # the start needs one pass over the rows per centroid; a sample is as good for it
    sample = vectors[torch.randperm(len(vectors), generator=generator)[: max(64 * size, 4096)]]
    centroids = _spread(sample, size, generator)
    for _ in range(iterations):
        assigned = nearest(vectors, centroids)
        counts = torch.bincount(assigned, minlength=size)
        sums = torch.zeros_like(centroids, dtype=torch.float64).index_add_(0, assigned, vectors.double())
        centroids = (sums / counts.clamp_min(1).unsqueeze(1)).float()
        empty = torch.nonzero(counts == 0).flatten()
        if len(empty):
            distances = (vectors - centroids[assigned]).square().sum(dim=1)
            centroids[empty] = vectors[distances.topk(len(empty)).indices]
        progress()
    return centroids


def _spread(vectors: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """k-means++ (Arthur, Vassilvitskii 2007): each next start is drawn by its squared distance to those before."""
    first = int(torch.randint(len(vectors), (1,), generator=generator))
    chosen = [first]
    distances = (vectors - vectors[first]).square().sum(dim=1)
    for _ in range(size - 1):
        # all at distance zero: fewer different rows than centroids; any row will do
        weights = distances if float(distances.sum()) > 0 else torch.ones_like(distances)
        one = int(torch.multinomial(weights, 1, generator=generator))
        chosen.append(one)
        distances = torch.minimum(distances, (vectors - vectors[one]).square().sum(dim=1))
    return vectors[torch.tensor(chosen)]
