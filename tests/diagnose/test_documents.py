"""The curves of the founding documents, with what their authors concluded."""

import pytest
from diagnose.tables import curves, names

from amharic_tts.diagnose.diagnose import diagnose

# Document 002: 37.7 hours at 1e-6; loss at the ends of epochs, and a validation loss (its level is not given) that rose by
# 0.197 in epoch 1. They concluded: rate far too low, and overfitting.
SLOW = [0.571, 0.504, 0.428, 0.389]
# Document 002: what was expected at 1e-5.
HEALTHY_002 = [0.571, 0.350, 0.220, 0.160]
# Document 003: 525 clips at 2e-4: "loss instability", "learning rate too high for small dataset".
BOUNCING = [13.18, 7.71, 6.93, 9.11]
# Document 003: what was expected at 5e-5, by epochs.
HEALTHY_003 = ([1, 5, 10, 20, 30, 50, 75, 100], [13.0, 10.5, 8.2, 5.8, 4.1, 2.5, 1.8, 1.5])


@pytest.mark.parametrize("lr", [None, 1e-6])
@pytest.mark.parametrize("level", [0.6, 1.5, 3.0, 5.0])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_002_is_too_slow_and_overfits(lr, level, first):
    validation = [None] * 4
    validation[first : first + 2] = [level, level + 0.197]
    columns = {"train": SLOW, "validation": validation} | ({"lr": [lr] * 4} if lr else {})
    assert names(**columns) == {"lr_too_low", "overfitting"}


def test_002_without_its_validation_is_too_slow():
    assert names(train=SLOW) == names(train=SLOW, lr=[1e-6, 5e-7, 2.5e-7, 1.25e-7]) == {"lr_too_low"}
    (finding,) = diagnose(curves(train=SLOW, lr=[1e-6] * 4))
    assert "0.571" in finding.evidence
    assert "0.389" in finding.evidence
    assert "1e-06 to 1e-05" in finding.advice  # ten times, as the document did
    (unsure,) = diagnose(curves(train=SLOW))
    assert unsure.confidence < finding.confidence


@pytest.mark.parametrize("lr", [None, 2e-4])
def test_003_bounces_because_the_rate_is_too_high(lr):
    columns = {"train": BOUNCING} | ({"lr": [lr] * 4} if lr else {})
    found = {finding.name: finding for finding in diagnose(curves(**columns))}
    assert set(found) == {"lr_too_high", "unstable"}
    assert "6.93" in found["lr_too_high"].evidence
    assert "9.11" in found["lr_too_high"].evidence
    if lr:
        assert "0.0002 to 5e-05" in found["lr_too_high"].advice  # a quarter, as the document did


def test_the_healthy_curves_of_002_and_003_are_healthy():
    steps, losses = HEALTHY_003
    assert names(train=HEALTHY_002) == names(train=HEALTHY_002, lr=[1e-5] * 4) == set()
    assert names(train=HEALTHY_002, validation=[0.62, 0.41, 0.30, 0.26]) == set()
    assert names(step=steps, train=losses) == names(step=steps, train=losses, lr=[5e-5] * 8) == set()
    assert names(step=steps, train=losses, validation=[1.03 * loss for loss in losses]) == set()


def test_ninety_epochs_of_rising_evaluation_are_overfitting():
    """PITFALLS 2.1, 7: evaluation 3.4 → 8.6 over 90 epochs, with nothing else to go by."""
    assert names(validation=[3.4 + 5.2 * i / 18 for i in range(19)]) == {"overfitting"}


def test_a_loss_that_sticks_at_4_8_is_a_plateau():
    """PITFALLS 1: text 4.5, codes 4.8 up to step 38 000."""
    losses = [
        8.9,
        6.4,
        5.3,
        4.95,
        4.84,
        4.81,
        4.80,
        4.79,
        4.81,
        4.80,
        4.79,
        4.80,
        4.81,
        4.80,
        4.80,
        4.79,
        4.80,
        4.80,
        4.80,
    ]
    assert names(step=[2000 * (i + 1) for i in range(19)], train=losses, lr=[5e-5] * 19) == {"plateau"}
