"""Judging speech: an independent recogniser, error rates, and the report of a run."""
