"""What a base folder is found to hold: every file compared with the published one, every part loaded by its loader."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from amharic_tts.codec.indextts2.base_folder import COMMAND, SOURCES, File, Loader, Source, sha256
from amharic_tts.errors import InputError


@dataclass(frozen=True)
class FileState:
    """One file of a folder as `check` found it."""

    file: File
    trouble: str
    """Empty: it is there, whole, and the published one as far as that is known."""

    def __str__(self) -> str:
        return f"{self.file.path:40} {self.trouble or 'there'}"


@dataclass(frozen=True)
class PartState:
    """One part of a folder, such as the vocoder, loaded by its own loader."""

    name: str
    trouble: str
    """Empty: it loads."""

    def __str__(self) -> str:
        return f"{self.name:40} {self.trouble or 'loads'}"


def check(
    directory: str | Path, loaders: Mapping[str, Loader], sources: tuple[Source, ...] = SOURCES
) -> Iterator[FileState | PartState]:
    """Every file of a base folder, and then every part: each one loaded by its own loader and let go again.

    Nothing is written. Raises InputError when there is no such folder.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"{directory} is no folder; `{COMMAND} --out {directory}` makes one")
    for source in sources:
        for file in source.files:
            yield FileState(file, trouble_of(directory, file))
    for name, load in loaders.items():
        yield PartState(name, trouble_in_loading(load, directory))


def trouble_of(directory: Path, file: File) -> str:
    """What is wrong with a file; nothing when it is there and the published one."""
    path = directory / file.path
    if not path.is_file():
        begun = any(path.parent.glob(f".{path.name}.*.part"))
        return "begun: the same command goes on with it" if begun else "missing"
    size = path.stat().st_size
    if size != file.size:
        return f"has {size} bytes, {file.size} are published"
    if file.sha256 and sha256(path) != file.sha256:
        return "is another file of the same size: its SHA-256 is not the published one"
    return ""


def trouble_in_loading(load: Loader, directory: Path) -> str:
    """What a loader says against its part."""
    try:
        load(directory)
    except InputError as error:
        return f"does not load: {error}"
    return ""
