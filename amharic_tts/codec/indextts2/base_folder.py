"""What a base folder holds: the files of IndexTTS-2 and of the four published models around it.

Every file has one fixed place in the folder, and is read from there alone: no path in the folder's config.yaml is
followed by what is loaded here. Its sizes are compared with those that are built in (`require_chain`).

The revisions are commits of the repositories on huggingface.co, which hold what their names say for good. Sizes and
hashes were taken from public lock files of several projects that agree (November 2026), not from the hub itself.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from amharic_tts.codec.indextts2.campplus import STYLE, load_campplus
from amharic_tts.codec.indextts2.s2mel.load import load_s2mel
from amharic_tts.codec.indextts2.semantic_codec import load_semantic_codec
from amharic_tts.codec.indextts2.vocoder import load_vocoder
from amharic_tts.codec.indextts2.weights import read_file, read_tensors
from amharic_tts.errors import InputError

COMMAND = "python tools/download_base.py"


@dataclass(frozen=True)
class File:
    """A published file and its place in a base folder."""

    path: str
    """In the base folder."""
    remote: str
    """In the repository."""
    size: int
    """Bytes."""
    sha256: str | None = None
    """None: only the hub says it, when the file is fetched."""


@dataclass(frozen=True)
class Source:
    """A repository on the hub, at one revision and under one licence."""

    name: str
    repository: str
    revision: str
    licence: str
    terms: str
    """What the licence means for a user, in a line."""
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def page(self) -> str:
        """Where a person reads its terms."""
        return f"https://huggingface.co/{self.repository}"


GPT, S2MEL, STATISTICS = "gpt.pth", "s2mel.pth", "wav2vec2bert_stats.pt"
TOKENIZER, CONFIG = "bpe.model", "config.yaml"
SPEAKERS, EMOTIONS = "feat1.pt", "feat2.pt"
W2V_BERT = "w2v-bert-2.0"
SEMANTIC_CODEC = "semantic_codec/model.safetensors"
CAMPPLUS = "campplus/campplus_cn_common.bin"
VOCODER = "bigvgan/bigvgan_generator.pt"

FEATURES, FEATURE_LAYER = 1024, 17  # width of a w2v-bert frame, and the layer whose output is used
LATENT = 1280  # width of the language model

CHAIN: dict[str, Any] = {
    "semantic_codec.codebook_size": 8192,
    "semantic_codec.hidden_size": FEATURES,
    "semantic_codec.codebook_dim": 8,
    "semantic_codec.vocos_dim": 384,
    "semantic_codec.vocos_intermediate_dim": 2048,
    "semantic_codec.vocos_num_layers": 12,
    "s2mel.preprocess_params.sr": 22_050,
    "s2mel.preprocess_params.spect_params.n_fft": 1024,
    "s2mel.preprocess_params.spect_params.win_length": 1024,
    "s2mel.preprocess_params.spect_params.hop_length": 256,
    "s2mel.preprocess_params.spect_params.n_mels": 80,
    "s2mel.preprocess_params.spect_params.fmin": 0,
    "s2mel.preprocess_params.spect_params.fmax": "None",
    "s2mel.dit_type": "DiT",
    "s2mel.style_encoder.dim": STYLE,
    "s2mel.length_regulator.channels": 512,
    "s2mel.length_regulator.in_channels": FEATURES,
    "s2mel.length_regulator.is_discrete": False,
    "s2mel.length_regulator.f0_condition": False,
    "s2mel.DiT.hidden_dim": 512,
    "s2mel.DiT.num_heads": 8,
    "s2mel.DiT.depth": 13,
    "s2mel.DiT.in_channels": 80,
    "s2mel.DiT.final_layer_type": "wavenet",
    "s2mel.DiT.is_causal": False,
    "s2mel.wavenet.hidden_dim": 512,
    "s2mel.wavenet.num_layers": 8,
    "s2mel.wavenet.kernel_size": 5,
    "s2mel.wavenet.dilation_rate": 1,
    "vocoder.name": "nvidia/bigvgan_v2_22khz_80band_256x",
}
"""Settings of config.yaml, section by section, that say what is built here, sizes that no tensor shows (heads) included."""

SOURCES = (
    Source(
        "IndexTTS-2",
        "IndexTeam/IndexTTS-2",
        "740dcaff396282ffb241903d150ac011cd4b1ede",
        "bilibili Model Use License",
        "own terms: conditions on use, on what is made from it and on passing it on; large companies need permission",
        (
            File(GPT, GPT, 3_484_663_079, "baaaeb8b56328da81731dc540a85a7dee32eca9da28f174b05757cb651c602a4"),
            File(S2MEL, S2MEL, 1_202_198_223, "aae1bb12017cbb47e7a5ce537fc82f40b6b1deb71acdb9b8f25686f32714b636"),
            File(TOKENIZER, TOKENIZER, 475_997),
            File(CONFIG, CONFIG, 2_882),
            File(STATISTICS, STATISTICS, 9_343),
            # Of the reference's emotion control: it does not start without them, so an export carries them along.
            File(SPEAKERS, SPEAKERS, 57_170),
            File(EMOTIONS, EMOTIONS, 374_866),
            File("LICENSE.txt", "LICENSE.txt", 10_554),  # has to go with every copy
        ),
    ),
    Source(
        "w2v-bert-2.0",
        "facebook/w2v-bert-2.0",
        "da985ba0987f70aaeb84a80f2851cfac8c697a7b",
        "MIT",
        "free use",
        (
            File(
                f"{W2V_BERT}/model.safetensors",
                "model.safetensors",
                2_322_063_736,
                "eb890c9660ed6e3414b6812e27257b8ce5454365d5490d3ad581ea60b93be043",
            ),
            File(
                f"{W2V_BERT}/config.json",
                "config.json",
                1_874,
                "f5572bd5998b68182e9c328a43127ed21fed687f6910497136b91a4e3b0e3675",
            ),
            File(
                f"{W2V_BERT}/preprocessor_config.json",
                "preprocessor_config.json",
                275,
                "8e6281aad64f97e40534135a59dcc5d33571efae376f2a25adf5551951897ab4",
            ),
        ),
    ),
    Source(
        "semantic codec of MaskGCT",
        "amphion/MaskGCT",
        "265c6cef07625665d0c28d2faafb1415562379dc",
        "CC BY-NC 4.0",
        "NOT for commercial use",
        (
            File(
                SEMANTIC_CODEC,
                "semantic_codec/model.safetensors",
                177_183_712,
                "ec947271175d8cad75ec37e83aa487e27c97a0f72a303393772da5ffa84bddf2",
            ),
        ),
    ),
    Source(
        "CAMPPlus",
        "funasr/campplus",
        "e4b6ede7ce16997aff4ae69fbca1f0175e2afede",
        "Apache-2.0",
        "free use",
        (
            File(
                CAMPPLUS,
                "campplus_cn_common.bin",
                28_036_335,
                "3388cf5fd3493c9ac9c69851d8e7a8badcfb4f3dc631020c4961371646d5ada8",
            ),
        ),
    ),
    Source(
        "BigVGAN v2, 22 kHz, 80 bands",
        "nvidia/bigvgan_v2_22khz_80band_256x",
        "633ff708ed5b74903e86ff1298cf4a98e921c513",
        "MIT",
        "free use",
        (
            File(
                VOCODER,
                "bigvgan_generator.pt",
                449_228_171,
                "e95ba25972d3de0628d99cd156e9315a9c018899bf739988959ebe3544080ced",
            ),
        ),
    ),
)


Loader = Callable[[Path], object]
"""Takes the base folder; raises InputError when a part does not load."""


def sha256(path: Path) -> str:
    """Hash of a file, in hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_statistics(path: Path) -> tuple[Tensor, Tensor]:
    """Mean and variance of each w2v-bert feature, both (1024,) float32, from `wav2vec2bert_stats.pt`. Raises InputError
    when the file is damaged or another."""
    tensors = read_tensors(path)
    mean, variance = tensors.get("mean"), tensors.get("var")
    for name, value in (("mean", mean), ("var", variance)):
        if value is None or value.shape != (FEATURES,) or not value.isfinite().all():
            raise InputError(f"{path} holds no {name} of {FEATURES} finite numbers; `{COMMAND}` fetches a sound one")
    if float(variance.min()) <= 0:
        raise InputError(f"{path} holds a variance that is not positive; `{COMMAND}` fetches a sound one")
    return mean.float(), variance.float()


