"""The demo corpus: Amharic numbers and everyday sentences, spoken synthetically, for demonstrating and testing.

The texts are this project's own; the speech is espeak-ng's (`amharic_tts.demo.espeak`), never a person's. Manifests hold
the texts as people write them, with figures, dates and abbreviations; the voice reads them as the front-end says. Which
text is said by whom and in which split depends on the options alone, so the same options give the same bytes.
"""

import dataclasses
import hashlib
import json
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from tqdm import tqdm

from amharic_tts.audio.files import read_wave, write_wave
from amharic_tts.data.manifest import Row, row_id, write_manifest
from amharic_tts.demo.espeak import Voice, speak
from amharic_tts.errors import InputError
from amharic_tts.publish import publish
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

SAMPLE_RATE = 16_000
NUMBERS = 10_000  # 0…9999

# Three synthetic speakers to learn from, and one that training never hears.
TRAINING_VOICES = (
    Voice("synthetic_abel", variant="", rate=195, pitch=50),
    Voice("synthetic_dawit", variant="m3", rate=190, pitch=32),
    Voice("synthetic_hana", variant="f4", rate=200, pitch=50),
)
HELD_OUT_VOICE = Voice("synthetic_yonas", variant="m7", rate=195, pitch=62)

# Every word that a number below 10 000 is made of; these numbers are always in the training split.
WORD_NUMBERS = (*range(20), 20, 30, 40, 50, 60, 70, 80, 90, 100, 101, 1000, 1100)

# How texts are told to espeak-ng: in words, as the model is told them, but with the letters and marks of ordinary writing.
SPOKEN = TextFrontEnd(FrontEndOptions(fold_homophones=False, fold_labiovelars=False, punctuation="ethiopic"))

MANIFESTS = ("train.jsonl", "held_out_texts.jsonl", "held_out_speaker.jsonl")

README = """Synthetic speech, for demonstrating and testing the system.

No person speaks here: every file was made by espeak-ng's Amharic voice (https://github.com/espeak-ng/espeak-ng,
GPL-3.0, used as a tool). The texts (numbers, everyday sentences) were written by the amharic_tts project.
A voice trained on this speaks like espeak-ng; it says nothing about how well the system learns from people.

train.jsonl               {train} rows, speakers {speakers}
held_out_texts.jsonl      {held_out_texts} rows, the same speakers, texts that training never saw
held_out_speaker.jsonl    {held_out_speaker} rows, speaker {held_out}, texts that training never saw
audio/<speaker>/<text>.flac   16 kHz mono; n4321 is the number 4321, s017 line 17 of the sentences

Made by `python tools/make_demo_corpus.py`, options {options}
"""


