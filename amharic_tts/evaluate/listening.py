"""Rows to listen to: sound, spectrogram and what the recogniser heard, ready to be put into the page."""

import base64
import io
from pathlib import Path

import jiwer
import soundfile
from torch import Tensor
from tqdm import tqdm

from amharic_tts.audio.files import read_wave
from amharic_tts.errors import InputError
from amharic_tts.evaluate.evaluation import CONDITIONS, choose_rows
from amharic_tts.evaluate.spectrogram import spectrogram_png


def data_uri(kind: str, data: bytes) -> str:
    """`data` inside the page itself, so that the page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def flac(wave: Tensor, sample_rate: int) -> bytes:
    """A wave (samples,) as FLAC, which every browser of today plays: half the size of WAV."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wave.clamp(-1, 1).numpy(), sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def differences(reference: str, hypothesis: str) -> list[tuple[str, str]]:
    """The hypothesis in pieces ("equal", "wrong", "extra") with what it lacks between them ("missing")."""
    if not hypothesis:
        return [("missing", reference)]
    pieces = []
    for part in jiwer.process_characters(reference, hypothesis).alignments[0]:
        said = hypothesis[part.hyp_start_idx : part.hyp_end_idx]
        meant = reference[part.ref_start_idx : part.ref_end_idx]
        kind = {"equal": "equal", "substitute": "wrong", "insert": "extra", "delete": "missing"}[part.type]
        pieces.append((kind, meant if kind == "missing" else said))
    return pieces


def samples(evaluation: dict, directory: Path, most: int, sample_rate: int = 16_000) -> list[dict]:
    """Up to `most` rows whose waves were kept, spread over them; generated speech is drawn on the recording's scale.

    Each has text, speaker, reference and `readings`, a list with title, audio and image (data URIs), pieces
    (`differences`), seconds and stopped. Raises InputError for a wave that is named but missing, or outside the folder.
    """
    kept = [row for row in evaluation["rows"] if all(row["readings"][c].get("wave") for c in CONDITIONS)]
    bar = tqdm(choose_rows(kept, most), desc="report", unit="row", dynamic_ncols=True)
    return [_sample(row, directory, sample_rate) for row in bar]


def _sample(row: dict, directory: Path, sample_rate: int) -> dict:
    waves = {c: read_wave(_inside(directory, row["readings"][c]["wave"]), sample_rate) for c in CONDITIONS}
    longest = max(len(wave) for wave in waves.values()) / sample_rate
    readings = []
    for condition, title in CONDITIONS.items():
        reading = row["readings"][condition]
        readings.append(
            {
                "condition": condition,
                "title": title,
                "audio": data_uri("audio/flac", flac(waves[condition], sample_rate)),
                "image": data_uri("image/png", spectrogram_png(waves[condition], sample_rate, longest)),
                "pieces": differences(row["reference"], reading["hypothesis"]),
                "right": row["reference"] == reading["hypothesis"],
                "seconds": len(waves[condition]) / sample_rate,
                "stopped": reading["stopped"],
                "voice": reading["speaker"] if reading["speaker"] != row["speaker"] else None,
            }
        )
    return {"text": row["text"], "speaker": row["speaker"], "reference": row["reference"], "readings": readings}


def _inside(directory: Path, name: str) -> Path:
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise InputError(f"{directory}/evaluation.json names a file outside its folder: {name!r}")
    return path
