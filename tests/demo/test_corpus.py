"""Laws of the demo corpus: what is held out is never trained, and the same options give the same bytes."""

import dataclasses
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from amharic_tts.audio.files import read_wave, write_wave
from amharic_tts.data.manifest import audio_path, read_manifest, row_id
from amharic_tts.demo.corpus import (
    HELD_OUT_VOICE,
    MANIFESTS,
    SAMPLE_RATE,
    SPOKEN,
    TRAINING_VOICES,
    CorpusOptions,
    everyday_sentences,
    make_corpus,
    plan_corpus,
)
from amharic_tts.demo.espeak import speak
from amharic_tts.errors import InputError
from amharic_tts.text.front_end import TextFrontEnd

ROOT = Path(__file__).parents[2]
FRONT_END = TextFrontEnd()
SMALL = CorpusOptions(numbers=12, held_out_numbers=4, held_out_speaker_rows=4, sentences=15)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "demo"
    make_corpus(folder, SMALL, workers=1)
    return folder


def test_the_default_corpus_keeps_what_is_held_out_apart() -> None:
    train, texts, speaker = plan_corpus(CorpusOptions()).values()
    assert len([row for row in train if row.name.startswith("n")]) == 2400
    assert len([row for row in texts if row.name.startswith("n")]) >= 96
    assert len(speaker) == 40
    normalise = FRONT_END.normalise  # ቡድናችን 2-1 አሸነፈ and its words are one text
    seen, unseen, other = ({normalise(row.text) for row in part} for part in (train, texts, speaker))
    assert not seen & (unseen | other)
    assert {normalise(row.text) for row in texts if row.name[0] == "n"}.isdisjoint(other)
    assert {row.voice for row in train} == {row.voice for row in texts} == set(TRAINING_VOICES)
    assert {row.voice for row in speaker} == {HELD_OUT_VOICE}


def test_every_held_out_number_is_made_of_words_that_training_has() -> None:
    for options in (CorpusOptions(), CorpusOptions(numbers=40), CorpusOptions(seed=5)):
        plan = plan_corpus(options)
        words = {word for row in plan["train.jsonl"] for word in row.spoken.split()}
        for name in MANIFESTS[1:]:
            assert all(set(row.spoken.split()) <= words for row in plan[name] if row.name.startswith("n"))


def test_training_has_every_letter_that_is_held_out() -> None:
    for seed in range(5):
        train, *held_out = plan_corpus(CorpusOptions(seed=seed)).values()
        letters = {sign for row in train for sign in FRONT_END.normalise(row.text)}
        for row in (row for part in held_out for row in part):
            assert set(FRONT_END.normalise(row.text)) <= letters
        assert len({row.text for row in held_out[0] if row.name.startswith("s")}) == 12


def test_numbers_are_shared_out_fairly_and_sentences_said_by_all() -> None:
    train = plan_corpus(CorpusOptions())["train.jsonl"]
    numbers = Counter(row.voice.name for row in train if row.name.startswith("n"))
    assert set(numbers.values()) == {800}
    assert len({row.name for row in train if row.name.startswith("n")}) == 2400
    assert set(Counter(row.name for row in train if row.name.startswith("s")).values()) == {3}


def test_no_two_rows_share_a_file() -> None:
    files = [row.audio for part in plan_corpus(CorpusOptions()).values() for row in part]
    assert len(set(files)) == len(files)


def test_another_seed_is_another_choice() -> None:
    first, second = (plan_corpus(CorpusOptions(seed=seed))["held_out_texts.jsonl"] for seed in (0, 1))
    assert {row.text for row in first} != {row.text for row in second}


def test_rows_say_what_the_files_hold(made: Path) -> None:
    for name in MANIFESTS:
        for row in read_manifest(made / name):
            wave = read_wave(audio_path(made / name, row), SAMPLE_RATE)
            assert row.id == row_id(wave.numpy(), row.text)
            assert row.duration == pytest.approx(len(wave) / SAMPLE_RATE, abs=1e-3)
            assert row.speaker in row.audio


def test_manifests_hold_what_is_written_and_the_voice_reads_what_the_model_is_told(made: Path, tmp_path: Path) -> None:
    """Figures stay figures in the manifest; the audio is of the words that the front-end makes of them."""
    voices = {voice.name: voice for voice in TRAINING_VOICES}
    rows = read_manifest(made / "train.jsonl")
    numbers = [row for row in rows if re.search(r"/n\d+\.flac", row.audio)]
    sentences = [row for row in rows if re.search(r"\d", row.text) and row not in numbers]
    assert all(row.text == str(int(Path(row.audio).stem[1:])) for row in numbers)
    assert sentences
    for row in [numbers[0], numbers[-1], sentences[0], sentences[-1]]:
        spoken = SPOKEN.normalise(row.text)
        assert not re.search(r"\d", spoken)
        write_wave(tmp_path / "again.flac", speak(spoken, voices[row.speaker], SAMPLE_RATE), SAMPLE_RATE)
        assert (tmp_path / "again.flac").read_bytes() == (made / row.audio).read_bytes()


