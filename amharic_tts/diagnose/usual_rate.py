"""Learning rates that are usual, for judging one that was chosen."""

RATE_TIMES_WIDTH = 0.4
"""Peak rate of Adam times the model's width. GPT-3's table 2.1 (arXiv:2005.14165) has 0.31 to 0.46 from width 768 to 2560;
the demo has 0.51."""


def usual_rate_from_nothing(width: int) -> float:
    """Peak learning rate of a transformer of this width that starts from random weights."""
    return RATE_TIMES_WIDTH / width
