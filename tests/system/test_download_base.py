"""Fetching a base folder from a server on this machine that cuts, lies and answers as the hub does."""

import hashlib
import importlib.util
import json
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from system.commands import PROJECT, environment, tool

from amharic_tts.codec.indextts2 import fetch
from amharic_tts.codec.indextts2.base_folder import File, Source
from amharic_tts.errors import InputError

REVISION = "0123456789abcdef0123456789abcdef01234567"
LARGE = bytes(range(256)) * 40_000  # 10 MB: more than the buffers on the way hold
SMALL = b"settings: 1\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


SOURCE = Source(
    "a model", "someone/model", REVISION, "Some Licence", "not for sale",
    (
        File("large.pth", "large.pth", len(LARGE), sha256(LARGE)),
        File("inner/config.yaml", "conf/config.yaml", len(SMALL)),
    ),
)  # fmt: skip


@dataclass
class Hub:
    """What the server does."""

    files: dict[str, bytes]
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of a body the connection is cut, one entry for each answer."""
    ranges: bool = True
    status: dict[str, list[int]] = field(default_factory=dict)
    """Path → answers to give before the file."""
    tags: dict[str, str] = field(default_factory=dict)
    """Path → what the first answer calls the file."""
    lengths: bool = True
    store: str = ""
    """Where files are said to lie; empty: here."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and range of each request for content."""
    gate: Callable[[], None] = lambda: None
    """Called before a cut."""
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        hub: Hub = self.server.hub
        name = re.sub(rf"^/(store|someone/model/resolve/{REVISION})/", "", self.path)
        if hub.status.get(name):
            return self.send_error(hub.status[name].pop(0))
        if name not in hub.files:
            return self.send_error(404)
        if not self.path.startswith("/store/"):  # as the hub: size and hash here, the content elsewhere
            self.send_response(302)
            self.send_header("Location", (hub.store or f"{hub.address}/store") + "/" + name)
            if name in hub.tags:
                self.send_header("X-Linked-ETag", f'"{hub.tags[name]}"')
            self.end_headers()
            return None
        asked = self.headers.get("Range")
        hub.asked.append((name, asked))
        content, start = hub.files[name], 0
        if asked and hub.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if hub.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", '"an etag of the store"')
        self.end_headers()
        if hub.cuts:
            self.wfile.write(content[start : start + hub.cuts.pop(0)])
            self.wfile.flush()
            hub.gate()
        else:
            self.wfile.write(content[start:])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.hub = Hub({"large.pth": LARGE, "conf/config.yaml": SMALL}, address=f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.hub.address)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    yield server.hub
    server.shutdown()
    server.server_close()


