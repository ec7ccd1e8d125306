"""Laws of packing from a feature store: rows and prompts are the store's, bit for bit, and no recording is needed."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amharic_tts.audio.files import read_wave
from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.load import load_codec
from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.data.build import BuildOptions, build
from amharic_tts.data.features import Features, FeatureStore, create_store, write_failures, write_part
from amharic_tts.data.load import load_all, load_steps
from amharic_tts.data.manifest import Reject, RejectReason, read_rejects
from amharic_tts.data.plan import Plan
from amharic_tts.data.read import Dataset, info_to_json
from amharic_tts.data.shard import BLOCK_BYTES
from amharic_tts.data.verify import verify
from amharic_tts.errors import InputError

ROWS, WIDTH = 33, 1280  # of IndexTTS-2's stored prompts
LATENTS = IndexTTS2Codes(
    codes="c" * 32, encoders="e" * 32, conditioning="latents", conditioning_width=WIDTH, conditioning_rows=ROWS
)
FRAMES = IndexTTS2Codes(codes="c" * 32, encoders="", conditioning="frames", conditioning_width=16, conditioning_rows=0)
BUDGET = 4096


def fill(directory: Path, codec: CodecFacts, features: dict[str, Features], part_rows: int = 20) -> Path:
    """A store of these features in several parts."""
    create_store(directory, codec)
    uids = list(features)
    for first in range(0, len(uids), part_rows):
        write_part(directory, {uid: features[uid] for uid in uids[first : first + part_rows]})
    return directory


def random_features(corpus, codec: IndexTTS2Codes) -> dict[str, Features]:
    generator = np.random.default_rng(0)
    features = {}
    for row in corpus.rows:
        frames = max(1, int(row.duration * codec.rate))
        features[row.id] = Features(
            generator.integers(0, codec.size, frames).astype(np.int16),
            generator.normal(size=(codec.conditioning_rows or frames, codec.conditioning_width)).astype(np.float16),
            row.duration,
        )
    return features


def content(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def latents(corpus, tmp_path_factory) -> Path:
    return fill(tmp_path_factory.mktemp("latents") / "store", LATENTS, random_features(corpus, LATENTS))


@pytest.fixture(scope="module")
def silent(corpus, tmp_path_factory) -> Path:
    """The corpus' manifest in a folder without its recordings."""
    return Path(shutil.copy(corpus.manifest, tmp_path_factory.mktemp("silent")))


@pytest.fixture(scope="module")
def options(corpus, latents, silent) -> BuildOptions:
    return corpus.options(Path("nowhere"), features=latents, manifest=silent)


