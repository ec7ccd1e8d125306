"""Graphics cards: memory and peak arithmetic, from their vendor's data sheets. Dense figures; none assumes sparsity."""

from dataclasses import dataclass

from amharic_tts.errors import InputError


@dataclass(frozen=True)
class Card:
    """One kind of card."""

    title: str
    memory: float
    """Bytes, in the decimal gigabytes of the data sheet."""
    peak: dict[str, float]
    """Precision (fp16, bf16, fp32) → FLOP/s with sums in float32, as matrix products of networks need them. Half precision
    is that of the tensor cores where there are any; a precision that the card only emulates is missing."""
    capability: tuple[int, int]
    """CUDA compute capability: 8.0 and above compute bf16, and run the flash kernel of attention."""
    known_as: tuple[str, ...]
    """Parts of the name that CUDA reports, the first that fits (with memory) decides; see `card_called`."""
    source: str

    @property
    def half(self) -> str:
        """The half precision to use: bf16 where the card has it, as it needs no loss scaling."""
        return "bf16" if "bf16" in self.peak else "fp16"


CARDS = {
    "t4": Card(
        "Tesla T4", 16e9, {"fp16": 65e12, "fp32": 8.1e12}, (7, 5), ("T4",),
        "NVIDIA T4 data sheet DS-09383 (2019): 65 TFLOPS mixed precision, 8.1 single, 16 GB GDDR6",
    ),
    "p100": Card(
        "Tesla P100 PCIe 16 GB", 16e9, {"fp16": 18.7e12, "fp32": 9.3e12}, (6, 0), ("P100",),
        "NVIDIA Tesla P100 data sheet (2016), PCIe: 18.7 TFLOPS half, 9.3 single, no tensor cores; SXM2 has 21.2 and 10.6",
    ),
    "v100_16gb": Card(
        "Tesla V100 16 GB", 16e9, {"fp16": 112e12, "fp32": 14e12}, (7, 0), ("V100",),
        "NVIDIA V100 data sheet (2020), PCIe: 112 TFLOPS tensor, 14 single; SXM2 has 125 and 15.7",
    ),
    "v100_32gb": Card(
        "Tesla V100 32 GB", 32e9, {"fp16": 112e12, "fp32": 14e12}, (7, 0), ("V100",),
        "NVIDIA V100 data sheet (2020), PCIe: 112 TFLOPS tensor, 14 single; SXM2 has 125 and 15.7",
    ),
    "l4": Card(
        "L4", 24e9, {"fp16": 121e12, "bf16": 121e12, "fp32": 30.3e12}, (8, 9), ("L4",),
        "NVIDIA L4 data sheet (2023): 242 TFLOPS with sparsity, half of it dense; 30.3 single",
    ),
    "rtx3090": Card(
        "GeForce RTX 3090", 24e9, {"fp16": 71e12, "bf16": 71e12, "fp32": 35.6e12}, (8, 6), ("RTX 3090",),
        "NVIDIA Ampere GA102 white paper (2020): 71 TFLOPS tensor with sums in float32 (142 with sums in float16)",
    ),
    "rtx4090": Card(
        "GeForce RTX 4090", 24e9, {"fp16": 165.2e12, "bf16": 165.2e12, "fp32": 82.6e12}, (8, 9), ("RTX 4090",),
        "NVIDIA Ada white paper (2022): 165.2 TFLOPS tensor with sums in float32 (330.3 with sums in float16)",
    ),
    "a100_40gb": Card(
        "A100 40 GB", 40e9, {"fp16": 312e12, "bf16": 312e12, "fp32": 19.5e12}, (8, 0), ("A100",),
        "NVIDIA A100 data sheet (2021): 312 TFLOPS tensor, 19.5 single",
    ),
    "a100_80gb": Card(
        "A100 80 GB", 80e9, {"fp16": 312e12, "bf16": 312e12, "fp32": 19.5e12}, (8, 0), ("A100",),
        "NVIDIA A100 data sheet (2021): 312 TFLOPS tensor, 19.5 single",
    ),
    "h100": Card(
        "H100 SXM 80 GB", 80e9, {"fp16": 989.5e12, "bf16": 989.5e12, "fp32": 67e12}, (9, 0), ("H100",),
        "NVIDIA H100 data sheet (2023), SXM: 1979 TFLOPS with sparsity, half of it dense; 67 single. PCIe has 756 dense",
    ),
    "h200": Card(
        "H200 SXM 141 GB", 141e9, {"fp16": 989.5e12, "bf16": 989.5e12, "fp32": 67e12}, (9, 0), ("H200",),
        "NVIDIA H200 data sheet (2024), SXM: 1979 TFLOPS with sparsity, half of it dense; 67 single",
    ),
}  # fmt: skip
"""Name of a file in ds_configs/ → card. `a100_multinode` runs on `a100_80gb`."""

RUNS_ON = {"a100_multinode": "a100_80gb"}


def card_for(config: str) -> Card:
    """The card that the configuration of this name is made for. Raises InputError for an unknown one."""
    name = RUNS_ON.get(config, config)
    if name not in CARDS:
        raise InputError(f"no data sheet of a card {config!r}; known are {', '.join((*CARDS, *RUNS_ON))}")
    return CARDS[name]


def card_called(device: str, memory: float) -> Card | None:
    """The card that CUDA calls `device`, with `memory` bytes; None for one that is not in the table."""
    words = device.replace("-", " ").split()
    fits = [card for card in CARDS.values() for part in card.known_as if contains(words, part.split())]
    return min(fits, key=lambda card: abs(card.memory - memory), default=None)


def contains(words: list[str], part: list[str]) -> bool:
    """Whether `part` stands in `words`, one word after the other: an L40 is no L4."""
    return any(words[i : i + len(part)] == part for i in range(len(words)))
