"""CAM++: the style vector of a voice from a filterbank (Wang et al. 2023, https://arxiv.org/abs/2303.00332).

A small two-dimensional residual network over bands and time, then densely connected time-delay layers, each masked by
what its surroundings and the whole utterance sound like, then mean and deviation over time. The published weights
(`campplus_cn_common.bin` of funasr/campplus, from 3D-Speaker) are under Apache-2.0.
"""

import re
from pathlib import Path

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.codec.indextts2.weights import fill, read_tensors
from amharic_tts.errors import InputError

SAMPLE_RATE = 16_000  # Hz
BANDS = 80
STYLE = 192  # width of the style vector
CHANNELS = 32  # of the two-dimensional network, and what each dense layer adds
BOTTLENECK = 128
SEGMENT = 100  # frames at half rate that share one context: 2 s
DENSE_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation
SHORTEST_SAMPLES = 720  # 3 frames of 25 ms every 10 ms: 2 at half rate, the fewest that have a deviation


def filterbank(wave: Tensor) -> Tensor:
    """Log-mel energies (frames, 80) of `wave` (samples,) at 16 kHz as Kaldi computes them: 25 ms Povey windows every
    10 ms, no dither, each band's mean subtracted. Raises InputError for a wave shorter than 45 ms."""
    if wave.numel() < SHORTEST_SAMPLES:
        raise InputError(f"a prompt of {wave.numel()} samples is too short for a voice: give at least some seconds")
    bands = torchaudio.compliance.kaldi.fbank(
        wave[None].float(), num_mel_bins=BANDS, sample_frequency=SAMPLE_RATE, dither=0.0
    )
    return bands - bands.mean(0, keepdim=True)


class Residual(nn.Module):
    """Two 3×3 convolutions and a shortcut: (batch, channels, bands, time), `stride` on the bands alone."""

    def __init__(self, stride: int):
        super().__init__()
        self.first, self.first_norm = _square(CHANNELS, stride), nn.BatchNorm2d(CHANNELS)
        self.second, self.second_norm = _square(CHANNELS), nn.BatchNorm2d(CHANNELS)
        self.shortcut = self.shortcut_norm = None
        if stride != 1:
            self.shortcut = nn.Conv2d(CHANNELS, CHANNELS, 1, (stride, 1), bias=False)
            self.shortcut_norm = nn.BatchNorm2d(CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut_norm(self.shortcut(x))))


class Front(nn.Module):
    """(batch, time, 80) → (batch, 32 · 10, time): an eighth of the bands, 32 channels for each."""

    def __init__(self):
        super().__init__()
        self.enter, self.enter_norm = _square(1), nn.BatchNorm2d(CHANNELS)
        self.blocks = nn.ModuleList(Residual(stride) for stride in (2, 1, 2, 1))
        self.leave, self.leave_norm = _square(CHANNELS, 2), nn.BatchNorm2d(CHANNELS)

    def forward(self, bands: Tensor) -> Tensor:
        x = F.relu(self.enter_norm(self.enter(bands.transpose(1, 2)[:, None])))
        for block in self.blocks:
            x = block(x)
        return F.relu(self.leave_norm(self.leave(x))).flatten(1, 2)


class DenseLayer(nn.Module):
    """Adds 32 channels to (batch, channels, time): a time-delay layer times a mask from its context."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.norm, self.squeeze = nn.BatchNorm1d(channels), _pointwise(channels, BOTTLENECK)
        self.local_norm = nn.BatchNorm1d(BOTTLENECK)
        self.local = nn.Conv1d(BOTTLENECK, CHANNELS, 3, padding=dilation, dilation=dilation, bias=False)
        self.context = nn.Conv1d(BOTTLENECK, BOTTLENECK // 2, 1)
        self.mask = nn.Conv1d(BOTTLENECK // 2, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.local_norm(self.squeeze(F.relu(self.norm(x)))))
        context = y.mean(-1, keepdim=True) + segment_means(y)
        mask = torch.sigmoid(self.mask(F.relu(self.context(context))))
        return torch.cat([x, self.local(y) * mask], 1)


class Transition(nn.Module):
    """Halves the channels of (batch, channels, time)."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.linear = nn.BatchNorm1d(channels), _pointwise(channels, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(F.relu(self.norm(x)))


