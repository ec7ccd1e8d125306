"""Semantic codec: w2v-bert features ⇄ codes, one of 8192 per frame, 50 frames a second.

MaskGCT's RepCodec (Wang et al. 2024, https://arxiv.org/abs/2409.00750) as IndexTTS-2 uses it: a Vocos backbone of
ConvNeXt blocks (Siuzdak 2023, https://arxiv.org/abs/2306.00814), then a factorised vector quantiser (Yu et al. 2021,
https://arxiv.org/abs/2110.04627): the nearest of 8192 unit vectors in 8 dimensions. The published weights
(`semantic_codec/model.safetensors` of amphion/MaskGCT) are CC BY-NC 4.0: not for commercial use.

Everything but the depthwise convolutions works on one frame at a time. A convolution of a lone utterance sees zeros
beyond its end; so padding frames are set to zero before *every* convolution, and a row of a padded batch is computed
as if it were alone.
"""

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.codec.indextts2.weights import fill, merge_weight_norm, read_tensors

RATE = 50  # codes per second
KERNEL = 7  # frames that a convolution sees
EPSILON = 1e-6  # of the layer norms


class ConvNextBlock(nn.Module):
    """Depthwise convolution, then a feed-forward per frame, scaled and added: (batch, time, dim) → the same."""

    def __init__(self, dim: int, feed: int):
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, KERNEL, padding=KERNEL // 2, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=EPSILON)
        self.up, self.down = nn.Linear(dim, feed), nn.Linear(feed, dim)
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        y = over_time(self.depthwise, x, padding)
        return x + self.scale * self.down(F.gelu(self.up(self.norm(y))))


class SemanticCodec(nn.Module):
    """Features (batch, time, width) → codes (batch, time) → quantised features (batch, time, width)."""

    def __init__(
        self,
        width: int = 1024,
        dim: int = 384,
        feed: int = 2048,
        blocks: int = 12,
        codes: int = 8192,
        code_dim: int = 8,
    ):
        super().__init__()
        self.embed = nn.Conv1d(width, dim, KERNEL, padding=KERNEL // 2)
        self.embed_norm = nn.LayerNorm(dim, eps=EPSILON)
        self.blocks = nn.ModuleList(ConvNextBlock(dim, feed) for _ in range(blocks))
        self.norm = nn.LayerNorm(dim, eps=EPSILON)
        self.out = nn.Linear(dim, width)
        self.to_code, self.from_code = nn.Linear(width, code_dim), nn.Linear(code_dim, width)
        self.codebook = nn.Embedding(codes, code_dim)

    @torch.no_grad()
    def encode(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Standardised features (batch, time, width), of which row i has `lengths[i]` true frames (all, without
        `lengths`) → codes (batch, time), int64. What stands in the padding has no influence; its codes mean nothing.

        Always in float32: half precision would change one code in twenty (measured on seeded weights).
        """
        with torch.autocast(features.device.type, enabled=False):
            return self._encode(features.float(), lengths)

    def _encode(self, features: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            lengths = torch.full((features.size(0),), features.size(1), device=features.device)
        padding = torch.arange(features.size(1), device=features.device)[None] >= lengths[:, None]  # (batch, time)
        x = self.embed_norm(over_time(self.embed, features, padding))
        for block in self.blocks:
            x = block(x, padding)
        point = F.normalize(self.to_code(self.out(self.norm(x))), dim=-1)  # (batch, time, code_dim)
        # Among unit vectors the nearest is the one with the largest dot product.
        return (point @ F.normalize(self.codebook.weight, dim=-1).T).argmax(-1)

    def encode_batch(self, features: Tensor, lengths: Tensor) -> list[Tensor]:
        """The codes of each utterance of a padded batch, cut to its true length: int16 (lengths[i],), on the CPU."""
        if int(lengths.max()) > features.size(1):
            raise ValueError(f"a length of {int(lengths.max())} frames in a batch of {features.size(1)}")
        codes = self.encode(features, lengths).to(torch.int16).cpu()
        return [row[:length] for row, length in zip(codes, lengths.tolist())]

    def embedding(self, codes: Tensor) -> Tensor:
        """Quantised features (batch, time, width) of codes (batch, time): what S2Mel takes."""
        return self.from_code(self.codebook(codes.long()))


def over_time(convolution: nn.Conv1d, x: Tensor, padding: Tensor) -> Tensor:
    """The convolution of (batch, time, channels) along time, with zeros in place of padding (batch, time)."""
    x = x.masked_fill(padding[..., None], 0.0)
    return convolution(x.transpose(1, 2)).transpose(1, 2)


def reference_names(blocks: int = 12) -> dict[str, str]:
    """Reference key, its weight norm merged → our name."""
    layers = {
        "encoder.0.embed": "embed",
        "encoder.0.norm": "embed_norm",
        "encoder.0.final_layer_norm": "norm",
        "encoder.1": "out",
        "quantizer.quantizers.0.in_project": "to_code",
        "quantizer.quantizers.0.out_project": "from_code",
    }
    names = {"quantizer.quantizers.0.codebook.weight": "codebook.weight"}
    for i in range(blocks):
        theirs, ours = f"encoder.0.convnext.{i}", f"blocks.{i}"
        names[f"{theirs}.gamma"] = f"{ours}.scale"
        for part, name in {"dwconv": "depthwise", "norm": "norm", "pwconv1": "up", "pwconv2": "down"}.items():
            layers[f"{theirs}.{part}"] = f"{ours}.{name}"
    for theirs, ours in layers.items():
        names |= {f"{theirs}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}
    return names


UNUSED = re.compile(r"decoder\..*")
"""The codec's own way back to w2v-bert features, which only its training needed: known, and not loaded."""


def load_semantic_codec(path: Path, device: str | torch.device = "cpu") -> SemanticCodec:
    """The codec in the published `model.safetensors`, in evaluation mode, float32. Raises InputError when the file is
    damaged or another model's."""
    codec = SemanticCodec()
    fill(codec, merge_weight_norm(read_tensors(path)), reference_names(), UNUSED, path)
    return codec.to(device).eval().requires_grad_(False)
