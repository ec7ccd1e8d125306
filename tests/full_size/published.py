"""The published base folder without its weights: key → shape of every tensor file, and the settings beside them.

Shapes of what is loaded come from this project's own networks; what is added here is what the files hold beside it.
`test_seeded_base.py` compares all of them with what was recorded of the reference's own modules.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from amharic_tts.codec.indextts2 import campplus, semantic_codec, vocoder
from amharic_tts.codec.indextts2.base_folder import CHAIN
from amharic_tts.codec.indextts2.campplus import CAMPPlus
from amharic_tts.codec.indextts2.s2mel import keys as s2mel_keys
from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.model import S2Mel
from amharic_tts.codec.indextts2.semantic_codec import SemanticCodec
from amharic_tts.codec.indextts2.vocoder import TAPS, Vocoder
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.indextts2_config import gpt_section
from amharic_tts.model.indextts2_sizes import POSITIONS, reference_shapes

Shapes = dict[str, tuple[int, ...]]


def gpt() -> Shapes:
    """`gpt.pth`: 665 tensors, two of them the sinusoid tables that are computed here."""
    config = ModelConfig()
    tables = {"": config.conditioning, "emo_": config.emotion}
    return reference_shapes(config) | {
        f"{prefix}conditioning_encoder.embed.pos_enc.pe": (1, POSITIONS, part.dim) for prefix, part in tables.items()
    }


def w2v_bert() -> Shapes:
    """`w2v-bert-2.0/model.safetensors`: 773 tensors in 24 layers, of which 17 are used."""
    width, feed, head = 1024, 4096, 64
    shapes: Shapes = {"masked_spec_embed": (width,)}
    shapes |= normed("feature_projection.layer_norm", 160) | linear("feature_projection.projection", 160, width)
    for i in range(24):
        layer = f"encoder.layers.{i}"
        for ffn in ("ffn1", "ffn2"):
            shapes |= normed(f"{layer}.{ffn}_layer_norm", width)
            shapes |= linear(f"{layer}.{ffn}.intermediate_dense", width, feed)
            shapes |= linear(f"{layer}.{ffn}.output_dense", feed, width)
        shapes |= normed(f"{layer}.self_attn_layer_norm", width) | normed(f"{layer}.final_layer_norm", width)
        for name in ("linear_q", "linear_k", "linear_v", "linear_out"):
            shapes |= linear(f"{layer}.self_attn.{name}", width, width)
        shapes[f"{layer}.self_attn.distance_embedding.weight"] = (64 + 1 + 8, head)
        convolution = f"{layer}.conv_module"
        shapes |= normed(f"{convolution}.layer_norm", width) | normed(f"{convolution}.depthwise_layer_norm", width)
        shapes[f"{convolution}.pointwise_conv1.weight"] = (2 * width, width, 1)
        shapes[f"{convolution}.depthwise_conv.weight"] = (width, 1, 31)
        shapes[f"{convolution}.pointwise_conv2.weight"] = (width, width, 1)
    return shapes


def semantic_codec_file() -> Shapes:
    """`semantic_codec/model.safetensors`: the encoder, the quantiser, and the decoder that is not loaded."""
    shapes = loaded(SemanticCodec, semantic_codec.reference_names())
    shapes |= {key.replace("encoder", "decoder"): shape for key, shape in shapes.items() if key.startswith("encoder")}
    shapes = with_axes(shapes, r"quantizer\.quantizers\.0\.(in|out)_project\.weight", 1)
    return weight_normed(shapes, r"quantizer\.quantizers\.0\.(in|out)_project")


def campplus_file() -> Shapes:
    """`campplus/campplus_cn_common.bin`, each batch norm with the counter of its training."""
    shapes = loaded(CAMPPlus, campplus.reference_names())
    norms = [key.removesuffix("running_var") for key in shapes if key.endswith("running_var")]
    return shapes | {f"{norm}num_batches_tracked": () for norm in norms}


def s2mel_file() -> Shapes:
    """Entry `net` of `s2mel.pth`, each key behind the name of its part, with what is never read."""
    config, estimator = S2MelConfig(), s2mel_keys.ESTIMATOR
    shapes = loaded(S2Mel, s2mel_keys.names(config))
    dim = config.dim
    for i in range(config.depth):  # every block has a layer for the skip; those of the first half never use it
        shapes |= linear(f"{estimator}.transformer.layers.{i}.skip_in_linear", 2 * dim, dim)
    shapes |= linear(f"{estimator}.x_embedder", config.bands, dim)
    shapes |= {
        f"{estimator}.input_pos": (16384,),
        f"{estimator}.t_embedder.freqs": (128,),
        f"{estimator}.t_embedder2.freqs": (128,),
        f"{estimator}.cond_embedder.weight": (1024, dim),
        f"{estimator}.content_mask_embedder.weight": (1, dim),
        "length_regulator.mask_token": (1, dim),
        "length_regulator.embedding.weight": (2048, dim),
    }
    wavenet = rf"{re.escape(estimator)}\.wavenet\.(in_layers|res_skip_layers)\.\d+\.conv\.conv"
    condition = rf"{re.escape(estimator)}\.wavenet\.cond_layer\.conv\.conv"
    pointwise = rf"({re.escape(estimator)}\.(conv2|wavenet\.res_skip_layers\.\d+\.conv\.conv)|{condition}"
    shapes = with_axes(shapes, rf"{pointwise}|length_regulator\.model\.12)\.weight", 1)
    linears = rf"{re.escape(estimator)}\.(x_embedder|final_layer\.linear)"
    return weight_normed(shapes, rf"{wavenet}|{condition}|{linears}")


def vocoder_file() -> Shapes:
    """Entry `generator` of `bigvgan/bigvgan_generator.pt`: weight norms not merged, and a filter in each direction."""
    shapes = loaded(Vocoder, vocoder.reference_names())
    activations = [key.removesuffix("act.alpha") for key in shapes if key.endswith("act.alpha")]
    filters = ("upsample.filter", "downsample.lowpass.filter")
    shapes |= {activation + name: (1, 1, TAPS) for activation in activations for name in filters}
    return weight_normed(shapes, r"conv_(pre|post)|ups\.\d+\.0|resblocks\.\d+\.convs[12]\.\d+")


def loaded(network: type[nn.Module], names: Mapping[str, str]) -> Shapes:
    """Shapes of what is loaded, weight norms merged; nothing is allocated."""
    with torch.device("meta"):
        places = network().state_dict()
    return {key: tuple(places[name].shape) for key, name in names.items()}


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def normed(name: str, width: int) -> Shapes:
    """A layer norm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def with_axes(shapes: Shapes, pattern: str, axes: int) -> Shapes:
    """What is a linear layer here and a 1×1 convolution in the file: `axes` more at its end, unless they are there."""
    rank = 2 + axes
    return {
        key: (*shape, *[1] * (rank - len(shape))) if re.fullmatch(pattern, key) else shape
        for key, shape in shapes.items()
    }


