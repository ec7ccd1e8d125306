"""The files of a base folder that decide which codes a wave has, and their common hash."""

import hashlib
from pathlib import Path

from amharic_tts.codec.indextts2.base_folder import COMMAND, SEMANTIC_CODEC, STATISTICS, W2V_BERT
from amharic_tts.errors import InputError

CODE_FILES = (
    f"{W2V_BERT}/config.json",
    f"{W2V_BERT}/preprocessor_config.json",
    f"{W2V_BERT}/model.safetensors",
    STATISTICS,
    SEMANTIC_CODEC,
)


def codes_fingerprint(directory: Path) -> str:
    """Hash (32 hex digits) of the contents of `CODE_FILES`; it reads 2.5 GB. Raises InputError when one is missing."""
    digest = hashlib.blake2b(digest_size=16)
    for name in CODE_FILES:
        try:
            with open(directory / name, "rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
        except OSError as error:
            raise InputError(
                f"{directory / name} cannot be read ({error.strerror}); `{COMMAND} --out {directory}` fetches it"
            ) from None
    return digest.hexdigest()
