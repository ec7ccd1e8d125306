"""Laws of the error rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.evaluate.error_rates import error_rates

letters = st.text(alphabet="ሀለሐመሰአበተ ", min_size=1).map(lambda text: " ".join(text.split())).filter(bool)


@given(st.lists(letters, min_size=1, max_size=5))
def test_reading_everything_right_is_no_error(lines):
    rates = error_rates(lines, lines)
    assert (rates.cer, rates.wer, rates.worst()) == (0.0, 0.0, [])


@given(st.lists(letters, min_size=1, max_size=5))
def test_hearing_nothing_is_all_deletions(lines):
    rates = error_rates(lines, [""] * len(lines))
    assert (rates.cer, rates.wer) == (1.0, 1.0)


@given(st.lists(st.tuples(letters, letters), min_size=2, max_size=6))
def test_the_corpus_rate_weighs_lines_by_their_length(pairs):
    references, hypotheses = zip(*pairs)
    rates = error_rates(references, hypotheses)
    errors = sum(line.cer * len(line.reference) for line in rates.lines)
    assert rates.cer == pytest.approx(errors / sum(map(len, references)))
    assert rates.characters == sum(map(len, references))
    assert rates.words == sum(len(reference.split()) for reference in references)


def test_counts_by_hand():
    rates = error_rates(["አበ ለመ", "ሰ"], ["አበ ሰመ", "ሰ"])  # one of six letters and spaces, one of three words
    assert (rates.cer, rates.wer) == (pytest.approx(1 / 6), pytest.approx(1 / 3))


def test_worst_lines_come_worst_first_and_leave_right_lines_out():
    rates = error_rates(["አበገደ", "አበገደ", "አበገደ"], ["አበገሰ", "አበገደ", "ሰሰሰሰ"])
    assert [line.index for line in rates.worst()] == [2, 0]
    assert [line.index for line in rates.worst(1)] == [2]


@pytest.mark.parametrize(("references", "hypotheses"), [([], []), (["አ"], []), ([""], ["አ"]), ([" "], [""])])
def test_nothing_to_compare_is_refused(references, hypotheses):
    with pytest.raises(ValueError):
        error_rates(references, hypotheses)