@pytest.fixture(scope="module")
def from_store(options, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("packed_features") / "set"
    build(dataclasses.replace(options, directory=directory))
    return directory


@pytest.fixture
def copy(from_store, tmp_path) -> Path:
    return Path(shutil.copytree(from_store, tmp_path / "copy"))


# ---- content ----


def test_every_row_is_packed_once_as_the_store_has_it_and_without_a_recording(corpus, latents, from_store):
    dataset, store = Dataset.open(from_store), FeatureStore.open(latents)
    info = dataset.info
    assert (info.conditioning_rows, info.conditioning_width) == (ROWS, WIDTH)
    assert (info.code_size, info.rate, info.sample_rate, info.codec) == (8192, 50.0, 16_000, LATENTS.fingerprint)
    assert load_codec(from_store / "codec") == LATENTS
    assert {record["id"].tobytes().hex() for record in dataset.rows} == {row.id for row in corpus.rows}
    assert info.rows == len(corpus.rows)
    prompts = 0
    with dataset.reader() as reader:
        for shard in range(info.shards):
            for row, record in enumerate(dataset.rows_of_shard(shard)):
                sample, stored = reader.read(shard, row), store[record["id"].tobytes().hex()]
                assert np.array_equal(sample.codes, stored.codes)
                assert record["n_prompt"] in (0, ROWS)
                assert record["duration"] == np.float32(stored.seconds)
                if record["n_prompt"]:
                    prompts += 1
                    assert sample.conditioning.tobytes() == stored.conditioning.tobytes()
                    assert record["size"] > ROWS * WIDTH * 2 + 4 * BLOCK_BYTES
    assert 0 < prompts < info.rows
    assert verify(from_store).findings == []


def test_features_of_the_codec_give_the_shards_that_the_codec_gives(corpus, packed, tmp_path):
    """As long as no prompt is cut: a codec hears the beginning of it, a store has heard the whole."""
    codec, features = load_codec(corpus.folder / "codec"), {}
    for row in corpus.rows:
        wave = read_wave(corpus.folder / row.audio, codec.sample_rate)
        conditioning = codec.conditioning(wave).numpy().astype(np.float16)
        features[row.id] = Features(codec.encode(wave).numpy(), conditioning, len(wave) / codec.sample_rate)
    store = fill(tmp_path / "store", codec, features)
    build(corpus.options(tmp_path / "set", features=store, audio=True))
    found, wanted = content(tmp_path / "set"), content(packed)
    assert found.keys() == wanted.keys()
    for name in found:
        if name.endswith((".tar", ".bin")) or name.startswith("codec/"):
            assert found[name] == wanted[name], name


def test_frames_are_cut_to_the_seconds_of_a_prompt(corpus, silent, tmp_path):
    features = random_features(corpus, FRAMES)
    store = fill(tmp_path / "store", FRAMES, features)
    options = corpus.options(tmp_path / "set", features=store, manifest=silent)
    build(dataclasses.replace(options, settings=dataclasses.replace(options.settings, prompt_seconds=0.5)))
    dataset = Dataset.open(tmp_path / "set")
    assert dataset.info.conditioning_rows == 0
    lengths = set()
    with dataset.reader() as reader:
        for shard in range(dataset.info.shards):
            for row in np.flatnonzero(dataset.rows_of_shard(shard)["n_prompt"]).tolist():
                sample = reader.read(shard, row)
                whole = features[sample.row.id].conditioning
                assert sample.conditioning.tobytes() == whole[:25].tobytes()
                lengths.add(len(sample.conditioning))
    assert max(lengths) == 25
    assert len(lengths) > 1


def test_recordings_are_packed_beside_stored_features_on_demand(corpus, latents, from_store, tmp_path):
    build(corpus.options(tmp_path / "set", features=latents, audio=True))
    dataset = Dataset.open(tmp_path / "set")
    audio_of = {row.id: row.audio for row in corpus.rows}
    with dataset.reader() as reader:
        uid = dataset.rows[3]["id"].tobytes().hex()
        (tmp_path / "a.flac").write_bytes(reader.read_audio(0, 3))
    found, wanted = (soundfile.read(path)[0] for path in (tmp_path / "a.flac", corpus.folder / audio_of[uid]))
    assert np.abs(found - wanted).max() < 1e-4
    for path in from_store.glob("core-*.tar"):
        assert (tmp_path / "set" / path.name).read_bytes() == path.read_bytes()
    assert verify(tmp_path / "set").findings == []


def test_features_of_audio_of_another_length_are_refused_where_both_are_packed(corpus, latents, tmp_path):
    folder = Path(shutil.copytree(corpus.folder, tmp_path / "corpus"))
    samples, rate = soundfile.read(folder / corpus.rows[4].audio)
    soundfile.write(folder / corpus.rows[4].audio, samples[: len(samples) // 2], rate)
    with pytest.raises(InputError, match=rf"row {corpus.rows[4].id}: its features are of"):
        build(corpus.options(tmp_path / "set", features=latents, audio=True, manifest=folder / "manifest.jsonl"))


# ---- the same bytes ----


def test_two_processes_and_parts_write_the_bytes_that_one_process_writes(options, from_store, tmp_path):
    build(dataclasses.replace(options, directory=tmp_path / "two", workers=2))
    assert content(tmp_path / "two") == content(from_store)
    for i in (1, 0):
        assert build(dataclasses.replace(options, directory=tmp_path / "parts", part=(i, 2))) is None
    build(dataclasses.replace(options, directory=tmp_path / "parts"))
    assert content(tmp_path / "parts") == content(from_store)


def test_the_parts_of_the_store_do_not_matter(corpus, options, from_store, tmp_path):
    store = fill(tmp_path / "store", LATENTS, dict(reversed(random_features(corpus, LATENTS).items())), part_rows=7)
    build(dataclasses.replace(options, directory=tmp_path / "set", features=store))
    assert content(tmp_path / "set") == content(from_store)


def test_a_lost_shard_is_made_again_from_the_store(options, from_store, copy):
    (copy / "core-000001.tar").unlink()
    build(dataclasses.replace(options, directory=copy))
    assert content(copy) == content(from_store)


# ---- rows that the store does not have ----


@pytest.fixture
def gaps(corpus, tmp_path) -> tuple[Path, list]:
    """(a store without three rows, these rows); extraction has recorded a reason for the first."""
    features = random_features(corpus, LATENTS)
    missing = [corpus.rows[i] for i in (2, 30, 62)]
    for row in missing:
        features.pop(row.id)
    store = fill(tmp_path / "gaps", LATENTS, features)
    failure = Reject(line=3, id=missing[0].id, reason=RejectReason.AUDIO_EMPTY, detail="nothing but silence")
    write_failures(store, "0-of-1", [failure])
    return store, missing


@pytest.mark.parametrize("workers", [1, 2])
def test_a_row_without_features_stops_packing_and_names_row_and_command(options, gaps, tmp_path, workers):
    store, missing = gaps
    with pytest.raises(InputError, match=r"python tools/extract_features\.py") as error:
        build(dataclasses.replace(options, directory=tmp_path / "set", features=store, workers=workers))
    assert any(f"row {row.id}: the feature store does not hold it" in str(error.value) for row in missing)
    assert "--skip-bad" in str(error.value)


def test_rows_without_features_are_listed_with_what_extraction_said(corpus, options, gaps, tmp_path):
    store, missing = gaps
    directory = tmp_path / "set"
    info = build(dataclasses.replace(options, directory=directory, features=store, skip_bad=True))
    rejects = read_rejects(directory / "rejects.jsonl")
    assert [(one.id, one.reason) for one in rejects] == [(row.id, "features_missing") for row in missing]
    assert [one.line for one in rejects] == [3, 31, 63]
    assert "could not make it: nothing but silence" in rejects[0].detail
    assert all("has not been run on it" in one.detail for one in rejects[1:])
    assert (info.rows, info.rejected) == (len(corpus.rows) - 3, 3)
    assert verify(directory).findings == []


def test_a_damaged_row_of_the_store_stops_packing_also_with_skip_bad(corpus, options, tmp_path):
    store = fill(tmp_path / "store", LATENTS, random_features(corpus, LATENTS))
    part = sorted(store.glob("part-*"))[1]
    damaged = bytearray(part.read_bytes())
    damaged[-1000] ^= 1
    part.write_bytes(damaged)
    with pytest.raises(InputError, match=rf"{part.name} is damaged.*remove it"):
        build(dataclasses.replace(options, directory=tmp_path / "set", features=store, skip_bad=True))


# ---- refusals ----


def test_features_of_another_codec_or_recordings_in_the_same_folder_are_refused(corpus, options, copy, tmp_path):
    other = dataclasses.replace(LATENTS, encoders="f" * 32)
    store = fill(tmp_path / "store", other, random_features(corpus, other))
    with pytest.raises(InputError, match=f"codec was {LATENTS.fingerprint}, is {other.fingerprint}"):
        build(dataclasses.replace(options, directory=copy, features=store))
    with pytest.raises(InputError, match="source was features, is recordings"):
        build(corpus.options(copy))


def test_a_record_without_weights_cannot_encode(corpus, latents, tmp_path):
    made = dataclasses.replace(corpus.options(tmp_path / "set"), codec=latents / "codec")
    with pytest.raises(InputError, match=r"without the weights.*--features"):
        build(made)


@pytest.mark.parametrize("codec", [None, "given"])
def test_exactly_one_source_must_be_given(corpus, latents, tmp_path, codec):
    made = dataclasses.replace(
        corpus.options(tmp_path / "set"), codec=codec and corpus.folder / "codec", features=codec and latents
    )
    with pytest.raises(InputError, match="one of --codec and --features"):
        build(made)


# ---- training on it ----


def test_batches_have_the_stored_prompts(latents, from_store):
    dataset, store = Dataset.open(from_store), FeatureStore.open(latents)
    plan = Plan(dataset.catalog, dataset.rows_of_shard, seed=0, step_tokens=1000)
    stored = {store[uid].conditioning.tobytes() for uid in store.ids()}
    seen = 0
    for step in load_steps(dataset, plan, 0, 1, BUDGET, epochs=1):
        for batch in step.microbatches:
            rows = len(batch.uids)
            assert batch.prompt.shape == (rows, ROWS, WIDTH)
            assert batch.prompt_lengths.tolist() == [ROWS] * rows
            assert all(one.numpy().astype(np.float16).tobytes() in stored for one in batch.prompt)
            seen += rows
    assert seen == dataset.info.rows


def test_fillers_and_damaged_rows_have_as_many_prompt_rows(copy, tmp_path):
    dataset = Dataset.open(copy)
    plan = Plan(dataset.catalog, dataset.rows_of_shard, seed=0, step_tokens=300)
    filler = next(load_steps(dataset, plan, 63, 64, BUDGET)).microbatches[0]
    assert filler.uids == [""]
    alone = next(b for s in load_all(dataset, 0, 1, plan.longest()) for b in s.microbatches if len(b.uids) == 1)
    place = [record["id"].tobytes().hex() for record in dataset.rows].index(alone.uids[0])
    shard = int(np.searchsorted(dataset.first_row, place, side="right")) - 1
    path = copy / f"core-{shard:06d}.tar"
    spoilt = bytearray(path.read_bytes())
    spoilt[int(dataset.rows[place]["offset"]) + 700] ^= 1
    path.write_bytes(spoilt)
    damaged = next(b for s in load_all(dataset, 0, 1, plan.longest()) for b in s.microbatches if b.uids == alone.uids)
    for batch in (filler, damaged):
        assert batch.weight.tolist() == [0]
        assert batch.prompt.shape == (1, ROWS, WIDTH)
        assert batch.prompt_lengths.tolist() == [ROWS]
        assert not batch.prompt.any()


def test_verify_finds_prompts_of_another_number_of_rows(corpus, silent, tmp_path):
    """A data set of frames whose dataset.json promises a fixed number of rows."""
    store = fill(tmp_path / "store", FRAMES, random_features(corpus, FRAMES))
    info = build(corpus.options(tmp_path / "set", features=store, manifest=silent))
    promised = dataclasses.replace(info, conditioning_rows=20)
    (tmp_path / "set/dataset.json").write_bytes(info_to_json(promised))
    findings = verify(tmp_path / "set").findings
    named = {uid for finding in findings for uid in finding.ids}
    frames = {record["id"].tobytes().hex(): int(record["n_prompt"]) for record in Dataset.open(tmp_path / "set").rows}
    assert named == {uid for uid, count in frames.items() if count not in (0, 20)}
    assert named
    assert any("conditioning_rows = 20, its own parts say 0" in finding.what for finding in findings)


def test_a_data_set_of_the_format_before_is_refused(copy):
    values = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps(values | {"format": 1}))
    with pytest.raises(InputError, match="has format 1, this program reads format 2: pack again"):
        Dataset.open(copy)
