"""What a run will need before any GPU hour is spent: memory by part, time, steps, disk, money; and what a machine with a
GPU measures of it.

The room stands above `model` and `train`'s recipe and configuration. It is the second room that may import deepspeed,
and does so inside functions only: for its estimators, and to put a trial under the real engine.
"""
