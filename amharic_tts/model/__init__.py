"""The speech language model: one causal transformer over conditioning, text and codes."""
