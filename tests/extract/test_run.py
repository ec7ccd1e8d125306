"""A run: every row of a manifest ends in the store or in the list of failures; nothing is done twice."""

import json

import numpy as np
import pytest
import soundfile
import torch
from extract.small_base import sound, write_corpus

from amharic_tts.data.features import FeatureStore, read_failures
from amharic_tts.data.manifest import RejectReason
from amharic_tts.errors import InputError
from amharic_tts.extract import run as run_module
from amharic_tts.extract.run import ExtractOptions, extract_features
from amharic_tts.extract.work import Item, cut_tasks, of_part, read_items

LENGTHS = [0.3, 0.5, 0.42, 0.61, 0.3, 0.77, 0.2]


@pytest.fixture
def corpus(tmp_path):
    write_corpus(tmp_path, LENGTHS)
    return tmp_path


@pytest.fixture
def options(base, corpus, extractor, monkeypatch):
    """options(**changes): a run over the corpus in this process, on networks that are loaded already."""
    monkeypatch.setattr(run_module.Extractor, "load", lambda base, conditioning, device: extractor)
    record = run_module.describe(run_module.read_base_config(base), "latents")
    monkeypatch.setattr(run_module, "describe", lambda base, conditioning: record)

    def make(**changes) -> ExtractOptions:
        given = {"manifest": corpus / "manifest.jsonl", "base": base, "directory": corpus / "features"}
        return ExtractOptions(**given | {"batch_seconds": 1.5} | changes)

    return make


def contents(directory) -> dict[str, tuple[list[int], float]]:
    store = FeatureStore.open(directory)
    return {uid: (store[uid].codes.tolist(), store[uid].seconds) for uid in store.ids()}


def ids(corpus) -> list[str]:
    return [json.loads(line)["id"] for line in (corpus / "manifest.jsonl").read_text().splitlines()]


def change_row(corpus, line: int, **values) -> None:
    """`line` counts from 1."""
    path = corpus / "manifest.jsonl"
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    rows[line - 1] |= values
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_every_row_has_its_features_and_they_belong_to_its_recording(corpus, options, extractor):
    outcome = extract_features(options())
    assert (outcome.rows, outcome.made, outcome.failures) == (7, 7, [])
    found = contents(corpus / "features")
    for number, uid in enumerate(ids(corpus)):
        wave = torch.from_numpy(soundfile.read(corpus / f"{number}.wav", dtype="float32")[0])
        [alone] = extractor.extract([wave])
        assert found[uid] == (alone.codes.tolist(), LENGTHS[number])
    assert read_failures(corpus / "features") == {}


def test_a_row_that_is_in_the_store_is_not_extracted_again(corpus, options, monkeypatch):
    extract_features(options())
    before = {path: path.read_bytes() for path in (corpus / "features").rglob("*") if path.is_file()}
    monkeypatch.setattr(run_module, "extract_task", None)
    outcome = extract_features(options())
    assert (outcome.rows, outcome.made) == (7, 0)
    assert {path: path.read_bytes() for path in (corpus / "features").rglob("*") if path.is_file()} == before


def test_interrupted_a_run_keeps_what_it_has_done_and_goes_on_from_there(corpus, options, monkeypatch):
    monkeypatch.setattr("amharic_tts.extract.work.ROWS_PER_TASK", 4)
    extract = run_module.run_batches
    asked = []

    def interrupted(run, waves, budget):
        for result in extract(run, waves, budget):
            yield result
            asked.append(result)
            if len(asked) == 5:
                raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "run_batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract_features(options())
    done = contents(corpus / "features")
    assert len(done) == 5
    outcome = extract_features(options())
    assert (outcome.rows, outcome.made) == (7, 2)
    assert len(asked) == 7
    assert set(contents(corpus / "features")) == set(ids(corpus))


def test_a_lost_part_is_made_again(corpus, options, monkeypatch):
    monkeypatch.setattr("amharic_tts.extract.work.ROWS_PER_TASK", 3)
    extract_features(options())
    complete = contents(corpus / "features")
    next((corpus / "features").glob("part-*")).unlink()
    assert extract_features(options()).made in (1, 3)
    assert contents(corpus / "features") == complete


