"""Sizes of the speech language model."""

from dataclasses import asdict, dataclass, field

# Setting → smallest, largest. Sizes also come from files of others, and nothing should be built that no one has meant.
LIMITS = {
    "text_rows": (3, 2**16 + 1),  # ids are stored in 16 bits, and one row may be spare
    "code_rows": (3, 2**15 + 2),  # codes are stored in 15 bits
    "dim": (2, 2**14),
    "layers": (1, 256),
    "heads": (1, 256),
    "max_text": (1, 2**14),
    "max_codes": (1, 2**16),
    "conditioning_width": (1, 2**14),
    "generation_offset": (0, 1),
}
ENCODER_LIMITS = {
    "dim": (2, 2**13),
    "linear_units": (1, 2**16),
    "heads": (1, 256),
    "blocks": (1, 64),
    "kernel": (1, 255),
    "perceiver_mult": (1, 16),
    "latents": (1, 1024),
    "latent_dim": (0, 2**14),
}


@dataclass(frozen=True)
class ConformerConfig:
    """A conformer over feature frames, then a perceiver that reads a fixed number of latents from it."""

    dim: int = 512
    linear_units: int = 2048
    heads: int = 8
    blocks: int = 6
    kernel: int = 15
    """Width of the depthwise convolution, in frames; odd."""
    perceiver_mult: int = 2
    latents: int = 32
    """Rows that the perceiver hands to the trunk."""
    zero_padding: bool = True
    """Keep padding frames zero inside the convolutions, so that a row does not depend on its neighbours' lengths. The
    reference does not; on prompts without padding, as in its own inference, both are the same."""
    latent_dim: int = 0
    """Width of the latents; 0 means the trunk's width."""


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of `SpeechLM`. The defaults are IndexTTS-2's GPT: 866 M parameters."""

    text_rows: int = 12001
    """Rows of the text embedding and head; the tokenizer's size or one more (IndexTTS-2 has one spare row)."""
    code_rows: int = 8194
    """Rows of the code embedding and head: the codec's size + 2 (start = size, stop = size + 1)."""
    dim: int = 1280
    layers: int = 24
    heads: int = 20
    max_text: int = 600
    """Longest text, in tokens without start and stop."""
    max_codes: int = 1815
    """Longest speech, in codes without start and stop; 50 a second."""
    conditioning_width: int = 1024
    """Width of one conditioning frame: 1024 for w2v-bert, 80 for log-mel."""
    stored_conditioning: bool = False
    """Prompts come as what the encoders have made of them: the model has no encoders of its own."""
    conditioning: ConformerConfig = field(default_factory=ConformerConfig)
    emotion: ConformerConfig | None = field(
        default_factory=lambda: ConformerConfig(linear_units=1024, heads=4, blocks=4, latents=1, latent_dim=1024)
    )
    """Second encoder whose single latent is added to every conditioning row; None leaves it out."""
    generation_offset: int = 1
    """Added to the position of every generated code after `start`. IndexTTS-2's own inference counts 0, 2, 3, … where
    its forward pass counts 0, 1, 2, …; checkpoints for it keep 1 here. 0 generates as trained."""
    dropout: float = 0.1
    """On embeddings, attention weights and residual branches of the trunk while training."""

    @property
    def start_code(self) -> int:
        return self.code_rows - 2

    @property
    def stop_code(self) -> int:
        return self.code_rows - 1

    @property
    def conditioning_rows(self) -> int:
        """Positions before the text: the latents and two duration embeddings."""
        return self.conditioning.latents + 2

    @property
    def stored_rows(self) -> int:
        """Rows of a stored prompt: the latents and, where there is one, the emotion vector."""
        return self.conditioning.latents + (self.emotion is not None)

    @property
    def positions_per_row(self) -> int:
        """Positions of one sequence beyond its own text tokens and codes: conditioning, start, stop, start."""
        return self.conditioning_rows + 3

    def problems(self) -> list[str]:
        """What makes these sizes unusable, in words; empty when they are sound."""
        found = beyond("model", self, LIMITS)
        for where, dim, heads in (
            ("model", self.dim, self.heads),
            ("model.conditioning", self.conditioning.dim, self.conditioning.heads),
            *([("model.emotion", self.emotion.dim, self.emotion.heads)] if self.emotion else []),
        ):
            if heads > 0 and dim % heads:
                found.append(f"{where}.dim {dim} is not a multiple of {where}.heads {heads}")
        for where, part in (("conditioning", self.conditioning), ("emotion", self.emotion)):
            if part is None:
                continue
            found += beyond(f"model.{where}", part, ENCODER_LIMITS)
            if part.kernel % 2 == 0:
                found.append(f"model.{where}.kernel must be odd, not {part.kernel}")
            if part.dim % 2:
                found.append(f"model.{where}.dim must be even, not {part.dim}")
        if self.emotion and self.emotion.latents != 1:
            found.append(f"model.emotion.latents must be 1, not {self.emotion.latents}")
        if self.conditioning.latent_dim not in (0, self.dim):
            found.append(f"model.conditioning.latent_dim must be 0 or model.dim, not {self.conditioning.latent_dim}")
        if not 0 <= self.dropout < 1:
            found.append(f"model.dropout must be in [0, 1), not {self.dropout}")
        return found

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "ModelConfig":
        values = dict(values)
        values["conditioning"] = ConformerConfig(**values["conditioning"])
        if values.get("emotion") is not None:
            values["emotion"] = ConformerConfig(**values["emotion"])
        return cls(**values)


def beyond(where: str, sizes: ModelConfig | ConformerConfig, limits: dict[str, tuple[int, int]]) -> list[str]:
    """What lies beyond its limits, in words."""
    return [
        f"{where}.{name} must be {low} to {high}, not {getattr(sizes, name)}"
        for name, (low, high) in limits.items()
        if not low <= getattr(sizes, name) <= high
    ]
