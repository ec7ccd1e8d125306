"""Training: configuration, engine set-up, the loop, checkpoints, validation, monitors. The only room with DeepSpeed."""
