"""How often the rules are right, over generated runs: what is sick is named, what is healthy is left in peace."""

import numpy as np
import pytest
from diagnose import generated
from diagnose.tables import names

LONG = 700  # points from which a few seeds must do: the curves are slow to make, and noise decides nothing any more


def seeds(n: int, most: int) -> range:
    return range(most if n < LONG else max(2, most // 6))


def test_healthy_runs_have_no_finding():
    runs = [(n, seed) for n in generated.LENGTHS for seed in seeds(n, 24)]
    alarms = {
        (n, seed): found
        for n, seed in runs
        if (found := names(**generated.healthy(np.random.default_rng([1, n, seed]), n)))
    }
    assert len(alarms) <= 0.015 * len(runs), alarms


def test_a_resume_that_loses_nothing_has_no_finding():
    runs = [(n, seed) for n in (25, 100, 700) for seed in seeds(n, 24)]
    alarms = {
        (n, seed): found
        for n, seed in runs
        if (found := names(**generated.healthy_resume(np.random.default_rng([2, n, seed]), n)))
    }
    assert len(alarms) <= 0.04 * len(runs), alarms


@pytest.mark.parametrize("name", generated.SICK)
def test_sicknesses_are_named(name):
    maker, least, beside = generated.SICK[name]
    runs = [(n, seed) for n in generated.LENGTHS if n >= least for seed in seeds(n, 12)]
    missed, wrong = [], []
    for n, seed in runs:
        found = names(**maker(np.random.default_rng([3, n, seed]), n))
        if name not in found:
            missed.append((n, seed))
        if found - {name} - beside - ({"lr_too_low"} if name == "nothing_learned" else set()):
            wrong.append((n, seed, found))
    # A plateau in few noisy points looks like a run that converges: there silence is the better mistake.
    assert len(missed) <= (0.35 if name == "plateau" else 0.15) * len(runs), missed
    assert len(wrong) <= 0.06 * len(runs), wrong


@pytest.mark.parametrize("name", ["plateau", "lr_too_low", "nothing_learned"])
def test_many_points_make_sure(name):
    maker = generated.SICK[name][0]
    found = [name in names(**maker(np.random.default_rng([4, seed]), 2000)) for seed in range(8)]
    assert sum(found) >= 7