def test_the_model_is_told_the_words_that_the_voice_says() -> None:
    normalise = FRONT_END.normalise
    for rows in plan_corpus(CorpusOptions()).values():
        assert all(normalise(row.spoken) == normalise(row.text) for row in rows)


def test_sentences_are_of_many_classes_and_none_is_another_in_other_letters() -> None:
    sentences = everyday_sentences()
    kinds = Counter(one.kind for sentence in sentences for one in FRONT_END.explain(sentence).decisions)
    assert len({FRONT_END.normalise(sentence) for sentence in sentences}) == len(sentences)
    for kind in ("time", "currency", "abbreviation", "ordinal"):
        assert kinds[kind] >= 5, kind
    dates = [one for one in sentences if re.search(r"(መስከረም|ጥቅምት|ጥር|ሐምሌ|ጳጉሜን) [\d፩-፼]|\d ዓ\.ም\.", one)]
    assert len(dates) >= 10


def test_no_sentence_is_much_longer_than_the_longest_number() -> None:
    """The demo's model is small: its batches and its patience are made for two or three seconds."""
    longest = max(len(SPOKEN.normalise(str(number))) for number in range(10_000))
    assert all(len(SPOKEN.normalise(sentence)) <= 1.5 * longest for sentence in everyday_sentences())


def test_another_front_end_is_another_corpus(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = TextFrontEnd(dataclasses.replace(SPOKEN.options, hundred="one"))
    monkeypatch.setattr("amharic_tts.demo.corpus.SPOKEN", other)
    with pytest.raises(InputError, match="another version"):
        make_corpus(made, SMALL, workers=1)


def test_it_says_that_the_speech_is_synthetic(made: Path) -> None:
    readme = (made / "README.txt").read_text()
    assert "Synthetic speech, for demonstrating and testing the system" in readme
    assert "GPL-3.0" in readme
    assert all(row.speaker.startswith("synthetic") for row in read_manifest(made / "train.jsonl"))


def test_two_workers_make_the_same_bytes_as_one(made: Path, tmp_path: Path) -> None:
    whole = contents(made)
    make_corpus(tmp_path / "demo", SMALL, workers=2)
    assert contents(tmp_path / "demo") == whole


def test_what_is_missing_is_made_and_what_is_there_is_kept(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    whole = contents(made)
    for name, data in whole.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    audio = sorted(name for name in whole if name.endswith(".flac"))
    kept = {name: (folder / name).stat().st_mtime_ns for name in audio[1:]}
    (folder / audio[0]).unlink()
    (folder / "train.jsonl").unlink()
    record = json.loads(whole["corpus.json"]) | {"complete": False}
    (folder / "corpus.json").write_text(json.dumps(record))  # as an interrupted run leaves it
    make_corpus(folder, SMALL, workers=1)
    assert contents(folder) == whole
    assert {name: (folder / name).stat().st_mtime_ns for name in audio[1:]} == kept


def test_a_folder_of_something_else_is_left_alone(made: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="other options"):
        make_corpus(made, CorpusOptions(numbers=13, held_out_numbers=4, held_out_speaker_rows=4, sentences=15), 1)
    record = json.loads((made / "corpus.json").read_text())
    (tmp_path / "old").mkdir()
    (tmp_path / "old/corpus.json").write_text(json.dumps(record | {"content": "0" * 32}))
    with pytest.raises(InputError, match="another version"):
        make_corpus(tmp_path / "old", SMALL, 1)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds other files"):
        make_corpus(tmp_path, SMALL, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "thesis.txt"]


@pytest.mark.parametrize(
    "options",
    [{"numbers": 0}, {"numbers": 9900}, {"held_out_numbers": 0}, {"sentences": -1}, {"sentences": 10_000}],
)
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(InputError):
        CorpusOptions(**options)


def test_the_tool_makes_a_corpus_then_a_tokenizer(tmp_path: Path) -> None:
    amounts = ["--numbers", "9", "--held-out-numbers", "1", "--held-out-speaker-rows", "1", "--sentences", "0"]
    command = [sys.executable, "tools/make_demo_corpus.py", "--out", tmp_path / "demo", "--workers", "1", *amounts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "synthetic speech, for demonstrating and testing" in done.stdout
    train = [sys.executable, "tools/train_vocab.py", "--manifest", tmp_path / "demo/train.jsonl"]
    train += ["--out", tmp_path / "tokenizer", "--size"]
    done = subprocess.run([*train, "560"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*train, "5000"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "largest that works" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