def weight_normed(shapes: Shapes, layers: str) -> Shapes:
    """Each weight of `layers` as its two halves, length and direction."""
    halves: Shapes = {}
    for key, shape in shapes.items():
        stem, _, part = key.rpartition(".")
        if part == "weight" and re.fullmatch(layers, stem):
            halves |= {f"{key}_g": (shape[0], *[1] * (len(shape) - 1)), f"{key}_v": shape}
        else:
            halves[key] = shape
    return halves


def settings() -> dict[str, Any]:
    """config.yaml."""
    values: dict[str, Any] = {
        "dataset": {
            "bpe_model": "bpe.model", "sample_rate": 24000, "squeeze": False,
            "mel": {
                "sample_rate": 24000, "n_fft": 1024, "hop_length": 256, "win_length": 1024, "n_mels": 100,
                "mel_fmin": 0, "normalize": False,
            },
        },
        "gpt": {
            name: value for name, value in gpt_section(ModelConfig()).items() if name not in LEFT_OUT
        } | {"mel_length_compression": 1024},
        **copy.deepcopy(BESIDE_THE_CHAIN),
        "gpt_checkpoint": "gpt.pth", "w2v_stat": "wav2vec2bert_stats.pt", "s2mel_checkpoint": "s2mel.pth",
        "emo_matrix": "feat2.pt", "spk_matrix": "feat1.pt", "emo_num": [3, 17, 2, 8, 4, 5, 10, 24],
        "qwen_emo_path": "qwen0.6bemo4-merge/", "vocoder": {"type": "bigvgan"}, "version": 2.0,
    }  # fmt: skip
    for setting, value in CHAIN.items():
        *sections, name = setting.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return values


