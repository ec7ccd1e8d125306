"""Teach pretrained autoregressive speech models to speak Amharic."""

__version__ = "0.1.0"
