"""Reading the recording of a row, or saying why it cannot be used."""

from pathlib import Path

import soundfile
from torch import Tensor

from amharic_tts.audio.files import read_wave
from amharic_tts.codec.indextts2.semantic_codec import RATE
from amharic_tts.codec.indextts2.w2v_bert import SAMPLE_RATE, frames_of
from amharic_tts.data.manifest import Reject, RejectReason, audio_path
from amharic_tts.errors import InputError
from amharic_tts.extract.memory import is_out_of_memory
from amharic_tts.extract.work import Item
from amharic_tts.model.conformer import Conformer

LEAST = Conformer.SHORTEST
"""Feature frames that the prompt encoders need: 75 ms of speech."""


def read_item(item: Item, manifest: Path, most: int) -> Tensor | Reject:
    """The wave (samples,) of a row at 16 kHz, or why there is none. most: feature frames that the model has positions
    for; a recording that is much longer is not even read."""
    row, path = item.row, audio_path(manifest, item.row)

    def bad(reason: RejectReason, detail: str) -> Reject:
        return Reject(line=item.line, id=row.id, reason=reason, detail=detail)

    if not path.is_file():
        return bad(RejectReason.AUDIO_MISSING, f"its audio file {path} does not exist")
    try:
        seconds = 0.0 if path.stat().st_size == 0 else soundfile.info(path).duration
    except (OSError, soundfile.SoundFileError) as error:
        return bad(RejectReason.AUDIO_UNREADABLE, f"its audio file {path} cannot be read ({error})")
    if seconds == 0:
        return bad(RejectReason.AUDIO_EMPTY, f"its audio file {path} has no samples")
    seconds = (seconds if row.end is None else min(seconds, row.end)) - (row.start or 0.0)
    too_long = f"it lasts {seconds:.2f} s, the model has positions for {most / RATE:.2f} s"
    if seconds > most / RATE + 1:
        return bad(RejectReason.TOO_LONG, too_long)
    try:
        wave = read_wave(path, SAMPLE_RATE, row.start, row.end)
    except InputError as error:
        return bad(RejectReason.AUDIO_UNREADABLE, str(error))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return bad(RejectReason.OUT_OF_MEMORY, f"{path} cannot be read and resampled: not enough memory")
    frames = frames_of(len(wave))
    if frames > most:
        return bad(RejectReason.TOO_LONG, too_long)
    if frames < LEAST:
        return bad(
            RejectReason.TOO_SHORT, f"its {len(wave)} samples of {path} give {frames} frames, {LEAST} are needed"
        )
    return wave
