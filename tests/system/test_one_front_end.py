"""One TextFrontEnd is the only road from text to ids: in preparation, training, generation and evaluation."""

import ast
import json
import sys
import tarfile

import numpy as np
import pytest
from system.commands import PROJECT, call, done, tool

from amharic_tts.data.manifest import read_manifest
from amharic_tts.evaluate.recogniser import read_description
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import Tokenizer

# Runs a tool in which the front-end reads nothing: whoever gets a text to ids without it would not notice.
BLOCKED = """
import runpy, sys
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
def analyse(self, raw):
    raise TextError("the road is blocked", raw or "-", 0, 1)
TextFrontEnd.analyse = analyse
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def recogniser(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recogniser") / "out"
    tokenizer = corpus.folder / "tokenizer"
    made_with = ("--manifest", corpus.folder / "train.jsonl", "--tokenizer", tokenizer, "--epochs", 1)
    done(tool("train_recogniser", *made_with, "--out", folder))
    return folder


def commands(corpus, spoken, recogniser, folder):
    """Every command that gets from text to ids, or to what is compared with text."""
    manifest, tokenizer, codec = corpus.folder / "train.jsonl", corpus.folder / "tokenizer", corpus.folder / "codec"
    texts = folder / "texts.txt"
    texts.write_text("በ2015 ዓ.ም.\n", encoding="utf-8")
    return {
        "train_vocab": ("--text", texts, "--out", folder / "vocab", "--size", 600),
        "build_shards": ("--manifest", manifest, "--out", folder / "s", "--tokenizer", tokenizer, "--codec", codec),
        "train_recogniser": ("--manifest", manifest, "--out", folder / "recogniser", "--epochs", 1),
        "synthesize": ("በ2015 ዓ.ም.", "--run", spoken.run, "--out", folder / "a.wav"),
        "evaluate": ("--run", spoken.run, "--manifest", manifest, "--recogniser", recogniser, "--out", folder / "e"),
    }


WITH_TEXT = {"train_vocab", "build_shards", "train_recogniser", "synthesize", "evaluate"}
WITHOUT_TEXT = {
    "fit_codec",
    "verify_shards",
    "make_report",
    "demo",
    "make_demo_corpus",
    "check_parity",
    "download_base",
    "extract_features",
    "export",
    "plan_run",
    "diagnose",
}
"""Tools that get no text to ids; what the demo's corpus says goes through the front-end too (tests/demo)."""


def test_every_tool_is_known_here():
    assert {path.stem for path in PROJECT.glob("tools/*.py")} == WITH_TEXT | WITHOUT_TEXT | {"normalise"}


def test_no_command_gets_round_the_front_end(corpus, spoken, recogniser, tmp_path):
    found = commands(corpus, spoken, recogniser, tmp_path)
    assert found.keys() == WITH_TEXT
    for name, arguments in found.items():
        result = call(sys.executable, "-c", BLOCKED, PROJECT / f"tools/{name}.py", *arguments)
        assert result.returncode, f"{name} came to its end without the front-end"
        assert "the road is blocked" in result.stdout + result.stderr, f"{name}: {result.stdout}{result.stderr}"
        assert "Traceback" not in result.stderr, name


def test_the_same_front_end_travels_from_the_vocabulary_to_the_judge(corpus, spoken, recogniser):
    made = TextFrontEnd.from_json((corpus.folder / "tokenizer/front_end.json").read_text())
    shards = json.loads((corpus.shards / "train/dataset.json").read_text())
    assert shards["front_end"] == made.fingerprint
    records = [
        (corpus.shards / "train/tokenizer/front_end.json").read_text(),
        *(path.read_text() for path in spoken.run.glob("checkpoints/step-*/tokenizer/front_end.json")),
        read_description(recogniser)["front_end"],
    ]
    assert len(records) >= 3
    assert {TextFrontEnd.from_json(record).fingerprint for record in records} == {made.fingerprint}


def test_the_ids_in_the_shards_are_those_of_the_written_text(corpus):
    """The manifest has figures (4321), the shards the pieces of the words that they are read as."""
    tokenizer = Tokenizer.load(corpus.folder / "tokenizer")
    texts, figures = 0, 0
    for shard in (corpus.shards / "train").glob("core-*.tar"):
        with tarfile.open(shard) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
        for name, data in files.items():
            if name.endswith(".json"):
                text = json.loads(data)["text"]
                ids = np.frombuffer(files[name.removesuffix(".json") + ".ids"], "<u2").tolist()
                assert ids == tokenizer.encode(text)
                assert tokenizer.decode(ids) == tokenizer.front_end.normalise(text)
                texts, figures = texts + 1, figures + text.isdigit()
    assert texts == len(read_manifest(corpus.folder / "train.jsonl"))
    assert figures


def test_another_front_end_is_refused_wherever_the_old_one_went(corpus, spoken, recogniser, tmp_path):
    """A front-end with another rule: none of what was made before is used with it."""
    changed = BLOCKED.replace(
        "TextFrontEnd.analyse = analyse", "import amharic_tts.text.front_end as f; f.VERSION = 99"
    )
    for name, arguments in commands(corpus, spoken, recogniser, tmp_path).items():
        if name in ("train_vocab", "train_recogniser"):  # they make something new, with the front-end that is there
            continue
        result = call(sys.executable, "-c", changed, PROJECT / f"tools/{name}.py", *arguments)
        assert result.returncode == 2, name
        assert "another text front-end" in result.stderr, name


def test_only_the_room_of_text_knows_sentencepiece():
    """No other module can turn text into pieces by itself."""
    for path in [*PROJECT.glob("amharic_tts/**/*.py"), *PROJECT.glob("tools/*.py"), *PROJECT.glob("launch/*.py")]:
        if "text" in path.relative_to(PROJECT).parts[:2]:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else
                [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )
        }  # fmt: skip
        assert not any(name.startswith("sentencepiece") for name in imported), path
