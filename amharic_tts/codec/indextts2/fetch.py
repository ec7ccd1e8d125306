"""Fetching published files over HTTPS: resumed where a connection or a run was cut, checked, then published by a rename.

A file that is being fetched lies beside its place as `.NAME.REVISION.part`. It takes its name only when its size is the
published one and its hash the published one or, where none is known, the one that the hub says.
"""

import fcntl
import hashlib
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from amharic_tts.codec.indextts2.base_folder import COMMAND, File, Source
from amharic_tts.errors import InputError
from amharic_tts.publish import sync_directory

ENDPOINT = "https://huggingface.co"
AGENT = "amharic_tts"
BLOCK = 2**20  # bytes
TIMEOUT = 60.0  # seconds without a byte
FRUITLESS = 4
"""Attempts in a row that bring nothing before a file is given up."""
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
"""HTTP answers after which it is tried again."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Progress = Callable[[int], object]
"""Called with the bytes that came; negative when bytes are thrown away."""


def checked_endpoint(endpoint: str) -> str:
    """The address that the repositories lie under. Raises InputError unless it is HTTPS, or HTTP on this machine."""
    parts = urllib.parse.urlsplit(endpoint)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        return endpoint.rstrip("/")
    raise InputError(f"the endpoint {endpoint!r} is no https:// address; leave it out for {ENDPOINT}")


def missing_files(directory: Path, sources: tuple[Source, ...]) -> list[tuple[Source, File]]:
    """The files that are not in the folder yet. Raises InputError where another file lies in a place, or a link leads out
    of the folder: nothing of the user's is written over."""
    wanted = []
    for source in sources:
        for file in source.files:
            path = place(directory, file)
            if not os.path.lexists(path):
                wanted.append((source, file))
            elif not path.is_file() or path.stat().st_size != file.size:
                raise InputError(
                    f"{path} is there, but not the published file of {file.size} bytes; move it away and run this again"
                )
    return wanted


def place(directory: Path, file: File) -> Path:
    """Where a file of a base folder lies. Raises InputError when a link leads elsewhere."""
    path = directory / file.path
    if directory.resolve() not in path.parent.resolve().parents and path.parent.resolve() != directory.resolve():
        raise InputError(f"{path.parent} is a link that leads out of {directory}; take it away and run this again")
    return path


def require_room(directory: Path, wanted: list[tuple[Source, File]]) -> None:
    """Raises InputError when the disk has no room for what is missing."""
    needed = sum(file.size - have(part_of(place(directory, file), source)) for source, file in wanted)
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise InputError(f"{directory} has room for {free / 1e9:.1f} GB, {needed / 1e9:.1f} GB are to come; free some")


def part_of(path: Path, source: Source) -> Path:
    """Where a file lies while it is being fetched: another revision never goes on with it."""
    return path.with_name(f".{path.name}.{source.revision[:8]}.part")


def have(part: Path) -> int:
    """Bytes that an earlier run left."""
    return part.stat().st_size if part.is_file() else 0


def fetch(directory: Path, source: Source, file: File, endpoint: str, progress: Progress) -> None:
    """Fetches one file to its place. Raises InputError that names the address for everything that goes wrong; what came
    so far stays, unless it is wrong."""
    path = place(directory, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path, source)
    url = f"{endpoint}/{source.repository}/resolve/{source.revision}/{urllib.parse.quote(file.remote)}"
    with locked(part) as out:
        progress(out.seek(0, os.SEEK_END))
        published = transfer(url, out, file, progress)
        require_hash(out, file.sha256 or published, url, part)
        out.flush()
        os.fsync(out.fileno())
        os.replace(part, path)
    sync_directory(path.parent)


@contextmanager
def locked(part: Path) -> Iterator[BinaryIO]:
    """The unfinished file, for this process alone. A link in its place is not followed."""
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise InputError(f"{part} cannot be written ({error.strerror}); choose another folder with --out") from None
    with os.fdopen(descriptor, "r+b") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{part} is being written by another process; wait until it ends") from None
        yield out


