"""Vocabularies: trained from a corpus, or grown from that of a base model, measured and reported."""
