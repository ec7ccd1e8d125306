"""Recordings → what IndexTTS-2 is trained on: codes, and the conditioning that its frozen encoders give a prompt."""