@pytest.fixture
def command(monkeypatch):
    """command(*arguments) runs the tool with SOURCE alone in this process."""
    spec = importlib.util.spec_from_file_location("download_base", PROJECT / "tools/download_base.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments, source: Source = SOURCE) -> int:
        monkeypatch.setattr(module, "SOURCES", (source,))
        monkeypatch.setattr(module, "CHECKED", {})
        monkeypatch.setattr(sys, "argv", ["download_base.py", *map(str, arguments)])
        return module.main()

    return run


def fetched(folder: Path) -> bool:
    """Both files are there and nothing else."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return files == {"large.pth": LARGE, "inner/config.yaml": SMALL}


def with_file(**change) -> Source:
    """SOURCE with the large file alone, changed."""
    return replace(SOURCE, files=(replace(SOURCE.files[0], **change),))


# --- licences ---------------------------------------------------------------------------------------------------------


def test_licences_are_named_and_nothing_is_fetched_without_consent(hub, command, tmp_path, capsys):
    with pytest.raises(InputError, match="--accept-licences"):
        command("--out", tmp_path / "base")
    said = capsys.readouterr().out
    for part in ("a model", "https://huggingface.co/someone/model", "Some Licence", "not for sale", "large.pth"):
        assert part in said
    assert hub.asked == []
    assert not (tmp_path / "base").exists()


def test_the_real_command_names_every_licence(tmp_path):
    result = tool("download_base", "--out", tmp_path / "base")
    assert result.returncode == 2
    for part in ("bilibili Model Use License", "MIT", "CC BY-NC 4.0 (NOT for commercial use)", "Apache-2.0", "7.7 GB"):
        assert part in result.stdout
    assert "--accept-licences" in result.stderr
    assert not (tmp_path / "base").exists()


# --- what works -------------------------------------------------------------------------------------------------------


def test_everything_is_fetched_checked_and_not_fetched_again(hub, command, tmp_path, capsys):
    base = tmp_path / "base"
    hub.tags = {"conf/config.yaml": git_hash(SMALL)}
    assert command("--out", base, "--accept-licences") == 0
    assert fetched(base)
    assert command("--check", base) == 0
    hub.asked.clear()
    capsys.readouterr()
    assert command("--out", base) == 0  # nothing to accept any more
    assert hub.asked == []
    assert "Licence" not in capsys.readouterr().out


def test_what_is_cut_goes_on_where_it_stopped(hub, command, tmp_path):
    hub.cuts = [3_000_000, 10, 4_000_000]
    assert command("--out", tmp_path, "--accept-licences") == 0
    assert fetched(tmp_path)
    large = [asked for name, asked in hub.asked if name == "large.pth"]
    assert large == [None, "bytes=3000000-", "bytes=3000010-", "bytes=7000010-"]


def test_a_killed_run_goes_on_where_it_stopped(hub, command, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real pauses, and the environment for the subprocess by hand
    base, opened = tmp_path / "base", threading.Event()
    hub.cuts, hub.gate = [6_000_000], opened.wait
    program = textwrap.dedent(f"""
        import runpy, sys
        sys.argv = ["download_base.py", "--out", {str(base)!r}, "--accept-licences", "--endpoint", {hub.address!r}]
        from amharic_tts.codec.indextts2 import base_folder as b
        b.SOURCES = (b.Source("a model", "someone/model", {REVISION!r}, "L", "t", (
            b.File("large.pth", "large.pth", {len(LARGE)}, {sha256(LARGE)!r}),)),)
        runpy.run_path("tools/download_base.py", run_name="__main__")
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=PROJECT, env=environment() | {"no_proxy": "127.0.0.1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    part = base / f".large.pth.{REVISION[:8]}.part"
    try:
        deadline = time.monotonic() + 60
        while not (part.is_file() and part.stat().st_size >= 5_000_000):  # what is still in a buffer may be lost
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        opened.set()
    assert not (base / "large.pth").exists()
    there = part.stat().st_size
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    result = command("--out", base, "--accept-licences", "--endpoint", hub.address)
    assert result == 0
    assert fetched(base)
    assert hub.asked[1] == ("large.pth", f"bytes={there}-")


@pytest.mark.parametrize("lengths", [True, False])
def test_a_server_without_ranges_sends_the_whole_again(hub, command, tmp_path, lengths):
    hub.ranges, hub.cuts, hub.lengths = False, [5_000_000], lengths
    assert command("--out", tmp_path, "--accept-licences") == 0
    assert fetched(tmp_path)


def test_passing_troubles_of_the_hub_are_waited_for(hub, command, tmp_path):
    hub.status = {"large.pth": [503, 429], "conf/config.yaml": [500]}
    assert command("--out", tmp_path, "--accept-licences") == 0
    assert fetched(tmp_path)


def test_an_unfinished_file_of_another_revision_is_not_gone_on_with(hub, command, tmp_path):
    (tmp_path / ".large.pth.ffffffff.part").write_bytes(b"something else")
    assert command("--out", tmp_path, "--accept-licences") == 0
    assert hub.asked[0] == ("large.pth", None)


@pytest.mark.parametrize("left", [LARGE, LARGE + b"more"])
def test_an_unfinished_file_that_is_complete_or_too_long(hub, command, tmp_path, left):
    (tmp_path / f".large.pth.{REVISION[:8]}.part").write_bytes(left)
    assert command("--out", tmp_path, "--accept-licences") == 0
    assert fetched(tmp_path)
    assert ("large.pth", None) in hub.asked or left == LARGE


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_cut_that_stays_is_an_error_that_says_how_to_go_on(hub, command, tmp_path):
    hub.cuts = [1000] + [0] * 10
    with pytest.raises(InputError, match=r"large\.pth: .*1000 of 10240000 bytes there; run the same command again"):
        command("--out", tmp_path, "--accept-licences")
    assert not (tmp_path / "large.pth").exists()
    hub.cuts = []
    assert command("--out", tmp_path, "--accept-licences") == 0
    assert fetched(tmp_path)
    assert hub.asked[-2] == ("large.pth", "bytes=1000-")


def test_another_hash_is_an_error_and_the_file_is_thrown_away(hub, command, tmp_path):
    hub.files["large.pth"] = LARGE[:-1] + b"!"
    with pytest.raises(InputError, match=rf"large\.pth came with the hash {sha256(hub.files['large.pth'])}"):
        command("--out", tmp_path, "--accept-licences")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("tag", [git_hash(b"other"), sha256(b"other")])
def test_where_no_hash_is_published_the_hubs_is_compared(hub, command, tmp_path, tag):
    hub.tags = {"conf/config.yaml": tag}
    with pytest.raises(InputError, match=rf"config\.yaml came with the hash .*{tag} is published"):
        command("--out", tmp_path, "--accept-licences")
    assert not (tmp_path / "inner/config.yaml").exists()
    assert (tmp_path / "large.pth").is_file()


def test_a_published_hash_outranks_the_hubs(hub, command, tmp_path):
    hub.files["large.pth"] = LARGE[:-1] + b"!"
    hub.tags = {"large.pth": sha256(hub.files["large.pth"])}
    with pytest.raises(InputError, match=sha256(LARGE)):
        command("--out", tmp_path, "--accept-licences")


@pytest.mark.parametrize("size", [len(LARGE) - 1, len(LARGE) + 1])
def test_another_size_is_an_error_before_the_content_is_read(hub, command, tmp_path, size):
    with pytest.raises(InputError, match=rf"large\.pth has {len(LARGE)} bytes, {size} are published"):
        command("--out", tmp_path, "--accept-licences", source=with_file(size=size))
    assert not (tmp_path / "large.pth").exists()


def test_more_than_was_published_is_an_error_where_no_size_is_said(hub, command, tmp_path):
    hub.lengths = False
    with pytest.raises(InputError, match="sends more than the 5000000 bytes"):
        command("--out", tmp_path, "--accept-licences", source=with_file(size=5_000_000))
    assert not (tmp_path / "large.pth").exists()


@pytest.mark.parametrize(("code", "message"), [(404, "gone"), (401, "not open"), (403, "not open"), (416, "Range")])
def test_answers_that_are_final(hub, command, tmp_path, code, message):
    hub.status = {"large.pth": [code]}
    with pytest.raises(InputError, match=rf"large\.pth is answered with {code} .*{message}"):
        command("--out", tmp_path, "--accept-licences")
    assert not (tmp_path / "large.pth").exists()


def test_no_server_is_an_error(command, tmp_path, hub, monkeypatch):
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1/.*large\.pth: .*0 of 10240000 bytes"):
        command("--out", tmp_path, "--accept-licences", "--endpoint", "http://127.0.0.1:1")


@pytest.mark.parametrize("endpoint", ["http://example.org", "ftp://example.org", "huggingface.co", "file:///etc"])
def test_only_encrypted_endpoints(hub, command, tmp_path, endpoint):
    with pytest.raises(InputError, match=r"is no https:// address"):
        command("--out", tmp_path, "--accept-licences", "--endpoint", endpoint)


def test_a_redirect_to_an_unencrypted_place_is_refused():
    request = fetch.urllib.request.Request("https://huggingface.co/x")
    with pytest.raises(InputError, match="not encrypted"):
        fetch.Redirects().redirect_request(request, None, 302, "Found", {}, "http://elsewhere/x")
    assert fetch.Redirects().redirect_request(request, None, 302, "Found", {}, "https://elsewhere/x")


def test_a_redirect_to_a_file_of_this_machine_is_refused(hub, command, tmp_path):
    hub.store = "file:///etc"
    with pytest.raises(InputError, match=r"large\.pth"):
        command("--out", tmp_path, "--accept-licences")


def test_a_file_of_the_users_is_not_written_over(hub, command, tmp_path):
    (tmp_path / "large.pth").write_bytes(b"my own")
    with pytest.raises(InputError, match=r"large\.pth is there, but not the published file.*move it away"):
        command("--out", tmp_path, "--accept-licences")
    assert (tmp_path / "large.pth").read_bytes() == b"my own"
    assert hub.asked == []


def test_links_do_not_lead_out_of_the_folder(hub, command, tmp_path):
    outside, base = tmp_path / "outside", tmp_path / "base"
    outside.mkdir()
    base.mkdir()
    (base / "inner").symlink_to(outside)
    with pytest.raises(InputError, match=r"inner is a link that leads out"):
        command("--out", base, "--accept-licences")
    (base / "inner").unlink()
    (outside / "precious").write_bytes(b"1")
    (base / f".large.pth.{REVISION[:8]}.part").symlink_to(outside / "precious")
    with pytest.raises(InputError, match="cannot be written"):
        command("--out", base, "--accept-licences")
    assert (outside / "precious").read_bytes() == b"1"
    assert [path.name for path in outside.iterdir()] == ["precious"]


def test_two_at_once_do_not_mix(hub, command, tmp_path):
    with fetch.locked(tmp_path / f".large.pth.{REVISION[:8]}.part"), pytest.raises(InputError, match="another process"):
        command("--out", tmp_path, "--accept-licences")


def test_a_full_disk_is_said_before_anything_is_fetched(hub, command, tmp_path, monkeypatch):
    usage = fetch.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(InputError, match=r"has room for 0\.0 GB"):
        command("--out", tmp_path, "--accept-licences")
    assert hub.asked == []


# --- checking ---------------------------------------------------------------------------------------------------------


def test_check_says_what_is_missing_and_changes_nothing(hub, command, tmp_path, capsys):
    (tmp_path / "large.pth").write_bytes(LARGE[:-1] + b"!")
    assert command("--check", tmp_path) == 1
    said = capsys.readouterr().out
    assert re.search(r"large\.pth +is another file of the same size", said)
    assert re.search(r"inner/config\.yaml +missing", said)
    assert "2 checks, 2 failed" in said
    assert [path.name for path in tmp_path.iterdir()] == ["large.pth"]


def test_the_real_command_checks_every_file_and_part(tmp_path):
    result = tool("download_base", "--check", tmp_path)
    assert result.returncode == 1
    for name in ("gpt.pth", "s2mel.pth", "bigvgan/bigvgan_generator.pt", "language model", "S2Mel", "w2v-bert-2.0"):
        assert name in result.stdout
    assert "Traceback" not in result.stderr
    assert json.dumps(result.stdout).count("does not load") == 11
    missing = tool("download_base", "--check", tmp_path / "none")
    assert missing.returncode == 2
    assert "is no folder" in missing.stderr
