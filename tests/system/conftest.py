"""A small corpus and jobs on it. What takes long is made once per test session."""

import pytest
from system.commands import Corpus, Job, done, make_job, tool
from system.taught import Taught, make_taught


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Corpus:
    """The demo's first stages, small, through their commands."""
    folder = tmp_path_factory.mktemp("demo")
    data, shards = folder / "data", folder / "shards"
    small = ("--numbers", 60, "--held-out-numbers", 6, "--held-out-speaker-rows", 4, "--sentences", 6, "--workers", 2)
    done(tool("make_demo_corpus", "--out", data, *small))
    done(tool("train_vocab", "--manifest", data / "train.jsonl", "--out", data / "tokenizer", "--size", 600))
    done(tool("fit_codec", "--manifest", data / "train.jsonl", "--out", data / "codec", "--size", 32))
    for split in ("train", "held_out_texts", "held_out_speaker"):
        manifest, out = data / f"{split}.jsonl", shards / split
        made_with = ("--tokenizer", data / "tokenizer", "--codec", data / "codec", "--rows-per-shard", 32)
        done(tool("build_shards", "--manifest", manifest, "--out", out, *made_with))
    return Corpus(data, shards)


@pytest.fixture
def new_job(corpus, tmp_path):
    """A function that makes a job; keyword arguments are laid on the recipe's sections or on the DeepSpeed JSON."""

    def new(name: str = "job", machine: dict | None = None, **sections) -> Job:
        return make_job(tmp_path / name, corpus, machine, **sections)

    return new


@pytest.fixture(scope="session")
def spoken(corpus, tmp_path_factory) -> Job:
    """A short run that has ended, made once, for tests that only read it."""
    job = make_job(tmp_path_factory.mktemp("spoken") / "job", corpus, run={"steps": 2})
    done(job.train())
    return job


@pytest.fixture(scope="session")
def taught(tmp_path_factory) -> Taught:
    """A small IndexTTS-2 with shards for it."""
    return make_taught(tmp_path_factory.mktemp("taught"))
