"""Trains the recogniser on original recordings; a minute or two on two cores for two hours of speech."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from amharic_tts.audio.files import read_wave
from amharic_tts.errors import InputError
from amharic_tts.evaluate.augment import augment
from amharic_tts.evaluate.batches import batches_of_like_length, draw, visits
from amharic_tts.evaluate.error_rates import ErrorRates, error_rates
from amharic_tts.evaluate.features import SAMPLE_RATE, log_mel
from amharic_tts.evaluate.recogniser import (
    BLANK,
    DESCRIPTION,
    WEIGHTS,
    Recogniser,
    RecogniserNetwork,
    RecogniserShape,
    describe,
    sound_parts,
)
from amharic_tts.evaluate.spoken_text import spoken_text


class Recording(Protocol):
    """What is needed of a manifest's row (`amharic_tts.data.manifest.Row`)."""

    audio: str
    start: float | None
    end: float | None
    text: str


@dataclass(frozen=True)
class RecogniserTraining:
    """How long and how hard; the defaults suit the demo corpus."""

    epochs: int = 4
    batch_rows: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    seed: int = 0


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Lets torch use one thread inside the block.

    The network's operations are so small that a second thread gains a quarter at best, and beside another busy process
    waiting for it costs a factor of five (measured on 2 cores).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


DEFAULT_SHAPE, DEFAULT_TRAINING = RecogniserShape(), RecogniserTraining()


def read_features(rows: Sequence[Recording], audio_root: str | Path, label: str) -> list[Tensor]:
    """Features (frames, BANDS) of each row's recording."""

    def features_of(row: Recording) -> Tensor:
        return log_mel(read_wave(Path(audio_root, row.audio), SAMPLE_RATE, row.start, row.end))

    with ThreadPoolExecutor(max_workers=2) as pool:  # reading and the FFT both leave Python's lock
        return list(
            tqdm(
                pool.map(features_of, rows),
                desc=label,
                total=len(rows),
                unit="row",
                mininterval=1.0,
                dynamic_ncols=True,
            )
        )


def alphabet_of(texts: Sequence[str], writable: Iterable[str] = ()) -> str:
    """The letters of `texts`, and those of `writable` whose consonant and vowel both occur in them; code point order.

    The head can read a syllable that no text has, because it knows the consonant and the vowel from others.
    """
    letters = set("".join(texts))
    consonants, vowels = ({sound_parts(letter)[axis] for letter in letters} for axis in (0, 1))
    new = (x for x in writable if sound_parts(x)[0] in consonants and sound_parts(x)[1] in vowels)
    return "".join(sorted(letters.union(new)))


def train_network(
    features: Sequence[Tensor],
    texts: Sequence[str],
    alphabet: str,
    shape: RecogniserShape,
    training: RecogniserTraining,
    device: str,
) -> RecogniserNetwork:
    """A network that reads `features[i]` as `texts[i]`. The same inputs and seed give the same network on one machine."""
    labels = [torch.tensor([alphabet.index(letter) + 1 for letter in text]) for text in texts]
    lengths, wanted = [len(x) for x in features], visits(texts)
    generator = torch.Generator().manual_seed(training.seed)
    with torch.random.fork_rng():  # initialisation and dropout draw from the global generator: leave the caller's alone
        torch.manual_seed(training.seed)
        network = RecogniserNetwork(shape, alphabet).to(device).train()
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )
        steps = training.epochs * -(-len(features) // training.batch_rows)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, training.learning_rate, total_steps=steps, pct_start=0.2
        )
        with tqdm(total=steps, desc="recogniser", unit="step", mininterval=1.0, dynamic_ncols=True) as bar:
            for _ in range(training.epochs):
                epoch = draw(wanted, generator)
                for batch in batches_of_like_length(epoch, lengths, training.batch_rows, generator):
                    inputs = [augment(features[i], generator) for i in batch]
                    padded = torch.nn.utils.rnn.pad_sequence(inputs, batch_first=True).to(device)
                    log_probs, times = network(padded, torch.tensor([len(x) for x in inputs]))
                    targets = torch.cat([labels[i] for i in batch])
                    loss = torch.nn.functional.ctc_loss(
                        log_probs.transpose(0, 1).cpu(),  # on the CPU: CUDA's CTC gradient is not deterministic
                        targets,
                        times.cpu(),
                        torch.tensor([len(labels[i]) for i in batch]),
                        blank=BLANK,
                        zero_infinity=True,  # an utterance sped up past one letter per 40 ms has no path: skip it
                    )
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                    optimizer.step()
                    schedule.step()
                    bar.update()
                    bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return network.eval()


def train_recogniser(
    rows: Sequence[Recording],
    audio_root: str | Path,
    directory: str | Path,
    front_end,
    shape: RecogniserShape = DEFAULT_SHAPE,
    training: RecogniserTraining = DEFAULT_TRAINING,
    device: str = "cpu",
    identity: str = "",
) -> Recogniser:
    """Trains on the original recordings of `rows` and writes `directory` (recogniser.safetensors, recogniser.json).

    Audio paths are relative to `audio_root`. `front_end` is a `TextFrontEnd`; it travels with the recogniser.
    `identity` is any text that says what it was trained on, stored so that a caller can see whether a recogniser on
    disk is the wanted one. The directory appears in one rename: an interrupted training leaves nothing that loads.
    Raises InputError for unreadable audio or text and for empty `rows`.
    """
    if not rows:
        raise InputError("the recogniser's manifest is empty; make one with tools/make_demo_corpus.py")
    texts = [spoken_text(row.text, front_end) for row in rows]
    alphabet = alphabet_of(texts, front_end.alphabet)
    with one_thread():
        features = read_features(rows, audio_root, "recogniser: reading")
        network = train_network(features, texts, alphabet, shape, training, device)
    recogniser = Recogniser(network, alphabet, front_end.to_json(), device)
    save_recogniser(recogniser, directory, shape, rows=len(rows), identity=identity)
    return recogniser


def measure_recordings(
    recogniser: Recogniser, rows: Sequence[Recording], audio_root: str | Path, front_end
) -> ErrorRates:
    """The recogniser's error rates on recordings it has not heard."""
    waves = [read_wave(Path(audio_root, row.audio), SAMPLE_RATE, row.start, row.end) for row in rows]
    return error_rates([spoken_text(row.text, front_end) for row in rows], recogniser.transcribe(waves))


def save_recogniser(recogniser: Recogniser, directory: str | Path, shape: RecogniserShape, **more) -> None:
    """Writes the directory aside and publishes it by a rename; one that was there before is replaced."""
    directory = Path(directory)
    aside = directory.with_name(directory.name + ".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in recogniser.network.state_dict().items()}
    save_file(state, aside / WEIGHTS)
    description = describe(shape, recogniser.alphabet, recogniser.front_end_json, **more)
    (aside / DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False, indent=1), encoding="utf-8")
    if directory.exists():
        shutil.rmtree(directory)
    os.replace(aside, directory)