def load_matrix(path: Path, width: int) -> Tensor:
    """A matrix (rows, width) of the reference's emotion control. Raises InputError for anything else."""
    matrix = read_file(path)
    if not isinstance(matrix, Tensor) or matrix.dim() != 2 or matrix.size(1) != width:
        raise InputError(f"{path} holds no matrix of width {width}; `{COMMAND}` fetches a sound one")
    return matrix


def read_w2v_bert_head(directory: Path) -> None:
    """Reads the settings of w2v-bert-2.0 and the table of its tensors, without the tensors: the file is as long as its
    table says and has the layers up to the one whose output is used. Raises InputError when not."""
    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); `{COMMAND}` fetches a sound one") from None
    if not isinstance(config, dict) or (config.get("model_type"), config.get("hidden_size")) != (
        "wav2vec2-bert",
        FEATURES,
    ):
        raise InputError(f"{path} is not of w2v-bert-2.0; `{COMMAND}` fetches it")
    path = directory / "model.safetensors"
    try:
        with safe_open(path, "pt") as file:
            keys = set(file.keys())
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as tensors ({error}); `{COMMAND}` fetches a sound one") from None
    needed = [f"encoder.layers.{i}.final_layer_norm.weight" for i in range(FEATURE_LAYER)]
    if missing := [key for key in needed if key not in keys]:
        raise InputError(f"{path} lacks {len(missing)} layers of w2v-bert-2.0 ({missing[0]}); `{COMMAND}` fetches it")


def require_chain(values: Mapping[str, Any]) -> None:
    """Raises InputError when config.yaml (its content) describes other networks around the language model than those
    that are built in. What it does not say is not asked: the tensors themselves are checked when they are loaded."""
    wrong = []
    for setting, built in CHAIN.items():
        found: Any = values
        for name in setting.split("."):
            found = found.get(name, built) if isinstance(found, Mapping) else "no section"
            if found is built:
                break
        if type(found) is not type(built) or found != built:
            wrong.append(f"{setting} is {str(found)[:40]!r}, {built!r} is built in")
    if wrong:
        raise InputError(f"{CONFIG}: {'; '.join(wrong)}; `{COMMAND}` fetches the published one")


LOADERS: dict[str, Loader] = {
    "w2v-bert-2.0": lambda folder: read_w2v_bert_head(folder / W2V_BERT),
    "its statistics": lambda folder: load_statistics(folder / STATISTICS),
    "semantic codec": lambda folder: load_semantic_codec(folder / SEMANTIC_CODEC),
    "S2Mel": lambda folder: load_s2mel(folder / S2MEL),
    "CAMPPlus": lambda folder: load_campplus(folder / CAMPPLUS),
    "BigVGAN": lambda folder: load_vocoder(folder / VOCODER),
    "speaker matrix": lambda folder: load_matrix(folder / SPEAKERS, STYLE),
    "emotion matrix": lambda folder: load_matrix(folder / EMOTIONS, LATENT),
}
"""The parts that this package loads; the language model and its tokenizer belong to packages above it."""
