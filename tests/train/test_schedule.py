import pytest
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.train.recipe import ScheduleSection
from amharic_tts.train.schedule import learning_rate_share

schedules = st.builds(
    ScheduleSection,
    kind=st.sampled_from(["constant", "linear", "cosine"]),
    warmup_steps=st.integers(0, 50),
    warmup_share=st.floats(0, 0.9),
    final_share=st.floats(0, 1),
)


@given(schedules, st.integers(52, 500))
def test_it_rises_to_one_then_falls_to_its_floor(schedule, total):
    shares = [learning_rate_share(step, total, schedule) for step in range(total)]
    peak = max(schedule.warmup_steps, round(schedule.warmup_share * total))
    assert all(0 < share <= 1 for share in shares[: peak + 1])
    assert shares[:peak] == sorted(shares[:peak])
    assert shares[peak] == 1
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
    assert shares[-1] == pytest.approx(1 if schedule.kind == "constant" else schedule.final_share)


def test_cosine_is_halfway_in_the_middle():
    assert learning_rate_share(50, 101, ScheduleSection("cosine", final_share=0.0)) == pytest.approx(0.5)