def test_bad_rows_fail_one_by_one_and_stop_nobody(corpus, options):
    """Every way in which a row can be bad; once mended, it is tried again and leaves the list."""
    soundfile.write(corpus / "long.wav", sound(2.1).numpy(), 16_000)
    soundfile.write(corpus / "huge.flac", np.zeros(8000 * 60, np.float32), 8000)
    soundfile.write(corpus / "none.wav", np.zeros(0, np.float32), 16_000)
    soundfile.write(corpus / "short.wav", sound(0.07).numpy(), 16_000)
    soundfile.write(corpus / "loud.wav", np.full(8000, 3e38, np.float32), 16_000, subtype="FLOAT")
    (corpus / "zero.wav").touch()
    soundfile.write(corpus / "whole.flac", sound(0.5).numpy(), 16_000)
    (corpus / "torn.flac").write_bytes((corpus / "whole.flac").read_bytes()[:5000])
    (corpus / "text.wav").write_text("no sound")
    first = json.loads((corpus / "manifest.jsonl").read_text().splitlines()[0])
    bad = {
        "gone.wav": RejectReason.AUDIO_MISSING,
        "long.wav": RejectReason.TOO_LONG,
        "huge.flac": RejectReason.TOO_LONG,
        "none.wav": RejectReason.AUDIO_EMPTY,
        "zero.wav": RejectReason.AUDIO_EMPTY,
        "short.wav": RejectReason.TOO_SHORT,
        "torn.flac": RejectReason.AUDIO_UNREADABLE,
        "text.wav": RejectReason.AUDIO_UNREADABLE,
        "loud.wav": RejectReason.NOT_FINITE,
    }
    with open(corpus / "manifest.jsonl", "a") as file:
        for number, name in enumerate(bad):
            file.write(json.dumps(first | {"id": f"{number:032x}", "audio": name}) + "\n")
        file.write(json.dumps(first | {"id": f"{99:032x}", "start": 0.1, "end": 0.12}) + "\n")
        file.write(json.dumps(first | {"id": f"{98:032x}", "start": 7.0}) + "\n")
        file.write(json.dumps(first) + "\n\n{no row\n")
    expected = [*bad.values(), RejectReason.TOO_SHORT, RejectReason.AUDIO_UNREADABLE, RejectReason.DUPLICATE_ID]
    with np.errstate(all="ignore"):
        outcome = extract_features(options())
    assert (outcome.rows, outcome.made) == (20, 7)
    failures = sorted(outcome.failures, key=lambda one: one.line)
    assert [one.reason for one in failures] == [*expected, RejectReason.INVALID_ROW]
    assert [one.line for one in failures] == [*range(8, 20), 21]
    assert all(one.detail for one in failures)
    assert set(contents(corpus / "features")) == set(ids_of_lines(corpus, 7))
    written = [json.loads(line) for line in (corpus / "features/failures-manifest.jsonl").read_text().splitlines()]
    assert [(one["line"], one["reason"]) for one in written] == [(one.line, one.reason) for one in failures]

    soundfile.write(corpus / "gone.wav", sound(0.4).numpy(), 16_000)
    with np.errstate(all="ignore"):
        outcome = extract_features(options())
    assert (outcome.made, len(outcome.failures)) == (1, 12)
    assert len((corpus / "features/failures-manifest.jsonl").read_text().splitlines()) == 12


def ids_of_lines(corpus, count: int) -> list[str]:
    return [json.loads(line)["id"] for line in (corpus / "manifest.jsonl").read_text().splitlines()[:count]]


def test_out_of_memory_halves_the_batch_and_only_what_does_not_fit_alone_fails(
    corpus, options, extractor, monkeypatch, capsys
):
    """A machine on which more than 0.7 s in a batch do not fit: the budget of 1.5 s is too large for it."""
    extract, sizes = type(extractor).extract, []

    def small_machine(self, waves):
        sizes.append(max(map(len, waves)) * len(waves) / 16_000)
        if sizes[-1] > 0.7:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return extract(self, waves)

    monkeypatch.setattr(type(extractor), "extract", small_machine)
    outcome = extract_features(options())
    assert [(one.reason, one.line) for one in outcome.failures] == [(RejectReason.OUT_OF_MEMORY, 6)]  # 0.77 s
    assert len(contents(corpus / "features")) == outcome.made == 6
    assert "out of memory: batches of 0.6 s from here on" in capsys.readouterr().err
    assert sum(size > 0.7 for size in sizes) == 2  # the long row, alone in its batch, and the first batch of two


def test_jobs_of_an_array_share_the_work_and_a_whole_run_finds_it_done(corpus, options):
    change_row(corpus, 3, audio="gone.wav")
    made = [extract_features(options(part=(number, 3))) for number in range(3)]
    assert [outcome.rows for outcome in made] == [3, 2, 2]
    assert sum(outcome.made for outcome in made) == 6
    names = lambda: sorted(path.name for path in (corpus / "features").glob("failures*"))  # noqa: E731
    assert names() == [f"failures-manifest-{number}-of-3.jsonl" for number in range(3)]
    assert set(read_failures(corpus / "features")) == {ids(corpus)[2]}
    outcome = extract_features(options())
    assert (outcome.rows, outcome.made, len(outcome.failures)) == (7, 0, 1)
    assert names() == ["failures-manifest.jsonl"]


def test_a_store_of_another_base_is_refused(corpus, options, monkeypatch):
    extract_features(options())
    other = run_module.describe(None, "latents")
    monkeypatch.setattr(run_module, "describe", lambda base, conditioning: type(other)(**vars(other) | {"codes": "?"}))
    with pytest.raises(InputError, match="holds features of another codec"):
        extract_features(options())


def test_settings_that_cannot_be(corpus, options):
    for change, message in (
        ({"workers": 0}, "at least 1 worker"),
        ({"batch_seconds": 0.0}, "must be 1 s"),
        ({"devices": ("tpu:7",)}, "device 'tpu:7' cannot be used here"),
        ({"manifest": corpus / "none.jsonl"}, r"manifest .*none\.jsonl does not exist"),
        ({"base": corpus}, r"config\.yaml cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            extract_features(options(**change))


# --- the work ---------------------------------------------------------------------------------------------------------


def test_tasks_hold_every_item_once_in_order_and_feed_every_process():
    items = [Item(line, None) for line in range(1000)]
    for count in (0, 1, 5, 300, 1000):
        for processes in (1, 2, 7):
            tasks = cut_tasks(items[:count], processes)
            assert [item for task in tasks for item in task] == items[:count]
            assert len(tasks) >= min(count, processes) or count < 2 * processes
            assert all(1 <= len(task) <= 128 for task in tasks)


def test_parts_hold_every_row_once_and_the_same_mixture_of_lengths(corpus):
    items, rejects = read_items(corpus / "manifest.jsonl")
    assert [item.row.duration for item in items] == sorted(LENGTHS, reverse=True)
    parts = [of_part(items, rejects, (number, 2))[0] for number in range(2)]
    assert sorted(item.line for part in parts for item in part) == list(range(1, 8))
    assert [item.row.duration for item in parts[0]] == sorted(LENGTHS, reverse=True)[::2]