@dataclass(frozen=True)
class CorpusOptions:
    """How much is said. Raises InputError when it cannot be.

    numbers: numbers of the training split, each said by one of the three speakers.
    held_out_numbers: further numbers, said by the same speakers, for validation and the error rate.
    held_out_speaker_rows: texts said by the fourth speaker; three in four are numbers that no other split has.
    sentences: how many of the everyday sentences to use; None is all of them. One in fifteen is held out; the others
    are said by all three speakers.
    seed: another seed, another choice of texts.
    """

    numbers: int = 2400
    held_out_numbers: int = 120
    held_out_speaker_rows: int = 40
    sentences: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("numbers", "held_out_numbers", "held_out_speaker_rows"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        available = len(everyday_sentences())
        if self.sentences is not None and not 0 <= self.sentences <= available:
            raise InputError(f"sentences must be 0…{available}, not {self.sentences}")
        total = self.numbers + self.held_out_numbers + self.held_out_speaker_rows
        if total > NUMBERS:
            raise InputError(f"{total} different numbers are asked for, but there are {NUMBERS} (0…{NUMBERS - 1})")


@dataclass(frozen=True)
class Utterance:
    """One text, as it is written, in one voice; `name` is the stem of its audio file."""

    name: str
    text: str
    voice: Voice

    @property
    def audio(self) -> str:
        """Path of the audio file in the corpus folder."""
        return f"audio/{self.voice.name}/{self.name}.flac"

    @property
    def spoken(self) -> str:
        """What the voice is given to read."""
        return SPOKEN.normalise(self.text)


def everyday_sentences() -> list[str]:
    """The project's own everyday sentences, one a line in sentences.txt."""
    return resources.files("amharic_tts.demo").joinpath("sentences.txt").read_text(encoding="utf-8").splitlines()


def plan_corpus(options: CorpusOptions) -> dict[str, list[Utterance]]:
    """Who says what in which manifest: the names of MANIFESTS mapped to their utterances."""
    numbers = _keyed_order(range(NUMBERS), f"number {options.seed}")
    first = set(WORD_NUMBERS)
    numbers = [*WORD_NUMBERS, *(number for number in numbers if number not in first)]
    train_end = options.numbers
    texts_end = train_end + options.held_out_numbers
    fourth_numbers = options.held_out_speaker_rows - options.held_out_speaker_rows // 4

    written = everyday_sentences()[: options.sentences]
    sentences = _keyed_order(range(len(written)), f"sentence {options.seed}")
    held_out = _held_out_sentences(sentences, written)
    trained = [index for index in sentences if index not in held_out]
    train = _by_turns(numbers[:train_end]) + [
        _sentence(index, written[index], voice) for index in trained for voice in TRAINING_VOICES
    ]
    held_out_texts = _by_turns(numbers[train_end:texts_end]) + [
        _sentence(index, written[index], voice) for index in held_out for voice in TRAINING_VOICES
    ]
    held_out_speaker = [
        *(_number(number, HELD_OUT_VOICE) for number in numbers[texts_end : texts_end + fourth_numbers]),
        *(_sentence(index, written[index], HELD_OUT_VOICE) for index in held_out),
    ][: options.held_out_speaker_rows]
    return dict(zip(MANIFESTS, (train, held_out_texts, held_out_speaker)))


def make_corpus(directory: Path, options: CorpusOptions, workers: int) -> dict[str, int]:
    """Makes the corpus in `directory` and returns the rows of each manifest; with `workers` processes.

    A second run does what is missing; a complete corpus of the same options is left as it is. Raises InputError when
    the folder holds a corpus of other options or cannot be written.
    """
    plan = plan_corpus(options)
    sizes = {name: len(utterances) for name, utterances in plan.items()}
    specification = _specification(options, plan)
    record = directory / "corpus.json"
    utterances = [utterance for part in plan.values() for utterance in part]
    files = [*MANIFESTS, *(utterance.audio for utterance in utterances)]
    if _found(record) == specification | {"complete": True} and all((directory / file).exists() for file in files):
        return sizes
    _claim(directory, record, specification)
    rows: dict[str, Row] = {}
    with tqdm(total=len(utterances), desc="synthetic speech", unit="utterance", mininterval=1.0) as bar:
        for row in _speak_all(directory, utterances, workers):
            rows[row.audio] = row
            bar.update()
    for name, part in plan.items():
        write_manifest(directory / name, [rows[utterance.audio] for utterance in part])
    _write_readme(directory, options, sizes)
    _write_record(record, specification | {"complete": True})
    return sizes


def _speak_all(directory: Path, utterances: Sequence[Utterance], workers: int) -> Iterator[Row]:
    if workers <= 1:
        yield from (_speak_one(directory, utterance) for utterance in utterances)
        return
    # spawned, not forked: the parent has torch's threads, which a forked child would wait for without end
    with multiprocessing.get_context("spawn").Pool(workers, _prepare_worker, (directory,)) as pool:
        yield from pool.imap_unordered(_speak_in_worker, utterances, chunksize=16)


_worker_directory: Path


def _prepare_worker(directory: Path) -> None:
    global _worker_directory
    _worker_directory = directory
    torch.set_num_threads(1)


def _speak_in_worker(utterance: Utterance) -> Row:
    return _speak_one(_worker_directory, utterance)


def _speak_one(directory: Path, utterance: Utterance) -> Row:
    """The audio file of an utterance, made unless it is there, and its row. Files appear only when they are whole."""
    path = directory / utterance.audio
    if not path.exists():
        write_wave(path, speak(utterance.spoken, utterance.voice, SAMPLE_RATE), SAMPLE_RATE)
    wave = read_wave(path, SAMPLE_RATE)
    return Row(
        id=row_id(wave.numpy(), utterance.text),
        audio=utterance.audio,
        text=utterance.text,
        speaker=utterance.voice.name,
        recording=f"{utterance.voice.name}-espeak-ng",
        duration=round(len(wave) / SAMPLE_RATE, 4),
    )


def _claim(directory: Path, record: Path, specification: dict) -> None:
    """Marks the folder as this corpus's, so that files of other options are never mixed in."""
    found = _found(record)
    if found is not None:
        if found | {"complete": False} != specification | {"complete": False}:
            same = found.get("options") == specification["options"]
            what = "another version of this program" if same else f"other options ({found.get('options')})"
            raise InputError(
                f"{directory} holds a demo corpus made with {what}; delete that folder or choose another --out"
            )
        return
    if directory.exists() and any(directory.iterdir()):
        raise InputError(f"{directory} holds other files and no corpus.json; choose an empty folder for --out")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_record(record, specification | {"complete": False})
    except OSError as error:
        raise InputError(f"{directory} cannot be written ({error}); choose another --out") from None


def _found(record: Path) -> dict | None:
    if not record.exists():
        return None
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{record} cannot be read ({error}); delete that folder") from None
    if not isinstance(values, dict):
        raise InputError(f"{record} is no record of a demo corpus; delete that folder or choose another --out")
    return values


def _specification(options: CorpusOptions, plan: dict[str, list[Utterance]]) -> dict:
    """What the audio depends on: options, voices, texts and the front-end that says how they are read."""
    digest = hashlib.blake2b(SPOKEN.fingerprint.encode(), digest_size=16)
    for name, utterances in plan.items():
        for utterance in utterances:
            digest.update(
                json.dumps([name, utterance.name, utterance.text, *dataclasses.astuple(utterance.voice)]).encode()
            )
    return {"options": dataclasses.asdict(options), "content": digest.hexdigest()}


def _write_record(record: Path, values: dict) -> None:
    with publish(record) as file:
        file.write((json.dumps(values, indent=2) + "\n").encode())


def _write_readme(directory: Path, options: CorpusOptions, sizes: dict[str, int]) -> None:
    values = {name.removesuffix(".jsonl"): size for name, size in sizes.items()}
    speakers = ", ".join(voice.name for voice in TRAINING_VOICES)
    text = README.format(**values, speakers=speakers, held_out=HELD_OUT_VOICE.name, options=dataclasses.asdict(options))
    with publish(directory / "README.txt") as file:
        file.write(text.encode())


def _by_turns(numbers: Sequence[int]) -> list[Utterance]:
    """Each number by one speaker; the numbers are in hashed order, so the turns are fair."""
    return [_number(number, TRAINING_VOICES[turn % len(TRAINING_VOICES)]) for turn, number in enumerate(numbers)]


def _number(number: int, voice: Voice) -> Utterance:
    return Utterance(f"n{number:04d}", str(number), voice)


def _sentence(index: int, text: str, voice: Voice) -> Utterance:
    return Utterance(f"s{index + 1:03d}", text, voice)


def _held_out_sentences(order: Sequence[int], written: Sequence[str]) -> list[int]:
    """One sentence in fifteen, of those whose every letter is left in the others at least twice.

    A letter that training never met would measure the luck of the draw, not what was learned.
    """
    front_end = TextFrontEnd()
    normal = [front_end.normalise(text) for text in written]
    left = Counter("".join(normal))
    held_out: list[int] = []
    for index in order:
        letters = Counter(normal[index])
        if len(held_out) < len(written) // 15 and all(left[sign] - count >= 2 for sign, count in letters.items()):
            held_out.append(index)
            left -= letters
    return held_out


def _keyed_order(items: Iterable[int], key: str) -> list[int]:
    """The items in the order of a keyed hash: the same on every machine and with every library version."""
    return sorted(items, key=lambda item: hashlib.blake2b(f"{key} {item}".encode(), digest_size=16).digest())
