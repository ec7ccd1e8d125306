"""Laws of k-means: it finds what is there, never worsens, and does not depend on chance."""

import pytest
import torch

from amharic_tts.codec.kmeans import CHUNK, kmeans, nearest


def error(vectors: torch.Tensor, centroids: torch.Tensor) -> float:
    return float((vectors - centroids[nearest(vectors, centroids)]).square().sum(dim=1).mean())


def heaps(clusters: int, each: int, spread: float = 0.05) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    centres = 10 * torch.randn(clusters, 8, generator=generator)
    return centres, (centres.unsqueeze(1) + spread * torch.randn(clusters, each, 8, generator=generator)).flatten(0, 1)


def test_nearest_agrees_with_the_full_table_of_distances() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors, centroids = torch.randn(CHUNK + 7, 5, generator=generator), torch.randn(11, 5, generator=generator)
    assert torch.equal(nearest(vectors, centroids), torch.cdist(vectors, centroids).argmin(dim=1))


def test_heaps_that_lie_apart_are_found() -> None:
    centres, vectors = heaps(clusters=6, each=200)
    found = kmeans(vectors, 6, seed=0)
    assert torch.cdist(centres, found).min(dim=1).values.max() < 0.05


def test_the_same_seed_gives_the_same_centroids_and_leaves_the_random_state_alone() -> None:
    vectors = torch.randn(500, 4, generator=torch.Generator().manual_seed(1))
    state = torch.random.get_rng_state()
    first = kmeans(vectors, 10, seed=0)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(9)
    assert torch.equal(kmeans(vectors, 10, seed=0), first)
    assert not torch.equal(kmeans(vectors, 10, seed=1), first)


def test_more_iterations_never_worsen_and_each_is_announced() -> None:
    vectors = torch.randn(2000, 4, generator=torch.Generator().manual_seed(1))
    calls: list[int] = []
    errors = [error(vectors, kmeans(vectors, 16, seed=0, iterations=count)) for count in (0, 1, 3, 10)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0]
    kmeans(vectors, 16, seed=0, iterations=3, progress=lambda: calls.append(1))
    assert len(calls) == 3


def test_no_cluster_stays_empty() -> None:
    _, vectors = heaps(clusters=3, each=50)
    found = kmeans(vectors, 20, seed=0, iterations=30)
    assert len(torch.unique(nearest(vectors, found))) == 20


def test_equal_vectors_are_no_trouble() -> None:
    found = kmeans(torch.ones(50, 3), 4, seed=0)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[nearest(torch.ones(1, 3), found)], torch.ones(1, 3))


def test_fewer_vectors_than_clusters_are_refused() -> None:
    with pytest.raises(ValueError):
        kmeans(torch.ones(3, 2), 4, seed=0)
