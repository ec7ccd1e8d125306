"""Sound files and spectrograms."""
