"""Speaking with what was trained: text and a voice in, a wave out."""
