"""Sizes of S2Mel."""

from dataclasses import dataclass


@dataclass(frozen=True)
class S2MelConfig:
    """Sizes; the defaults are those of IndexTTS-2."""

    latent: int = 1280
    """Width of the language model's code latents."""
    latent_path: tuple[int, ...] = (256, 128)
    """Widths that a latent passes on its way to a content vector."""
    content: int = 1024
    """Width of the semantic codec's code embeddings."""
    style: int = 192
    bands: int = 80
    dim: int = 512
    regulator_layers: int = 4
    depth: int = 13
    heads: int = 8
    feed: int = 1536
    wavenet_layers: int = 8
    kernel: int = 5
