"""A small run folder with figures, waves and an evaluation, made in a moment and without a model."""

import hashlib
import json
import math
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

from amharic_tts.audio.files import write_wave
from amharic_tts.data.manifest import Row, row_id, write_manifest
from amharic_tts.evaluate.evaluation import evaluate
from amharic_tts.evaluate.spoken_text import spoken_text
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.text.front_end import TextFrontEnd

SAMPLE_RATE = 16_000
TEXTS = ["ሰላም ለዓለም።", "አንድ መቶ", "ቤቱ በጣም ትልቅ ነው።", "ውሃ ጠጣ", "ሁለት ሺህ አንድ መቶ", "እንደምን አደርክ?"]  # of six lengths


def tone(text: str, seed: int = 0) -> Tensor:
    """A wave (samples,) for a text: one chord of 80 ms for each letter, so that a recogniser can learn to read it."""
    pieces = []
    for letter in text:
        key = int.from_bytes(hashlib.blake2b(letter.encode(), digest_size=4).digest())
        time = torch.arange(SAMPLE_RATE * 8 // 100) / SAMPLE_RATE
        pitches = [300 + key % 37 * 60, 900 + key // 37 % 41 * 110]
        chord = sum(torch.sin(2 * math.pi * pitch * time) for pitch in pitches) * torch.hann_window(len(time))
        pieces.append(chord if letter != " " else chord * 0)
    noise = torch.randn(sum(map(len, pieces)), generator=torch.Generator().manual_seed(seed))
    return 0.2 * torch.cat(pieces) + 1e-3 * noise


class HalvingCodec:
    """Keeps every second sample: loses the high notes, like a codec."""

    sample_rate = SAMPLE_RATE

    def encode(self, wave: Tensor) -> Tensor:
        return (wave[::2].clamp(-1, 1) * 32767).to(torch.int16)

    def decode(self, codes: Tensor, prompt: Tensor | None = None) -> Tensor:
        return codes.float().repeat_interleave(2) / 32767


class ToneSynthesizer:
    """Speaks in chords, and never stops when asked for a question. `asked` holds the (texts, speaker) of each call."""

    def __init__(self, speakers=("synthetic_one",)):
        self.codec, self.speakers, self.asked = HalvingCodec(), list(speakers), []

    def synthesize(self, texts, speaker, options):
        self.asked.append((list(texts), speaker))
        return [SimpleNamespace(wave=tone(text, seed=1), codes=None, stopped="?" not in text) for text in texts]


class ToneReader:
    """Stands in for the recogniser: knows a wave by its length, and reads whatever `wrong` says for a text."""

    def __init__(self, spoken_of_length: dict[int, str], wrong: dict[str, str]):
        self.spoken_of_length, self.wrong = spoken_of_length, wrong

    def transcribe(self, waves: list[Tensor]) -> list[str]:
        texts = [self.spoken_of_length[len(wave) // 2] for wave in waves]
        return [self.wrong.get(text, text) for text in texts]


def make_rows(folder: Path, texts=TEXTS, speakers=("synthetic_one", "synthetic_two"), voice=tone) -> list[Row]:
    """A manifest with its audio in `folder`/texts.jsonl."""
    rows = []
    for i, text in enumerate(texts):
        wave = voice(text)
        write_wave(folder / f"{i}.wav", wave, SAMPLE_RATE)
        rows.append(
            Row(
                id=row_id(wave, text),
                audio=f"{i}.wav",
                text=text,
                speaker=speakers[i % len(speakers)],
                recording="chords",
                duration=len(wave) / SAMPLE_RATE,
            )
        )
    write_manifest(folder / "texts.jsonl", rows)
    return rows


def write_metrics(run: Path, steps: int) -> None:
    """Figures as launch/train.py writes them, with one step that was skipped."""
    machine = {"python": "3.11", "cores": 2, "accelerators": [], "versions": {"torch": "2.11.0", "deepspeed": "0.19.8"}}
    events: list[dict] = [{"event": "start", "step": 0, "machine": machine, "parameters": 3_400_000}]
    for step in range(1, steps + 1):
        loss = 1.0 + 4.0 * math.exp(-step / 10)
        train = {"loss": loss, "text_loss": loss, "code_loss": loss, "code_accuracy": 1 - loss / 6}
        train |= {"learning_rate": 1e-3, "grad_norm": None if step == 2 else loss, "tokens_per_second": 9000.0}
        events.append({"event": "train", "step": step, "epoch": 0, **train, "padding_share": 0.05, "seconds": 0.5})
        if step % 5 == 0:
            figures = {"text_loss": loss, "code_loss": loss + 0.1, "code_accuracy": 0.5}
            events.append({"event": "validation", "step": step, "set": "held_out_texts", **figures})
    (run / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def make_run(folder: Path, steps: int = 20, evaluated: bool = True) -> Path:
    """A run folder `folder`/run with metrics, configuration, data and, if wanted, an evaluation."""
    run, data = folder / "run", folder / "shards"
    run.mkdir(parents=True)
    data.mkdir()
    write_metrics(run, steps)
    (run / "recipe.yaml").write_text(f"model:\n  dim: 256\ndata:\n  train: {data}\n")
    (run / "deepspeed.json").write_text('{"zero_optimization": {"stage": 2}}\n')
    (data / "dataset.json").write_text(json.dumps({"rows": 6, "speakers": ["synthetic_one", "synthetic_two"]}))
    if evaluated:
        make_evaluation(folder, run)
    return run


def make_evaluation(folder: Path, run: Path, synthesizer=None, wrong=None, keep_waves: int = 3) -> dict:
    """The evaluation of TEXTS by chords; `wrong` maps spoken texts to what is heard instead in every condition."""
    rows = make_rows(folder)
    front_end = TextFrontEnd()
    spoken = {len(tone(text)) // 2: spoken_text(text, front_end) for text in TEXTS}
    reader = ToneReader(spoken, {"ውሀ ጠጣ": "ውሀ ጣ"} if wrong is None else wrong)
    return evaluate(
        rows,
        folder / "texts.jsonl",
        reader,
        front_end,
        synthesizer or ToneSynthesizer(),
        SamplingOptions(),
        run / "evaluation",
        keep_waves=keep_waves,
        about={"made": "2026-01-01T00:00:00+00:00", "manifest": "texts.jsonl", "step": 20, "recogniser": {"rows": 9}},
    )
