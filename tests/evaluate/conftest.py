"""What the tests of evaluate/ share."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from evaluate.small_run import SAMPLE_RATE, TEXTS, ToneSynthesizer, make_evaluation, make_rows, make_run, tone


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory) -> Path:
    """A run with everything in it; tests only read it."""
    return make_run(tmp_path_factory.mktemp("complete"))


@pytest.fixture(scope="session")
def chords() -> SimpleNamespace:
    """The parts of small_run.py, for tests that build their own."""
    return SimpleNamespace(
        tone=tone,
        rows=make_rows,
        run=make_run,
        evaluation=make_evaluation,
        synthesizer=ToneSynthesizer,
        texts=TEXTS,
        sample_rate=SAMPLE_RATE,
    )
