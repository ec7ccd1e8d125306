"""Opening a saved codec of any kind."""

import json
from collections.abc import Callable
from pathlib import Path

from amharic_tts.codec import mel_kmeans
from amharic_tts.codec.indextts2 import record as indextts2
from amharic_tts.codec.protocol import RECORD_FILE, Codec, CodecFacts
from amharic_tts.errors import InputError

KINDS: dict[str, Callable[[Path, dict], CodecFacts]] = {
    mel_kmeans.KIND: mel_kmeans.MelKMeans.load,
    indextts2.KIND: indextts2.IndexTTS2Codes.load,
}


def load_codec(directory: str | Path) -> CodecFacts:
    """The codec that was saved in `directory`; `require_codec` says whether it can encode and decode.

    Raises InputError when it is missing, damaged or of an unknown kind.
    """
    directory = Path(directory)
    path = directory / RECORD_FILE
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


def require_codec(facts: CodecFacts) -> Codec:
    """The same codec, as one that encodes and decodes. Raises InputError for a record without weights."""
    if isinstance(facts, Codec):
        return facts
    raise InputError(
        f"codec {facts.fingerprint} is a record of what made the features, without the weights: it cannot encode or "
        f"decode. `{indextts2.COMMAND}` makes codes and conditioning with a base folder, and `python "
        "tools/build_shards.py --features …` packs them"
    )
