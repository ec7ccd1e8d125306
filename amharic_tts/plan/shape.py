"""How large a micro-batch is, in what decides its memory and its arithmetic."""

from dataclasses import dataclass

from amharic_tts.model.config import ModelConfig


@dataclass(frozen=True)
class Shape:
    """One micro-batch on one GPU."""

    rows: int
    longest: int
    """Positions of its longest row, to which the others are padded."""
    text_targets: int
    """Σ (n_text + 1) of its rows: positions with text logits."""
    code_targets: int
    """Σ (n_code + 1): positions with code logits."""
    frames: int = 0
    """Frames of its longest prompt, where the model has encoders of its own."""

    @property
    def positions(self) -> int:
        """Padded positions of the trunk."""
        return self.rows * self.longest


def uniform(config: ModelConfig, rows: int, text: int, codes: int, frames: int = 0) -> Shape:
    """`rows` rows of the same length."""
    return Shape(rows, config.positions_per_row + text + codes, rows * (text + 1), rows * (codes + 1), frames)
