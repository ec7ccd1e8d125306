"""Names of IndexTTS-2's `gpt.pth` tensors ↔ names in `SpeechLM`, and the layout changes between them.

The reference stores GPT-2's projections as (in, out) and 1×1 convolutions with a trailing axis; here both are plain
linear layers, so import transposes or drops the axis and export does the reverse.
"""

import re

import torch
from torch import Tensor

# Reference pattern → our name. Groups are carried over. Order does not matter: each name matches at most one line.
PATTERNS: tuple[tuple[str, str], ...] = tuple(
    (re.compile(pattern + "$"), ours)
    for pattern, ours in (
        (r"text_embedding\.weight", "text_embedding.weight"),
        (r"mel_embedding\.weight", "code_embedding.weight"),
        (r"speed_emb\.weight", "duration_embedding.weight"),
        (r"text_pos_embedding\.emb\.weight", "text_position.weight"),
        (r"mel_pos_embedding\.emb\.weight", "code_position.weight"),
        (r"final_norm\.(weight|bias)", r"norm.\1"),
        (r"text_head\.(weight|bias)", r"text_head.\1"),
        (r"mel_head\.(weight|bias)", r"code_head.\1"),
        (r"emovec_layer\.(weight|bias)", r"emotion_in.\1"),
        (r"emo_layer\.(weight|bias)", r"emotion_out.\1"),
        (r"gpt\.ln_f\.(weight|bias)", r"trunk.norm.\1"),
        (r"gpt\.h\.(\d+)\.ln_1\.(weight|bias)", r"trunk.blocks.\1.attention_norm.\2"),
        (r"gpt\.h\.(\d+)\.ln_2\.(weight|bias)", r"trunk.blocks.\1.feed_norm.\2"),
        (r"gpt\.h\.(\d+)\.attn\.c_attn\.(weight|bias)", r"trunk.blocks.\1.attention.query_key_value.\2"),
        (r"gpt\.h\.(\d+)\.attn\.c_proj\.(weight|bias)", r"trunk.blocks.\1.attention.out.\2"),
        (r"gpt\.h\.(\d+)\.mlp\.c_fc\.(weight|bias)", r"trunk.blocks.\1.feed_up.\2"),
        (r"gpt\.h\.(\d+)\.mlp\.c_proj\.(weight|bias)", r"trunk.blocks.\1.feed_down.\2"),
        *(
            (theirs + pattern, ours + name)
            for theirs, ours in ((r"", "conditioning."), (r"emo_", "emotion."))
            for pattern, name in (
                (r"conditioning_encoder\.embed\.conv\.0\.(weight|bias)", r"conformer.embed.conv.\1"),
                (r"conditioning_encoder\.embed\.out\.0\.(weight|bias)", r"conformer.embed.project.\1"),
                (r"conditioning_encoder\.after_norm\.(weight|bias)", r"conformer.norm.\1"),
                *(
                    (r"conditioning_encoder\.encoders\.(\d+)\." + inner, r"conformer.blocks.\1." + inner_name)
                    for inner, inner_name in (
                        (r"self_attn\.pos_bias_u", "attention.content_bias"),
                        (r"self_attn\.pos_bias_v", "attention.position_bias"),
                        (r"self_attn\.linear_q\.(weight|bias)", r"attention.query.\2"),
                        (r"self_attn\.linear_k\.(weight|bias)", r"attention.key.\2"),
                        (r"self_attn\.linear_v\.(weight|bias)", r"attention.value.\2"),
                        (r"self_attn\.linear_out\.(weight|bias)", r"attention.out.\2"),
                        (r"self_attn\.linear_pos\.weight", "attention.position.weight"),
                        (r"feed_forward\.w_1\.(weight|bias)", r"feed_up.\2"),
                        (r"feed_forward\.w_2\.(weight|bias)", r"feed_down.\2"),
                        (r"conv_module\.pointwise_conv1\.(weight|bias)", r"convolution.gate.\2"),
                        (r"conv_module\.depthwise_conv\.(weight|bias)", r"convolution.depthwise.\2"),
                        (r"conv_module\.norm\.(weight|bias)", r"convolution.norm.\2"),
                        (r"conv_module\.pointwise_conv2\.(weight|bias)", r"convolution.out.\2"),
                        (r"norm_mha\.(weight|bias)", r"attention_norm.\2"),
                        (r"norm_conv\.(weight|bias)", r"convolution_norm.\2"),
                        (r"norm_ff\.(weight|bias)", r"feed_norm.\2"),
                        (r"norm_final\.(weight|bias)", r"final_norm.\2"),
                    )
                ),
                (r"perceiver_encoder\.latents", "perceiver.latents"),
                (r"perceiver_encoder\.proj_context\.(weight|bias)", r"perceiver.project.\1"),
                (r"perceiver_encoder\.layers\.(\d+)\.0\.to_q\.weight", r"perceiver.attentions.\1.query.weight"),
                (r"perceiver_encoder\.layers\.(\d+)\.0\.to_kv\.weight", r"perceiver.attentions.\1.key_value.weight"),
                (r"perceiver_encoder\.layers\.(\d+)\.0\.to_out\.weight", r"perceiver.attentions.\1.out.weight"),
                (r"perceiver_encoder\.layers\.(\d+)\.1\.0\.(weight|bias)", r"perceiver.feeds.\1.up.\2"),
                (r"perceiver_encoder\.layers\.(\d+)\.1\.2\.(weight|bias)", r"perceiver.feeds.\1.down.\2"),
                (r"perceiver_encoder\.norm\.gamma", "perceiver.norm.gain"),
            )
        ),
    )
)

COMPUTED = re.compile(r".*\.pos_enc\.pe$")
"""Tables in the reference's state that are constants of the architecture: computed here, never loaded."""

TRANSPOSED = re.compile(r"gpt\.h\.\d+\.(attn|mlp)\.c_\w+\.weight$")
POINTWISE = re.compile(r".*\.pointwise_conv[12]\.weight$")


def our_name(key: str) -> str | None:
    """The name in `SpeechLM` of a reference tensor, or None for a key that has no place."""
    for pattern, ours in PATTERNS:
        if match := pattern.match(key):
            return match.expand(ours)
    return None


def our_layout(key: str, value: Tensor) -> Tensor:
    """A reference tensor in the layout of `SpeechLM`."""
    if TRANSPOSED.match(key):
        return value.t()
    return value.squeeze(-1) if POINTWISE.match(key) else value


def from_reference(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A reference state dict under our names. Raises KeyError with every key that is neither known nor computed."""
    unknown = [key for key in state if our_name(key) is None and not COMPUTED.match(key)]
    if unknown:
        raise KeyError(f"{len(unknown)} keys have no place in the model: {', '.join(sorted(unknown))}")
    kept = {key: value for key, value in state.items() if not COMPUTED.match(key)}
    return {our_name(key): our_layout(key, value).to(torch.float32).contiguous() for key, value in kept.items()}
