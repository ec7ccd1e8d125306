"""Opening a saved codec of any kind."""

import json
from collections.abc import Callable
from pathlib import Path

from amharic_tts.codec import mel_kmeans
from amharic_tts.codec.protocol import Codec
from amharic_tts.errors import InputError

KINDS: dict[str, Callable[[Path, dict], Codec]] = {mel_kmeans.KIND: mel_kmeans.MelKMeans.load}


def load_codec(directory: str | Path) -> Codec:
    """The codec that was saved in `directory`. Raises InputError when it is missing, damaged or of an unknown kind."""
    directory = Path(directory)
    path = directory / mel_kmeans.RECORD_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"codec file {path} does not exist; `{mel_kmeans.COMMAND}` makes it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); `{mel_kmeans.COMMAND}` makes it anew") from None
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind not in KINDS:
        raise InputError(f"{path} is of kind {kind!r}, known are {', '.join(KINDS)}; `{mel_kmeans.COMMAND}` makes one")
    return KINDS[kind](directory, record)
