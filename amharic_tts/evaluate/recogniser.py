"""A small speech recogniser: log-mel in, letters out, trained with CTC (Graves et al. 2006) on real recordings only.

It is the judge of the codec and of generated speech, so it must never have heard either of them.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from amharic_tts.errors import InputError
from amharic_tts.evaluate.features import BANDS, SAMPLE_RATE, log_mel

FORMAT_VERSION = 2
WEIGHTS, DESCRIPTION = "recogniser.safetensors", "recogniser.json"
BLANK = 0  # CTC's empty label; letter i of the alphabet has label i + 1


@dataclass(frozen=True)
class RecogniserShape:
    """Sizes of the network: channels, residual blocks, and width in time of each block's convolution (odd)."""

    width: int = 192
    blocks: int = 5
    kernel: int = 7
    dropout: float = 0.1


class SeparableBlock(nn.Module):
    """A residual depthwise-separable convolution over time (the cell of QuartzNet, Kriman et al. 2020)."""

    def __init__(self, shape: RecogniserShape):
        super().__init__()
        width, kernel = shape.width, shape.kernel
        self.norm = nn.LayerNorm(width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.pointwise = nn.Linear(width, width)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """`x` (batch, time, width), `inside` (batch, time, 1) one where the row has frames: (batch, time, width)."""
        y = self.depthwise((self.norm(x) * inside).transpose(1, 2)).transpose(1, 2)
        # Padding stays zero through every block, so a row reads the same in a batch as alone.
        return (x + self.dropout(self.pointwise(nn.functional.relu(y)))) * inside


def sound_parts(letter: str) -> tuple[str, str]:
    """Consonant and vowel of an Ethiopic syllable sign, as names; another sign is a consonant without a vowel.

    The Ethiopic block has a row of eight code points for each consonant, in the order of the vowels (Unicode ch. 19.1).
    """
    code = ord(letter)
    if 0x1200 <= code <= 0x1357:
        return f"row {code // 8}", f"order {code % 8}"
    return letter, ""


class SyllableHead(nn.Module):
    """Scores of blank and letters, each letter's being that of its consonant plus that of its vowel.

    Signs that share a sound share what is learned, so that a syllable that training hardly or never had can be read.
    """

    def __init__(self, width: int, alphabet: str):
        super().__init__()
        parts = [("", "")] + [sound_parts(letter) for letter in alphabet]  # the first is CTC's blank
        for axis, name in enumerate(("consonant", "vowel")):
            sounds = list(dict.fromkeys(part[axis] for part in parts))
            index = torch.tensor([sounds.index(part[axis]) for part in parts])
            self.register_buffer(f"{name}_of_label", index, persistent=False)
            setattr(self, name, nn.Linear(width, len(sounds)))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) to (…, 1 + letters)."""
        # Adding weights of the few labels costs less than adding scores of the many frames.
        weight = self.consonant.weight[self.consonant_of_label] + self.vowel.weight[self.vowel_of_label]
        bias = self.consonant.bias[self.consonant_of_label] + self.vowel.bias[self.vowel_of_label]
        return nn.functional.linear(x, weight, bias)


class RecogniserNetwork(nn.Module):
    """Log-mel features at 100 Hz to log-probabilities of letters at 25 Hz. Only convolutions: quick on a CPU."""

    def __init__(self, shape: RecogniserShape, alphabet: str):
        super().__init__()
        bands_in = [BANDS, shape.width]
        self.subsample = nn.ModuleList(nn.Conv1d(bands, shape.width, 5, stride=2, padding=2) for bands in bands_in)
        self.blocks = nn.ModuleList(SeparableBlock(shape) for _ in range(shape.blocks))
        self.norm = nn.LayerNorm(shape.width)
        self.head = SyllableHead(shape.width, alphabet)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`features` (batch, frames, BANDS), `lengths` (batch,) frames: (batch, time, labels), (batch,) times."""
        x = features.transpose(1, 2)
        for layer in self.subsample:
            lengths = (lengths + 1) // 2  # what kernel 5 with padding 2 leaves at stride 2
            x = nn.functional.relu(layer(x))
            inside = (torch.arange(x.shape[2], device=x.device) < lengths[:, None].to(x.device)).to(x.dtype)
            x = x * inside[:, None]
        x, inside = x.transpose(1, 2), inside[..., None]
        for block in self.blocks:
            x = block(x, inside)
        return self.head(self.norm(x)).log_softmax(-1), lengths


