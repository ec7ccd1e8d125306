"""IndexTTS-2's second stage: codes and what the language model thought at them → log-mel frames."""
