"""Amharic text: normalisation and the tokenizer, one frozen and hashed road from writing to ids."""
