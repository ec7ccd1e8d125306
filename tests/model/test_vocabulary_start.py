"""The measurement of vocabulary starts compares what it says: only the added rows differ, and only their start."""

import pytest
import torch
from bench.vocabulary_start import (
    STARTS,
    Setting,
    Trained,
    exchanged,
    grown,
    learn,
    measure,
    print_table,
    small_model,
    train_base,
)

from amharic_tts.model.vocabulary_growth import TABLES

# whole words are pieces of this base, so that some added pieces are spelled by a single one
TINY = Setting(
    base_numbers=60, tuning_numbers=10, held_out=20, pieces=80, clusters=16, dim=32, layers=1, batch=8, base_steps=20,
    tuning_steps=3, seeds=2,
)  # fmt: skip
PLAIN = "mean of its spelling, no noise"


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_base(TINY)


@pytest.mark.parametrize("start", STARTS)
def test_starts_differ_in_the_added_rows_alone(trained, start):
    base, ours = trained.model.state_dict(), grown(trained, start, seed=1).state_dict()
    size = trained.tokenizer.base_size
    for name, tensor in base.items():
        assert torch.equal(ours[name][:size] if name in TABLES else ours[name], tensor)
    for name in TABLES:
        assert len(ours[name]) == trained.tokenizer.size == size + TINY.added
        assert all(
            not torch.equal(ours[name][size:], grown(trained, other, seed=1).state_dict()[name][size:])
            for other in STARTS.keys() - {start}
        )


def test_pieces_that_one_base_piece_spells_start_as_it_does(trained):
    """Without noise a text of such pieces is the romanised text, to the codes' loss; with any other start it is not."""
    sources = {row.id: row.sources for row in trained.tokenizer.initialisation.rows}
    same = [
        one
        for one in trained.corpus.base
        if [sources.get(piece, (piece,)) for piece in trained.ethiopic(one)]
        == [(piece,) for piece in trained.latin(one)]
    ]
    assert len(same) > 5
    romanised = measure(trained.model, same, trained.latin)
    for start in STARTS:
        found = measure(grown(trained, start, seed=1), same, trained.ethiopic)
        assert (found.code_loss == pytest.approx(romanised.code_loss, abs=1e-6)) == (start == PLAIN)


def test_no_row_keeps_its_text_when_they_are_exchanged(trained):
    rows = trained.corpus.held_out
    other = exchanged(rows)
    assert all(a.codes is b.codes and a.text != b.text for a, b in zip(rows, other))
    assert sorted(one.romanised for one in other) == sorted(one.romanised for one in rows)


def test_the_seed_alone_decides_what_is_learned_when(trained):
    def heard(model, seed):
        order = []

        def encode(one):
            order.append(one.text)
            return trained.ethiopic(one)

        learn(model, trained.corpus.base, encode, 10, 8, 1e-3, seed)
        return order

    size = trained.tokenizer.size
    first, again = small_model(TINY, size, 1), small_model(TINY, size, 1)
    order = heard(first, seed=1)
    assert sorted(order[:60]) == sorted(one.text for one in trained.corpus.base)
    assert heard(again, seed=1) == order == heard(grown(trained, PLAIN, seed=0), seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters()))
    assert heard(again, seed=2) != order


def test_the_held_out_texts_are_heard_by_nobody(trained):
    corpus = trained.corpus
    heard = {one.text for one in (*corpus.base, *corpus.tuning)}
    assert len(heard) == TINY.base_numbers + TINY.tuning_numbers
    assert heard.isdisjoint(one.text for one in corpus.held_out)


def test_the_table_has_a_line_for_every_start(trained, capsys):
    print_table(TINY, trained)
    lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert {len(line) for line in lines} == {7}
    assert [line[0].strip() for line in lines[4:-1]] == list(STARTS)
    assert all(" ± " in cell for line in lines[4:] for cell in line[1:])
