"""From a manifest of recordings to the batches of one training step."""
