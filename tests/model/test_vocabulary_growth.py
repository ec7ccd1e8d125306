"""Text tables grow to the tokenizer: the base's rows stay, each new row starts where its plan says."""

from dataclasses import replace

import pytest
import torch
from model.indextts2_folder import ADDED, PIECES, SMALL, extended_tokenizer
from text.base_models import base_model

from amharic_tts.errors import InputError
from amharic_tts.model.gpt_parity import seeded_state
from amharic_tts.model.indextts2_keys import COMPUTED, from_reference
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.model.vocabulary_growth import TABLES, grow_table, grow_vocabulary
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import Tokenizer
from amharic_tts.text.vocab.initialisation import Initialisation, NewRow


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return from_reference({key: v for key, v in seeded_state(SMALL).items() if not COMPUTED.fullmatch(key)})


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return extended_tokenizer()


@pytest.fixture(scope="module")
def grown(state, tokenizer):
    return grow_vocabulary(state, SMALL, tokenizer)


def test_rows_of_the_base_are_the_same_bit_for_bit(state, grown):
    for table in TABLES:
        assert torch.equal(grown[0][table][:PIECES], state[table][:PIECES])


def test_the_spare_row_stays_the_last(state, grown):
    """IndexTTS-2 has a row that no id reaches. It must not become the first new piece."""
    for table in TABLES:
        assert torch.equal(grown[0][table][-1], state[table][PIECES])
        assert not torch.equal(grown[0][table][PIECES], state[table][PIECES])


def test_a_model_without_a_spare_row_gets_none(state, tokenizer):
    without = state | {table: state[table][:PIECES] for table in TABLES}
    ours, config, _ = grow_vocabulary(without, replace(SMALL, text_rows=PIECES), tokenizer)
    assert config.text_rows == tokenizer.size == ours["text_head.bias"].size(0)


def test_sizes_are_the_tokenizers(grown, tokenizer):
    state, config, growth = grown
    assert config == replace(SMALL, text_rows=tokenizer.size + 1)
    SpeechLM(config).load_state_dict(state, strict=True)
    assert (growth.before, growth.after, growth.base_size) == (PIECES + 1, tokenizer.size + 1, PIECES)
    assert sum(growth.found.values()) == ADDED
    for part in (f"from {PIECES + 1} to {tokenizer.size + 1} rows", f"{PIECES} kept", "romanised"):
        assert part in str(growth)


def test_other_tensors_are_untouched(state, grown):
    assert all(grown[0][name] is state[name] for name in state.keys() - set(TABLES))
    assert grown[0].keys() == state.keys()
    assert state["text_head.bias"].size(0) == PIECES + 1


def test_the_seed_decides(state, tokenizer, grown):
    again, *_ = grow_vocabulary(state, SMALL, tokenizer)
    other, *_ = grow_vocabulary(state, SMALL, tokenizer, seed=1)
    for table in TABLES:
        assert torch.equal(again[table], grown[0][table])
        assert not torch.isclose(other[table][PIECES:-1], grown[0][table][PIECES:-1]).any(-1).all()


def test_each_table_has_its_own_noise(state, tokenizer):
    alike = state | {TABLES[1]: state[TABLES[0]]}
    grown, *_ = grow_vocabulary(alike, SMALL, tokenizer)
    assert not (grown[TABLES[0]][PIECES:-1] == grown[TABLES[1]][PIECES:-1]).any()


@pytest.mark.parametrize("table", TABLES)
def test_new_rows_are_the_mean_of_their_sources_with_the_noise_that_it_lacks(state, grown, tokenizer, table):
    plan, base = tokenizer.initialisation, state[table]
    deviation = base[list(plan.ordinary)].std(0)
    noise = []
    for row in plan.rows:
        share = (1 - 1 / max(2, len(row.sources))) ** 0.5
        noise.append((grown[0][table][row.id] - base[list(row.sources)].mean(0)) / (deviation * share))
    noise = torch.stack(noise).flatten()
    bound = 5 / noise.numel() ** 0.5
    assert abs(noise.mean()) < bound
    assert abs(noise.std() - 1) < bound


def plan_of(rows: list[tuple[int, ...]], size: int) -> Initialisation:
    new = tuple(NewRow(size + i, f"p{i}", "piece", sources) for i, sources in enumerate(rows))
    return Initialisation(size, "", "", tuple(range(3, size)), new)


@pytest.mark.parametrize("sources", [2, 3, 8, 297])
def test_new_rows_spread_as_the_bases_do(sources):
    """However many rows a mean is of, a new row is as large as a row of the base; column by column."""
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([0.01, 0.1, 1.0, 10.0])
    table = torch.randn(300, 4, generator=generator) * scale
    chosen = [tuple((3 + torch.randperm(297, generator=generator)[:sources]).tolist()) for _ in range(4000)]
    grown, deviation = grow_table(table, plan_of(chosen, 300), generator)
    ratio = grown[300:].std(0) / table[3:].std(0)
    assert ((ratio > 0.93) & (ratio < 1.07)).all()
    assert deviation == pytest.approx(float(table[3:].std(0).square().mean().sqrt()), rel=1e-5)


def test_pieces_of_one_spelling_do_not_start_as_one_row():
    table = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    grown, _ = grow_table(table, plan_of([(7,), (7,)], 50), torch.Generator().manual_seed(0))
    assert (grown[50] != grown[51]).all()
    assert (grown[50] != table[7]).all()


def test_half_precision_tables_keep_their_values():
    table = torch.randn(50, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    grown, _ = grow_table(table, plan_of([(7, 8)], 50), torch.Generator())
    assert grown.dtype == torch.float32
    assert torch.equal(grown[:50], table.float())


@pytest.mark.parametrize("rows", [PIECES - 1, PIECES + 2, PIECES + ADDED + 1])
def test_a_model_of_another_base_is_refused(state, tokenizer, rows):
    with pytest.raises(InputError, match=f"base of {PIECES} pieces, but the model has {rows} text rows"):
        grow_vocabulary(state, replace(SMALL, text_rows=rows), tokenizer)


def test_tables_of_other_sizes_are_an_error(state, tokenizer):
    with pytest.raises(ValueError, match=r"text_head\.bias"):
        grow_vocabulary(state | {"text_head.bias": torch.zeros(3)}, SMALL, tokenizer)


def test_a_vocabulary_that_extends_nothing_is_refused(state):
    with pytest.raises(InputError, match="extends no base"):
        grow_vocabulary(state, SMALL, Tokenizer(base_model(PIECES), TextFrontEnd()))


def test_start_and_stop_must_be_where_the_model_has_them(state, tokenizer, monkeypatch):
    monkeypatch.setattr(Tokenizer, "special_ids", lambda self: {1, 2})
    with pytest.raises(InputError, match="must be start and stop"):
        grow_vocabulary(state, SMALL, tokenizer)


def test_a_plan_of_another_vocabulary_is_refused(state, tokenizer):
    short = replace(tokenizer.initialisation, rows=tokenizer.initialisation.rows[:-1])
    other = extended_tokenizer()
    other.initialisation = short
    with pytest.raises(InputError, match="its plan"):
        grow_vocabulary(state, SMALL, other)
