"""The embedded codec: log-mel frames, each named by the nearest of `size` centroids, spoken by Griffin-Lim.

It is fitted in seconds and needs no download. The voice is in the codes, so decoding needs no prompt. Its sound is
that of Griffin-Lim: good enough to hear and to measure what a model has learned.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from amharic_tts.audio import mel
from amharic_tts.codec.kmeans import kmeans, nearest
from amharic_tts.codec.protocol import RECORD_FILE
from amharic_tts.errors import InputError

KIND = "mel_kmeans"
TENSOR_FILE = "codec.safetensors"
FORMAT = 1
COMMAND = "python tools/fit_codec.py"
FIT_ITERATIONS = 15

# Share that a decoded frame takes from each neighbour. Speech moves smoothly, its codes in steps: on held-out speech
# 0.1 lowers the log-mel error by 2 %, 0.2 raises it.
SMOOTHING = 0.1


class MelKMeans:
    """Wave ⇄ codes at 50 Hz; a `Codec`. Made by `fit_mel_kmeans` or `load_codec`.

    centroids: log-mel frames (size, bands). mean, std: of each band over the training frames (bands,).
    """

    sample_rate = mel.SAMPLE_RATE
    rate = mel.SAMPLE_RATE / mel.HOP
    conditioning_width = mel.BANDS
    conditioning_rows = 0

    def __init__(self, centroids: Tensor, mean: Tensor, std: Tensor) -> None:
        self.centroids, self.mean, self.std = (part.float().contiguous() for part in (centroids, mean, std))
        self.size = len(centroids)

    @property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of the tensors and the spectrogram's constants."""
        constants = [KIND, mel.SAMPLE_RATE, mel.HOP, mel.WINDOW, mel.BANDS, mel.FLOOR]
        digest = hashlib.blake2b(json.dumps(constants).encode(), digest_size=16)
        for part in (self.centroids, self.mean, self.std):
            digest.update(part.numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def encode(self, wave: Tensor) -> Tensor:
        """Codes of `wave` (samples,): int16 (samples // 320 + 1,)."""
        return nearest(mel.log_mel(wave), self.centroids).to(torch.int16)

    def decode(self, codes: Tensor, prompt: Tensor | None = None) -> Tensor:
        """The wave, float32 ((frames - 1) · 320,), of `codes` (frames,); the prompt is not needed.

        Raises ValueError for codes outside 0…size-1.
        """
        codes = codes.long()
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < self.size:
            raise ValueError(f"codes must be 0…{self.size - 1}")
        return mel.griffin_lim(_smooth(self.centroids[codes]))

    def conditioning(self, wave: Tensor) -> Tensor:
        """Log-mel of a prompt `wave` (samples,), each band standardised: float32 (frames, 80)."""
        return (mel.log_mel(wave) - self.mean) / self.std

    def save(self, directory: str | Path) -> None:
        """Writes codec.safetensors and, last, codec.json with the fingerprint that `load_codec` checks."""
        directory = Path(directory)
        record = {"format": FORMAT, "kind": KIND, "size": self.size, "fingerprint": self.fingerprint}
        tensors = {"centroids": self.centroids, "mean": self.mean, "std": self.std}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / TENSOR_FILE).write_bytes(save(tensors))
            (directory / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"codec folder {directory} cannot be written ({error})") from None

    @classmethod
    def load(cls, directory: Path, record: dict) -> "MelKMeans":
        """From `directory` and its parsed codec.json. Raises InputError when it is not what was saved."""
        path = directory / TENSOR_FILE
        try:
            tensors = load(path.read_bytes())
            codec = cls(tensors["centroids"], tensors["mean"], tensors["std"])
        except FileNotFoundError:
            raise InputError(f"codec file {path} does not exist; `{COMMAND}` makes it") from None
        except (OSError, SafetensorError, KeyError) as error:
            raise InputError(f"codec file {path} cannot be read ({error!r}); `{COMMAND}` makes it anew") from None
        if record.get("fingerprint") != codec.fingerprint:
            raise InputError(
                f"codec in {directory} is not the one that was saved there: it hashes to {codec.fingerprint}, "
                f"{RECORD_FILE} says {record.get('fingerprint')}; `{COMMAND}` makes it anew"
            )
        return codec


def _smooth(frames: Tensor) -> Tensor:
    """Each frame but the first and last moved towards its neighbours: (frames, bands) -> (frames, bands)."""
    if len(frames) < 3:
        return frames
    inner = SMOOTHING * (frames[:-2] + frames[2:]) + (1 - 2 * SMOOTHING) * frames[1:-1]
    return torch.cat([frames[:1], inner, frames[-1:]])


def fit_mel_kmeans(
    waves: Iterable[Tensor], size: int = 256, seed: int = 0, progress: Callable[[], object] = lambda: None
) -> MelKMeans:
    """Fits a codebook of `size` log-mel frames to waves (samples,) at 16 kHz; the same input, the same codec.

    `progress` is called FIT_ITERATIONS times. Raises InputError when the audio has too few frames or is all alike.
    """
    if not 2 <= size <= 2**15 - 1:
        raise InputError(f"codebook size must be 2…{2**15 - 1} (codes are int16), not {size}")
    frames = [mel.log_mel(wave) for wave in waves]
    vectors = torch.cat(frames) if frames else torch.zeros(0, mel.BANDS)
    if len(vectors) < size:
        raise InputError(
            f"{len(vectors)} frames of audio are too few for a codebook of {size}: give more, or a smaller size"
        )
    mean, std = vectors.mean(dim=0), vectors.std(dim=0)
    if float(std.min()) == 0.0:
        raise InputError("the audio to fit the codec on is all alike in some band (silence?): give real speech")
    return MelKMeans(kmeans(vectors, size, seed, FIT_ITERATIONS, progress), mean, std)