LEFT_OUT = ("condition_num_latent", "max_conditioning_inputs", "types")
"""Settings of the GPT that the published file does not have; the reference's own defaults are the same."""

BESIDE_THE_CHAIN: dict[str, Any] = {
    "s2mel": {
        "reg_loss_type": "l1",
        "length_regulator": {
            "content_codebook_size": 2048, "sampling_ratios": [1, 1, 1, 1], "vector_quantize": False,
            "n_codebooks": 1, "quantizer_dropout": 0.0, "n_f0_bins": 512,
        },
        "DiT": {
            "class_dropout_prob": 0.1, "block_size": 8192, "style_condition": True, "target": "mel",
            "content_dim": 512, "content_codebook_size": 1024, "content_type": "discrete", "f0_condition": False,
            "n_f0_bins": 512, "content_codebooks": 1, "long_skip_connection": True,
            "zero_prompt_speech_token": False, "time_as_token": False, "style_as_token": False,
            "uvit_skip_connection": True, "add_resblock_in_transformer": False,
        },
        "wavenet": {"p_dropout": 0.2, "style_condition": True},
    },
}  # fmt: skip
"""Settings of the decoding networks that this project does not ask for."""

W2V_BERT_CONFIG: dict[str, Any] = {
    "activation_dropout": 0.0, "adapter_act": "relu", "adapter_kernel_size": 3, "adapter_stride": 2,
    "add_adapter": False, "apply_spec_augment": False, "architectures": ["Wav2Vec2BertModel"],
    "attention_dropout": 0.0, "bos_token_id": 1, "classifier_proj_size": 768, "codevector_dim": 768,
    "conformer_conv_dropout": 0.1, "contrastive_logits_temperature": 0.1, "conv_depthwise_kernel_size": 31,
    "ctc_loss_reduction": "sum", "ctc_zero_infinity": False, "diversity_loss_weight": 0.1, "eos_token_id": 2,
    "feat_proj_dropout": 0.0, "feat_quantizer_dropout": 0.0, "feature_projection_input_dim": 160,
    "final_dropout": 0.1, "hidden_act": "swish", "hidden_dropout": 0.1, "hidden_size": 1024,
    "initializer_range": 0.02, "intermediate_size": 4096, "layer_norm_eps": 1e-05, "layerdrop": 0.1,
    "left_max_position_embeddings": 64, "mask_feature_length": 10, "mask_feature_min_masks": 0,
    "mask_feature_prob": 0.0, "mask_time_length": 10, "mask_time_min_masks": 2, "mask_time_prob": 0.05,
    "max_source_positions": 5000, "model_type": "wav2vec2-bert", "num_adapter_layers": 1,
    "num_attention_heads": 16, "num_codevector_groups": 2, "num_codevectors_per_group": 320,
    "num_hidden_layers": 24, "num_negatives": 100, "output_hidden_size": 1024, "pad_token_id": 0,
    "position_embeddings_type": "relative_key", "proj_codevector_dim": 768, "right_max_position_embeddings": 8,
    "rotary_embedding_base": 10000, "tdnn_dilation": [1, 2, 3, 1, 1], "tdnn_dim": [512, 512, 512, 512, 1500],
    "tdnn_kernel": [5, 3, 3, 1, 1], "torch_dtype": "float32", "transformers_version": "4.37.0.dev0",
    "use_intermediate_ffn_before_adapter": False, "use_weighted_layer_sum": False, "vocab_size": None,
    "xvector_output_dim": 512,
}  # fmt: skip
"""w2v-bert-2.0/config.json; written with two spaces a level it has the published number of bytes."""

PREPROCESSOR_CONFIG: dict[str, Any] = {
    "feature_extractor_type": "SeamlessM4TFeatureExtractor", "feature_size": 80, "num_mel_bins": 80,
    "padding_side": "right", "padding_value": 1, "processor_class": "Wav2Vec2BertProcessor",
    "return_attention_mask": True, "sampling_rate": 16000, "stride": 2,
}  # fmt: skip
"""w2v-bert-2.0/preprocessor_config.json; of the published number of bytes too."""
