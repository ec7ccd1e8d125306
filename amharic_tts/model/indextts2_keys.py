"""Names of IndexTTS-2's `gpt.pth` tensors ↔ names in `SpeechLM`, and the layout changes between them.

The reference stores GPT-2's projections as (in, out) and 1×1 convolutions with a trailing axis; here both are plain
linear layers, so import transposes or drops the axis and export does the reverse.
"""

import re

from torch import Tensor

# (theirs, ours). `#` is a number and `*` is weight or bias; both names have the same ones in the same order. Order of
# the lines does not matter: each name matches at most one of them.
PAIRS: tuple[tuple[str, str], ...] = (
    ("text_embedding.weight", "text_embedding.weight"),
    ("mel_embedding.weight", "code_embedding.weight"),
    ("speed_emb.weight", "duration_embedding.weight"),
    ("text_pos_embedding.emb.weight", "text_position.weight"),
    ("mel_pos_embedding.emb.weight", "code_position.weight"),
    ("final_norm.*", "norm.*"),
    ("text_head.*", "text_head.*"),
    ("mel_head.*", "code_head.*"),
    ("emovec_layer.*", "prompt_encoder.emotion_in.*"),
    ("emo_layer.*", "prompt_encoder.emotion_out.*"),
    ("gpt.ln_f.*", "trunk.norm.*"),
    ("gpt.h.#.ln_1.*", "trunk.blocks.#.attention_norm.*"),
    ("gpt.h.#.ln_2.*", "trunk.blocks.#.feed_norm.*"),
    ("gpt.h.#.attn.c_attn.*", "trunk.blocks.#.attention.query_key_value.*"),
    ("gpt.h.#.attn.c_proj.*", "trunk.blocks.#.attention.out.*"),
    ("gpt.h.#.mlp.c_fc.*", "trunk.blocks.#.feed_up.*"),
    ("gpt.h.#.mlp.c_proj.*", "trunk.blocks.#.feed_down.*"),
    *(
        (their_prefix + theirs, our_prefix + ours)
        for their_prefix, our_prefix in (("", "prompt_encoder.conditioning."), ("emo_", "prompt_encoder.emotion."))
        for theirs, ours in (
            ("conditioning_encoder.embed.conv.0.*", "conformer.embed.conv.*"),
            ("conditioning_encoder.embed.out.0.*", "conformer.embed.project.*"),
            ("conditioning_encoder.after_norm.*", "conformer.norm.*"),
            *(
                ("conditioning_encoder.encoders.#." + inner, "conformer.blocks.#." + our_inner)
                for inner, our_inner in (
                    ("self_attn.pos_bias_u", "attention.content_bias"),
                    ("self_attn.pos_bias_v", "attention.position_bias"),
                    ("self_attn.linear_q.*", "attention.query.*"),
                    ("self_attn.linear_k.*", "attention.key.*"),
                    ("self_attn.linear_v.*", "attention.value.*"),
                    ("self_attn.linear_out.*", "attention.out.*"),
                    ("self_attn.linear_pos.weight", "attention.position.weight"),
                    ("feed_forward.w_1.*", "feed_up.*"),
                    ("feed_forward.w_2.*", "feed_down.*"),
                    ("conv_module.pointwise_conv1.*", "convolution.gate.*"),
                    ("conv_module.depthwise_conv.*", "convolution.depthwise.*"),
                    ("conv_module.norm.*", "convolution.norm.*"),
                    ("conv_module.pointwise_conv2.*", "convolution.out.*"),
                    ("norm_mha.*", "attention_norm.*"),
                    ("norm_conv.*", "convolution_norm.*"),
                    ("norm_ff.*", "feed_norm.*"),
                    ("norm_final.*", "final_norm.*"),
                )
            ),
            ("perceiver_encoder.latents", "perceiver.latents"),
            ("perceiver_encoder.proj_context.*", "perceiver.project.*"),
            ("perceiver_encoder.layers.#.0.to_q.weight", "perceiver.attentions.#.query.weight"),
            ("perceiver_encoder.layers.#.0.to_kv.weight", "perceiver.attentions.#.key_value.weight"),
            ("perceiver_encoder.layers.#.0.to_out.weight", "perceiver.attentions.#.out.weight"),
            ("perceiver_encoder.layers.#.1.0.*", "perceiver.feeds.#.up.*"),
            ("perceiver_encoder.layers.#.1.2.*", "perceiver.feeds.#.down.*"),
            ("perceiver_encoder.norm.gamma", "perceiver.norm.gain"),
        )
    ),
)

COMPUTED = re.compile(r"(emo_)?conditioning_encoder\.embed\.pos_enc\.pe|gpt\.h\.\d+\.attn\.(masked_)?bias")
"""Constants of the architecture in the reference's state: sinusoid tables, and the causal masks that old versions of
transformers stored. Computed here, never loaded."""

TRANSPOSED = re.compile(r"gpt\.h\.\d+\.(attn|mlp)\.c_\w+\.weight")
POINTWISE = re.compile(r".*\.pointwise_conv[12]\.weight")


def compiled(template: str) -> re.Pattern:
    """A name of `PAIRS` as a pattern."""
    return re.compile(re.escape(template).replace(r"\#", r"(\d+)").replace(r"\*", "(weight|bias)"))


THEIRS_TO_OURS = tuple((compiled(theirs), ours) for theirs, ours in PAIRS)
OURS_TO_THEIRS = tuple((compiled(ours), theirs) for theirs, ours in PAIRS)


def translate(name: str, table: tuple[tuple[re.Pattern, str], ...]) -> str | None:
    """The other side of the line that `name` matches, with its numbers; None when it matches none."""
    for pattern, other in table:
        if match := pattern.fullmatch(name):
            parts = iter(match.groups())
            return re.sub(r"[#*]", lambda _: next(parts), other)  # noqa: B023
    return None


def our_name(key: str) -> str | None:
    """The name in `SpeechLM` of a reference tensor, or None for a key that has no place."""
    return translate(key, THEIRS_TO_OURS)


def reference_name(name: str) -> str | None:
    """The reference's key of a tensor of `SpeechLM`, or None for one that the reference does not have."""
    return translate(name, OURS_TO_THEIRS)


def our_layout(key: str, value: Tensor) -> Tensor:
    """A reference tensor in the layout of `SpeechLM`."""
    if TRANSPOSED.fullmatch(key):
        return value.t()
    return value.squeeze(-1) if POINTWISE.fullmatch(key) else value


def reference_layout(key: str, value: Tensor) -> Tensor:
    """A tensor of `SpeechLM` in the layout that the reference has for `key`."""
    if TRANSPOSED.fullmatch(key):
        return value.t()
    return value.unsqueeze(-1) if POINTWISE.fullmatch(key) else value


def from_reference(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A reference state dict under our names. Raises KeyError with every key that is neither known nor computed."""
    unknown = [key for key in state if our_name(key) is None and not COMPUTED.fullmatch(key)]
    if unknown:
        raise KeyError(f"{len(unknown)} keys have no place in the model: {', '.join(sorted(unknown))}")
    kept = {key: value for key, value in state.items() if not COMPUTED.fullmatch(key)}
    return {our_name(key): our_layout(key, value).float().contiguous() for key, value in kept.items()}
