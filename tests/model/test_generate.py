import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.errors import InputError
from amharic_tts.model.generate import generate
from amharic_tts.model.sampling import SamplingOptions, choose, distribution


def by_hand(model, prompt, lengths, text, text_lengths, count):
    """Greedy generation without a cache: the whole sequence runs again for every code."""
    codes = torch.zeros(1, 0, dtype=torch.long)
    for _ in range(count):
        n = torch.tensor([codes.size(1)])
        hidden, _, start = model.hidden(prompt, lengths, text, text_lengths, codes, n)
        logits = model.code_head(hidden[0, start[0] + n[0]])
        logits[model.config.start_code] = -torch.inf
        code = int(logits.argmax())
        if code == model.config.stop_code:
            break
        codes = torch.cat([codes, torch.tensor([[code]])], 1)
    return codes[0].tolist()


@torch.no_grad()
def test_the_cache_changes_nothing(tiny_model, batch):
    """Rows of a mixed batch, cached, equal each row alone without a cache."""
    prompt, pl, text, tl, *_ = batch
    results = generate(tiny_model, prompt, pl, text, tl, SamplingOptions(temperature=0, max_codes=30))
    for i, result in enumerate(results):
        alone = by_hand(tiny_model, prompt[i : i + 1], pl[i : i + 1], text[i : i + 1, : tl[i]], tl[i : i + 1], 30)
        assert result.codes.tolist() == alone


def test_a_seed_gives_the_same_speech_whoever_is_beside_it(tiny_model, batch):
    prompt, pl, text, tl, *_ = batch
    options = SamplingOptions(temperature=1.0, top_k=0, top_p=1.0, seed=3, max_codes=25)
    three = generate(tiny_model, prompt, pl, text, tl, options)
    one = generate(tiny_model, prompt[:1], pl[:1], text[:1, : tl[0]], tl[:1], options)
    assert three[0].codes.tolist() == one[0].codes.tolist()
    other = generate(tiny_model, prompt, pl, text, tl, SamplingOptions(1.0, 0, 1.0, seed=4, max_codes=25))
    assert any(a.codes.tolist() != b.codes.tolist() for a, b in zip(three, other, strict=True))


@pytest.mark.parametrize("bias", [1e4, -1e4])
def test_the_stop_code_stops(tiny_model, batch, bias):
    prompt, pl, text, tl, *_ = batch
    with torch.no_grad():
        tiny_model.code_head.bias[tiny_model.config.stop_code] = bias
    results = generate(tiny_model, prompt, pl, text, tl, SamplingOptions(max_codes=8))
    assert [r.stopped for r in results] == [bias > 0] * 3
    assert [len(r.codes) for r in results] == [0 if bias > 0 else 8] * 3
    assert all((r.codes < tiny_model.config.start_code).all() for r in results)


logit_rows = st.lists(st.floats(-20, 20), min_size=2, max_size=40).map(lambda v: torch.tensor([v]))


@given(logit_rows, st.integers(0, 50), st.floats(0.05, 1), st.floats(0.1, 2), st.floats(0, 0.999999))
def test_what_is_drawn_is_allowed(logits, top_k, top_p, temperature, uniform):
    """Never outside top-k; never a code before which top_p is already full; probabilities sum to one."""
    options = SamplingOptions(temperature, top_k, top_p)
    probability, codes = distribution(logits, options)
    assert float(probability.sum()) == pytest.approx(1, abs=1e-5)
    drawn = choose(logits, torch.zeros_like(logits, dtype=torch.bool), options, torch.tensor([uniform]))
    place = codes[0].tolist().index(int(drawn))
    assert probability[0, place] > 0
    exact = (logits.double() / temperature).softmax(-1)[0]
    better = exact[exact > exact[int(drawn)]]
    assert len(better) < (top_k or logits.size(1))
    if not top_k:
        assert better.sum() < top_p + 1e-4


def test_draws_follow_the_distribution():
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]]).expand(20000, -1)
    uniform = torch.rand(20000, generator=torch.Generator().manual_seed(0))
    drawn = choose(logits, torch.zeros_like(logits, dtype=torch.bool), SamplingOptions(1.0, 0, 1.0), uniform)
    share = torch.bincount(drawn, minlength=4) / 20000
    assert torch.allclose(share, logits[0].softmax(-1), atol=0.015)


def test_what_was_said_becomes_less_likely():
    logits = torch.tensor([[1.0, 2.0, -1.0]])
    said = torch.tensor([[False, True, False]])
    greedy = SamplingOptions(temperature=0, repetition_penalty=3.0)
    assert int(choose(logits, torch.zeros_like(said), greedy, torch.zeros(1))) == 1
    assert int(choose(logits, said, greedy, torch.zeros(1))) == 0


def test_options_out_of_range_are_refused():
    for wrong in ({"temperature": -1}, {"top_p": 0}, {"repetition_penalty": 0.5}, {"top_k": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            SamplingOptions(**wrong)
