"""Charts draw every value where it belongs, and escape what they are given."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.evaluate.curves import Series, chart, decades, percent, scientific, short, smooth, thin, ticks

finite = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


def polylines(markup: str, style: str = "") -> list[list[tuple[float, float]]]:
    """The points of each polyline whose class contains `style`."""
    found = re.findall(r'<polyline class="([^"]*)" points="([^"]*)"', markup)
    return [[tuple(map(float, p.split(","))) for p in points.split()] for kind, points in found if style in kind]


@given(finite, finite)
def test_ticks_are_even_round_and_enclose_the_values(one, other):
    low, high = min(one, other), max(one, other)
    marks = ticks(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack
    assert 2 <= len(marks) <= 9


@given(st.floats(1e-6, 1e6), st.floats(1.0, 1e6))
def test_decades_enclose_the_values(low, ratio):
    marks = decades(low, low * ratio)
    assert marks[0] <= low * (1 + 1e-6)
    assert marks[-1] >= low * ratio * (1 - 1e-6)
    assert marks == sorted(marks)


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=900))
def test_thinning_keeps_the_ends_and_the_range(values):
    points = list(enumerate(values))
    kept = thin(points, 50)
    assert len(kept) <= 50
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    known = [y for y in values if y is not None]
    assert all(min(known) - 1e-9 <= y <= max(known) + 1e-9 for _, y in kept if y is not None)


def test_smoothing_neither_lags_nor_moves_a_straight_line():
    line = [(x, 3.0 * x + 1) for x in range(200)]
    for (_, y), (_, smoothed) in zip(line, smooth(line), strict=True):
        assert smoothed == pytest.approx(y)


def test_a_chart_is_well_formed_and_draws_every_point():
    markup = chart("loss", [Series("training", [(x, 10.0 - x) for x in range(10)])])
    ElementTree.fromstring(markup)
    (points,) = polylines(markup)
    assert len(points) == 10
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points)  # falling values: y of SVG grows downwards


def test_gaps_break_the_line_and_are_not_drawn_as_values():
    markup = chart("norm", [Series("norm", [(0, 1.0), (1, 2.0), (2, None), (3, float("nan")), (4, 1.5), (5, 1.0)])])
    assert [len(points) for points in polylines(markup)] == [2, 2]


def test_noisy_curves_have_a_faint_and_a_smoothed_line_and_dotted_ones_dots():
    points = [(x, float(x % 2)) for x in range(300)]
    noisy = chart("noise", [Series("train", points, noisy=True)])
    (faint,), lines = polylines(noisy, "faint"), polylines(noisy)
    smoothed = next(line for line in lines if line != faint)
    height = [max(y for _, y in line[20:-20]) - min(y for _, y in line[20:-20]) for line in (faint, smoothed)]
    assert height[1] < height[0] / 4
    assert chart("dots", [Series("held out", points[:7], dots=True)]).count("<circle") == 7


def test_a_logarithmic_axis_spaces_factors_evenly():
    markup = chart("norm", [Series("norm", [(0, 0.0), (1, 1.0), (2, 10.0), (3, 100.0)])], logarithmic=True)
    ((_, one), (_, ten), (_, hundred)) = polylines(markup)[0]
    assert one - ten == pytest.approx(ten - hundred, abs=0.2)


def test_nothing_to_draw_is_no_chart_and_one_value_is_one():
    assert chart("empty", []) == ""
    assert chart("empty", [Series("none", [(0, None)])]) == ""
    one = chart("one", [Series("one", [(5, 2.0)])])
    ElementTree.fromstring(one)
    assert one.count("<circle") == 1
    ElementTree.fromstring(chart("constant", [Series("constant", [(0, 0.0), (1, 0.0)])], from_zero=True))


def test_names_are_escaped():
    markup = chart("<b>&", [Series('<script>"', [(0, 1.0), (1, 2.0)], dots=True)])
    ElementTree.fromstring(markup)
    assert "<script>" not in markup
    assert "<b>&<" not in markup


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [(short, 0.5, "0.5"), (short, 12000.0, "12,000"), (short, 2e6, "2e6"), (scientific, 0.0015, "1.5e-3"),
     (scientific, 0.0, "0"), (percent, 0.125, "12.5 %")],
)  # fmt: skip
def test_figures_read_well(form, value, text):
    assert form(value) == text
