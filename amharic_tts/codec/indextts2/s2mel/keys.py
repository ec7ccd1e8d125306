"""Names of the tensors in IndexTTS-2's `s2mel.pth` → names in `S2Mel`.

The weights fall under the bilibili Model Use License of IndexTTS-2, not under this repository's.
"""

import re
from collections.abc import Iterator

from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig

PARTS = ("cfm", "length_regulator", "gpt_layer")
"""Entries of the file's `net`; a part's name stands before the names of its tensors."""

ESTIMATOR = "cfm.estimator"

# Computed here: position tables, frequencies of the time embeddings, masks.
COMPUTED = r"cfm\.estimator\.(input_pos|t_embedder2?\.freqs|transformer\.(freqs_cis|causal_mask))"

# Trained for inputs that IndexTTS-2 does not have (discrete content, fundamental frequency), or never read.
UNREAD = (
    r"cfm\.estimator\.(x_embedder|cond_embedder|content_mask_embedder)\.(weight|bias)"
    r"|length_regulator\.(mask_token|embedding\.weight)"
)


def unread(config: S2MelConfig) -> re.Pattern:
    """Keys that belong to the file and have no place in `S2Mel` (weight norms already merged)."""
    # Every block of the reference carries a skip layer; those of the first half and the middle have nothing to merge.
    idle = "|".join(str(i) for i in range(config.depth - config.depth // 2))
    skips = rf"cfm\.estimator\.transformer\.layers\.({idle})\.skip_in_linear\.(weight|bias)"
    return re.compile("|".join((COMPUTED, UNREAD, skips)))


def names(config: S2MelConfig) -> dict[str, str]:
    """Reference key (weight norms merged) → name in `S2Mel`, for every parameter of `S2Mel`."""
    return {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours, parts in layers(config) for part in parts.split()}


def layers(config: S2MelConfig) -> Iterator[tuple[str, str, str]]:
    """(reference layer, our layer, the parameters it has)."""
    both = "weight bias"
    for i in range(len(config.latent_path) + 1):
        yield f"gpt_layer.{i}", f"latent.{i}", both

    yield "length_regulator.content_in_proj", "regulator.project", both
    for i in range(config.regulator_layers):  # in the reference a convolution, a norm and an activation per layer
        yield f"length_regulator.model.{3 * i}", f"regulator.convolutions.{i}", both
        yield f"length_regulator.model.{3 * i + 1}", f"regulator.norms.{i}", both
    yield f"length_regulator.model.{3 * config.regulator_layers}", "regulator.out", both

    for theirs, ours in (
        ("cond_projection", "condition"),
        ("cond_x_merge_linear", "merge"),
        ("t_embedder.mlp.0", "transformer_time.up"),
        ("t_embedder.mlp.2", "transformer_time.out"),
        ("skip_linear", "long_skip"),
        ("t_embedder2.mlp.0", "wavenet_time.up"),
        ("t_embedder2.mlp.2", "wavenet_time.out"),
        ("conv1", "wavenet_in"),
        ("wavenet.cond_layer.conv.conv", "wavenet.time"),
        ("res_projection", "wavenet_skip"),
        ("final_layer.adaLN_modulation.1", "modulation"),
        ("final_layer.linear", "final"),
        ("conv2", "out"),
    ):
        yield f"{ESTIMATOR}.{theirs}", f"velocity.{ours}", both
    for i in range(config.wavenet_layers):
        yield f"{ESTIMATOR}.wavenet.in_layers.{i}.conv.conv", f"velocity.wavenet.convolutions.{i}", both
        yield f"{ESTIMATOR}.wavenet.res_skip_layers.{i}.conv.conv", f"velocity.wavenet.outs.{i}", both

    theirs, ours = f"{ESTIMATOR}.transformer", "velocity.transformer"
    yield f"{theirs}.norm.project_layer", f"{ours}.norm.modulation", both
    yield f"{theirs}.norm.norm", f"{ours}.norm.norm", "weight"
    for i in range(config.depth):
        theirs, ours = f"{ESTIMATOR}.transformer.layers.{i}", f"velocity.transformer.blocks.{i}"
        yield f"{theirs}.attention.wqkv", f"{ours}.attention.query_key_value", "weight"
        yield f"{theirs}.attention.wo", f"{ours}.attention.out", "weight"
        yield f"{theirs}.feed_forward.w1", f"{ours}.feed_gate", "weight"
        yield f"{theirs}.feed_forward.w3", f"{ours}.feed_up", "weight"
        yield f"{theirs}.feed_forward.w2", f"{ours}.feed_down", "weight"
        for norm, name in (("attention_norm", "attention_norm"), ("ffn_norm", "feed_norm")):
            yield f"{theirs}.{norm}.project_layer", f"{ours}.{name}.modulation", both
            yield f"{theirs}.{norm}.norm", f"{ours}.{name}.norm", "weight"
        if i >= config.depth - config.depth // 2:
            yield f"{theirs}.skip_in_linear", f"{ours}.skip", both