def read_labels(log_probs: Tensor, length: int, alphabet: str) -> str:
    """The best path (time, labels) of one row as text: repeated labels merged, blanks dropped."""
    best = torch.unique_consecutive(log_probs[:length].argmax(-1))
    return " ".join("".join(alphabet[label - 1] for label in best.tolist() if label != BLANK).split())


class Recogniser:
    """A trained recogniser with its alphabet and the front-end that wrote its labels."""

    def __init__(self, network: RecogniserNetwork, alphabet: str, front_end_json: str, device: str = "cpu"):
        self.network = network.eval().to(device)
        self.alphabet = alphabet
        self.front_end_json = front_end_json
        self.device = device

    @classmethod
    def load(cls, directory: str | Path, device: str = "cpu") -> "Recogniser":
        """Reads what `train_recogniser` wrote. Raises InputError for a missing, damaged or foreign directory."""
        description = read_description(directory)
        alphabet = description["alphabet"]
        network = RecogniserNetwork(RecogniserShape(**description["shape"]), alphabet)
        path = Path(directory, WEIGHTS)
        try:
            network.load_state_dict(load_file(path))
        except Exception as error:  # safetensors and load_state_dict raise several kinds, all meaning the same here
            raise InputError(
                f"{path} cannot be read ({error}). Remove {directory} and run tools/train_recogniser.py again."
            ) from error
        return cls(network, alphabet, description["front_end"], device)

    @torch.inference_mode()
    def transcribe(self, waves: Iterable[Tensor], batch_size: int = 16) -> list[str]:
        """What each mono wave (samples,) at SAMPLE_RATE says, in the order given; "" where nothing is heard."""
        features = [log_mel(wave) for wave in waves]
        order = sorted(range(len(features)), key=lambda i: len(features[i]))  # like lengths together: less padding
        texts = [""] * len(features)
        for first in range(0, len(order), batch_size):
            chosen = order[first : first + batch_size]
            padded = nn.utils.rnn.pad_sequence([features[i] for i in chosen], batch_first=True)
            lengths = torch.tensor([len(features[i]) for i in chosen])
            log_probs, times = self.network(padded.to(self.device), lengths)
            for row, i in enumerate(chosen):
                texts[i] = read_labels(log_probs[row].cpu(), int(times[row]), self.alphabet)
        return texts


def describe(shape: RecogniserShape, alphabet: str, front_end_json: str, **more) -> dict:
    """The contents of recogniser.json."""
    head = {"format": FORMAT_VERSION, "sample_rate": SAMPLE_RATE, "shape": asdict(shape), "alphabet": alphabet}
    return head | {"front_end": front_end_json} | more


def read_description(directory: str | Path) -> dict:
    """recogniser.json of a directory. Raises InputError where it is missing, damaged or of another format."""
    path = Path(directory, DESCRIPTION)
    if not path.is_file():
        raise InputError(
            f"there is no recogniser in {os.fspath(directory)} ({DESCRIPTION} is missing). "
            f"Make one: python tools/train_recogniser.py --manifest data/demo/train.jsonl --out {os.fspath(directory)}"
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        version = description["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is damaged ({error}). Remove {directory} and run tools/train_recogniser.py again."
        ) from error
    if version != FORMAT_VERSION:
        raise InputError(f"{path} has format {version}, this version reads {FORMAT_VERSION}. Train it again.")
    return description
