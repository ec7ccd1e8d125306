"""Ten short utterances of two synthetic speakers, and the manifest of them."""

from pathlib import Path

from amharic_tts.audio.files import write_wave
from amharic_tts.data.manifest import Row, row_id, write_manifest
from amharic_tts.demo.corpus import SAMPLE_RATE, TRAINING_VOICES, Utterance
from amharic_tts.demo.espeak import speak

NUMBERS = (127, 38, 152, 94, 76, 119, 85, 57, 163, 29)


def write_utterances(folder: Path) -> Path:
    """Speaks the numbers by turns, a second each; returns the manifest."""
    rows = []
    for turn, number in enumerate(NUMBERS):
        utterance = Utterance(f"n{number}", str(number), TRAINING_VOICES[turn % 2])
        wave = speak(utterance.spoken, utterance.voice, SAMPLE_RATE)
        write_wave(folder / utterance.audio, wave, SAMPLE_RATE)
        rows.append(
            Row(
                id=row_id(wave.numpy(), utterance.text), audio=utterance.audio, text=utterance.text,
                speaker=utterance.voice.name, recording=utterance.voice.name, duration=round(len(wave) / SAMPLE_RATE, 4),
            )
        )  # fmt: skip
    manifest = folder / "train.jsonl"
    write_manifest(manifest, rows)
    return manifest
