"""What curves say about a run: too slow, too fast, unstable, stuck, overfitting … Rules on plain arrays, no torch, no files."""