class CAMPPlus(nn.Module):
    """Filterbank (batch, frames, 80), frames ≥ 3 → style (batch, 192).

    Mean and deviation run over all frames, so there is no padding: rows of a batch have the same length.
    """

    def __init__(self):
        super().__init__()
        self.front = Front()
        channels = 128
        self.enter = nn.Conv1d(CHANNELS * BANDS // 8, channels, 5, 2, padding=2, bias=False)
        self.enter_norm = nn.BatchNorm1d(channels)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for layers, dilation in DENSE_BLOCKS:
            self.blocks.append(nn.Sequential(*(DenseLayer(channels + i * CHANNELS, dilation) for i in range(layers))))
            channels += layers * CHANNELS
            self.transitions.append(Transition(channels))
            channels //= 2
        self.norm = nn.BatchNorm1d(channels)
        self.style = _pointwise(2 * channels, STYLE)
        self.style_norm = nn.BatchNorm1d(STYLE, affine=False)

    def forward(self, bands: Tensor) -> Tensor:
        x = F.relu(self.enter_norm(self.enter(self.front(bands))))  # (batch, 128, frames / 2)
        for block, transition in zip(self.blocks, self.transitions):
            x = transition(block(x))
        x = F.relu(self.norm(x))
        moments = torch.cat([x.mean(-1), x.std(-1)], -1)
        return self.style_norm(self.style(moments[..., None]))[..., 0]


def segment_means(x: Tensor) -> Tensor:
    """Each frame of (batch, channels, time) replaced by the mean of its segment of SEGMENT frames; the last may be
    shorter."""
    means = F.avg_pool1d(x, SEGMENT, ceil_mode=True)
    return means.repeat_interleave(SEGMENT, -1)[..., : x.size(-1)]


def _square(channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, CHANNELS, 3, (stride, 1), padding=1, bias=False)


def _pointwise(channels: int, out: int) -> nn.Conv1d:
    return nn.Conv1d(channels, out, 1, bias=False)


def reference_names() -> dict[str, str]:
    """Reference key → our name."""
    weights = {"head.conv1": "front.enter", "head.conv2": "front.leave", "xvector.tdnn.linear": "enter"}
    norms = {
        "head.bn1": "front.enter_norm",
        "head.bn2": "front.leave_norm",
        "xvector.tdnn.nonlinear.batchnorm": "enter_norm",
        "xvector.out_nonlinear.batchnorm": "norm",
    }
    for i in range(4):
        theirs, ours = f"head.layer{i // 2 + 1}.{i % 2}", f"front.blocks.{i}"
        weights |= {f"{theirs}.conv1": f"{ours}.first", f"{theirs}.conv2": f"{ours}.second"}
        norms |= {f"{theirs}.bn1": f"{ours}.first_norm", f"{theirs}.bn2": f"{ours}.second_norm"}
        if i % 2 == 0:
            weights[f"{theirs}.shortcut.0"] = f"{ours}.shortcut"
            norms[f"{theirs}.shortcut.1"] = f"{ours}.shortcut_norm"
    biased = {}
    for b, (layers, _) in enumerate(DENSE_BLOCKS):
        weights[f"xvector.transit{b + 1}.linear"] = f"transitions.{b}.linear"
        norms[f"xvector.transit{b + 1}.nonlinear.batchnorm"] = f"transitions.{b}.norm"
        for i in range(layers):
            theirs, ours = f"xvector.block{b + 1}.tdnnd{i + 1}", f"blocks.{b}.{i}"
            weights |= {f"{theirs}.linear1": f"{ours}.squeeze", f"{theirs}.cam_layer.linear_local": f"{ours}.local"}
            norms[f"{theirs}.nonlinear1.batchnorm"] = f"{ours}.norm"
            norms[f"{theirs}.nonlinear2.batchnorm"] = f"{ours}.local_norm"
            biased |= {f"{theirs}.cam_layer.linear{n}": f"{ours}.{name}" for n, name in ((1, "context"), (2, "mask"))}
    weights["xvector.dense.linear"] = "style"
    parts = (
        (weights, ("weight",)),
        (biased, ("weight", "bias")),
        (norms, ("weight", "bias", "running_mean", "running_var")),
        ({"xvector.dense.nonlinear.batchnorm": "style_norm"}, ("running_mean", "running_var")),
    )
    return {f"{theirs}.{p}": f"{ours}.{p}" for layers, ps in parts for theirs, ours in layers.items() for p in ps}


UNUSED = re.compile(r".*\.num_batches_tracked")
"""Counters of the training run: known, and not loaded."""


def load_campplus(path: Path, device: str | torch.device = "cpu") -> CAMPPlus:
    """The model in the published `campplus_cn_common.bin`, in evaluation mode, float32. Raises InputError when the file
    is damaged or another model's."""
    model = CAMPPlus()
    fill(model, read_tensors(path), reference_names(), UNUSED, path)
    return model.to(device).eval().requires_grad_(False)
