"""BigVGAN v2: 22.05 kHz speech from an 80-band log-mel (Lee et al. 2023, https://arxiv.org/abs/2206.04658).

Transposed convolutions raise the rate 256-fold in six steps; after each, three residual stacks of dilated convolutions
with a periodic activation, which runs at twice the rate so that its overtones do not fold back. The published weights
(`bigvgan_generator.pt` of nvidia/bigvgan_v2_22khz_80band_256x) are under the MIT licence.

The registry's package `bigvgan` (2.4.1) computes the same but is not used: merely to import it takes librosa, numba,
scikit-learn, scipy, matplotlib and more, and to install it a compiler for pesq.
"""

import math
import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.codec.indextts2.weights import fill, merge_weight_norm, read_tensors
from amharic_tts.errors import InputError

SAMPLE_RATE = 22_050  # Hz
HOP = 256  # samples per mel frame
BANDS = 80
CHANNELS = 1536  # before the first step; each step halves them
RATES = (4, 4, 2, 2, 2, 2)  # their product is HOP
KERNELS = (3, 7, 11)  # of the three stacks after each step
DILATIONS = (1, 3, 5)
TAPS = 12  # of the low-pass filter around an activation


def low_pass() -> Tensor:
    """A low-pass filter (TAPS,) for halving or doubling the rate: a Kaiser-windowed sinc that sums to 1.

    The cut-off is a quarter of the higher rate; the window is Kaiser's (1974) for a transition 0.6 π wide.
    """
    cutoff, transition = 0.25, 0.6 * math.pi
    attenuation = 2.285 * (TAPS - 2) * transition + 7.95  # 51 dB
    beta = 0.1102 * (attenuation - 8.7)  # Kaiser's rule above 50 dB
    time = torch.arange(TAPS) - (TAPS - 1) / 2
    taps = torch.kaiser_window(TAPS, periodic=False, beta=beta) * torch.sinc(2 * cutoff * time)
    return taps / taps.sum()


class PeriodicActivation(nn.Module):
    """x + sin²(αx) / β with an α and a β per channel, at twice the rate: (batch, channels, time) → the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.log_alpha, self.log_beta = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("filter", low_pass(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.size(1)
        taps = self.filter.expand(channels, 1, TAPS)
        # Doubling: zeros between the samples, filtered; the edges repeat the first and last sample.
        x = F.pad(x, (TAPS // 2 - 1, TAPS // 2 - 1), mode="replicate")
        edge = TAPS + TAPS // 4
        x = 2 * F.conv_transpose1d(x, taps, stride=2, groups=channels)[..., edge:-edge]
        alpha, beta = self.log_alpha.exp()[:, None], self.log_beta.exp()[:, None]
        x = x + torch.sin(alpha * x).square() / (beta + 1e-9)
        x = F.pad(x, (TAPS // 2 - 1, TAPS // 2), mode="replicate")
        return F.conv1d(x, taps, stride=2, groups=channels)


class Stack(nn.Module):
    """Three residual pairs of convolutions, each after an activation: (batch, channels, time) → the same."""

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        convolution = lambda dilation: nn.Conv1d(  # noqa: E731
            channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation
        )
        self.wide = nn.ModuleList(convolution(dilation) for dilation in DILATIONS)
        self.narrow = nn.ModuleList(convolution(1) for _ in DILATIONS)
        self.wide_activation = nn.ModuleList(PeriodicActivation(channels) for _ in DILATIONS)
        self.narrow_activation = nn.ModuleList(PeriodicActivation(channels) for _ in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        for activate, wide, activate_again, narrow in zip(
            self.wide_activation, self.wide, self.narrow_activation, self.narrow
        ):
            x = x + narrow(activate_again(wide(activate(x))))
        return x


class Vocoder(nn.Module):
    """Log-mel (batch, 80, frames) → wave (batch, 1, 256 · frames) in [-1, 1] at 22.05 kHz.

    Each sample depends on some frames around it, so rows of a batch have the same length: there is no padding.
    """

    def __init__(self, channels: int = CHANNELS):
        super().__init__()
        self.enter = nn.Conv1d(BANDS, channels, 7, padding=3)
        self.raises, self.stacks = nn.ModuleList(), nn.ModuleList()
        for rate in RATES:
            self.raises.append(nn.ConvTranspose1d(channels, channels // 2, 2 * rate, rate, padding=rate // 2))
            channels //= 2
            self.stacks.append(nn.ModuleList(Stack(channels, kernel) for kernel in KERNELS))
        self.activation = PeriodicActivation(channels)
        self.leave = nn.Conv1d(channels, 1, 7, padding=3, bias=False)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.enter(mel)
        for rise, stacks in zip(self.raises, self.stacks):
            x = rise(x)
            x = sum(stack(x) for stack in stacks) / len(stacks)
        return self.leave(self.activation(x)).clamp(-1.0, 1.0)


def reference_names() -> dict[str, str]:
    """Reference key, its weight norm merged → our name."""
    names = {"conv_post.weight": "leave.weight"}
    convolutions = {"conv_pre": "enter"}
    activations = {"activation_post": "activation"}
    for i in range(len(RATES)):
        convolutions[f"ups.{i}.0"] = f"raises.{i}"
        for j in range(len(KERNELS)):
            theirs, ours = f"resblocks.{i * len(KERNELS) + j}", f"stacks.{i}.{j}"
            for k in range(len(DILATIONS)):
                convolutions |= {
                    f"{theirs}.convs1.{k}": f"{ours}.wide.{k}",
                    f"{theirs}.convs2.{k}": f"{ours}.narrow.{k}",
                }
                activations[f"{theirs}.activations.{2 * k}"] = f"{ours}.wide_activation.{k}"
                activations[f"{theirs}.activations.{2 * k + 1}"] = f"{ours}.narrow_activation.{k}"
    for theirs, ours in convolutions.items():
        names |= {f"{theirs}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}
    for theirs, ours in activations.items():
        names |= {f"{theirs}.act.{part}": f"{ours}.log_{part}" for part in ("alpha", "beta")}
    return names


COMPUTED = re.compile(r".*\.filter")
"""The low-pass filter, once per activation and direction: computed here, compared with the file's."""


def load_vocoder(path: Path, device: str | torch.device = "cpu") -> Vocoder:
    """The generator in the published `bigvgan_generator.pt` (or the same names in safetensors; with or without weight
    norm), in evaluation mode, float32. Raises InputError when the file is damaged or another model's."""
    tensors = read_tensors(path, inside="generator")
    ours = low_pass()
    for key in filter(COMPUTED.fullmatch, tensors):
        if tensors[key].numel() != TAPS or (tensors[key].flatten().float() - ours).abs().max() > 1e-4:
            raise InputError(f"{path}: {key} is not the low-pass filter of the 22.05 kHz, 80-band model")
    vocoder = Vocoder()
    fill(vocoder, merge_weight_norm(tensors), reference_names(), COMPUTED, path)
    return vocoder.to(device).eval().requires_grad_(False)