def transfer(url: str, out: BinaryIO, file: File, progress: Progress) -> str | None:
    """Brings `out` to the file's full size, over as many connections as it takes. Returns the hash that the hub said, if
    it said one. Raises InputError when the file cannot be had."""
    there = out.seek(0, os.SEEK_END)
    if there > file.size or (there == file.size and not file.sha256):  # the hub's hash comes with the content alone
        restart(out, progress)
    said, fruitless = None, 0
    while (before := out.seek(0, os.SEEK_END)) < file.size:
        reason = "the connection was cut"
        try:
            said = receive(url, out, file, progress) or said
        except urllib.error.HTTPError as error:
            if error.code not in TEMPORARY:
                raise InputError(f"{url} is answered with {error.code} {error.reason}{advice(error.code)}") from None
            reason = f"{error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        after = out.seek(0, os.SEEK_END)
        fruitless = 0 if after > before else fruitless + 1
        if fruitless == FRUITLESS:
            raise InputError(
                f"{url}: {reason}, with {after} of {file.size} bytes there; run the same command again, "
                "it goes on from there"
            )
        if fruitless:
            time.sleep(2 ** (fruitless - 1))
    return said


def receive(url: str, out: BinaryIO, file: File, progress: Progress) -> str | None:
    """Appends what one connection brings to where `out` ends. Returns the hash that the hub says of the file."""
    start = out.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"User-Agent": AGENT, "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    redirects = Redirects()
    with urllib.request.build_opener(redirects).open(request, timeout=TIMEOUT) as response:
        total = total_size(response)
        if total is not None and total != file.size:
            raise InputError(f"{url} has {total} bytes, {file.size} are published: it is another file")
        if start and response.status != 206:  # the server sends the whole, whatever it was asked for
            restart(out, progress)
        while block := response.read(BLOCK):
            out.write(block)
            progress(len(block))
            if out.tell() > file.size:
                restart(out, progress)
                raise InputError(f"{url} sends more than the {file.size} bytes that are published: it is another file")
        return next(filter(None, map(hash_in, [*redirects.answers, response.headers])), None)


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, never from HTTPS to HTTP, and keeps the headers of each: the hub says size and hash in its own
    answer, not in that of the store that it leads to."""

    def __init__(self) -> None:
        self.answers: list[http.client.HTTPMessage] = []

    def redirect_request(self, request, file, code, message, headers, target):
        self.answers.append(headers)
        if request.type == "https" and not target.lower().startswith("https:"):
            raise InputError(f"{request.full_url} leads to {target}, which is not encrypted")
        return super().redirect_request(request, file, code, message, headers, target)


def total_size(response: http.client.HTTPResponse) -> int | None:
    """Bytes of the whole file, as an answer says them."""
    if response.status == 206:
        match = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return int(match[1]) if match else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def hash_in(headers: http.client.HTTPMessage) -> str | None:
    """What the hub calls a file by: the SHA-256 of a large one, the git hash of a small one; None in other answers."""
    tag = headers.get("X-Linked-ETag") or headers.get("ETag") or ""
    match = re.fullmatch(r'(?:W/)?"?([0-9a-f]{40}|[0-9a-f]{64})"?', tag)
    return match[1] if match else None


def require_hash(out: BinaryIO, expected: str | None, url: str, part: Path) -> None:
    """Raises InputError, and takes the file away, unless its content has the expected hash; None expects nothing."""
    if expected is None:
        return
    out.flush()
    size = out.seek(0, os.SEEK_END)
    digest = hashlib.sha256() if len(expected) == 64 else hashlib.sha1(f"blob {size}\0".encode())
    out.seek(0)
    while block := out.read(BLOCK):
        digest.update(block)
    if digest.hexdigest() != expected:
        part.unlink()
        raise InputError(
            f"{url} came with the hash {digest.hexdigest()}, {expected} is published; it is thrown away: "
            f"run the command again, and if it happens again distrust the endpoint ({COMMAND} --help)"
        )


def restart(out: BinaryIO, progress: Progress) -> None:
    """Throws away what came."""
    progress(-out.seek(0, os.SEEK_END))
    out.seek(0)
    out.truncate()


def advice(code: int) -> str:
    """What a person can do about an answer of the hub."""
    if code in (401, 403):
        return ": the repository is not open to everyone any more; fetch the file in a browser and put it in its place"
    if code == 404:
        return ": the file or its revision is gone; look for it under another endpoint"
    return ""
