"""Sizes: what a tiny configuration has in each of the fields that say how large a model
is.
"""

from typing import Any

VOCABULARY = 96
POSITIONS = 64
WIDTH, HEADS, GROUPS, HEAD = 32, 4, 2, 8
INNER = 48
LAYERS = 2

_NAMES: list[tuple[int, str]] = [
    (VOCABULARY, """
        vocab_size vocab_size_per_layer_input audio_vocab_size decoder_vocab_size entity_vocab_size
        pronunciation_vocab_size shape_vocab_size unpadded_vocab_size n_token mel_vocab_size
        max_xpath_tag_unit_embeddings max_xpath_subs_unit_embeddings num_embeddings
        num_embeds encoder_hash_byte_group_vocab ngram_vocab_size_base codebook_vocab_size
        num_hash_buckets"""),
    (POSITIONS, """
        max_position_embeddings n_positions n_ctx max_seq_len context_length max_source_positions
        max_target_positions codebook_size seq_len max_2d_position_embeddings model_max_length
        num_position_embeddings original_max_position_embeddings max_pos_emb position_embedding_size
        max_sequence_length max_encoder_position_embeddings max_decoder_position_embeddings"""),
    (WIDTH, """
        hidden_size d_model n_embd dim emb_dim embed_dim embedding_size embedding_dim decoder_hidden_size
        encoder_hidden_size projection_dim word_embed_proj_dim out_hidden_size text_hidden_size output_dim
        cross_attention_hidden_size projector_hidden_size lru_width attention_hidden_size pooler_hidden_size
        audio_hidden_size vision_hidden_size image_text_hidden_size input_embedding_size output_embedding_size
        hidden_size_global pooler_output_size downsample_hidden_size prediction_head_size
        true_hidden_size intra_bottleneck_size pronunciation_embed_dim shape_embed_dim entity_emb_size
        image_token_embed_dim d_latents projection_hidden_dim projection_hidden_size
        patch_embed_hidden_size moe_hidden_size vision_output_dim projector_input_dim projector_output_dim
        adapter_out_dim adapter_in_dim adapter_input_size router_hidden_size thinker_hidden_size
        backbone_hidden_size ple_embed_dim base_channels embedding_rank latent_channels codebook_dim
        vector_quantization_hidden_dimension merged_hidden_size decoder_dim share_expert_dim
        projection_size project_dim text_dim text_embed_dim"""),
    (INNER, """
        intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff n_inner d_inner hidden_dim
        ffn_hidden_size expert_ffn_hidden_size dim_ff dff intermediate_size_mlp mlp_dim feed_forward_size
        dense_intermediate_size shared_expert_intermediate_size shared_intermediate_size
        alignment_intermediate_size projection_intermediate_size"""),
    (16, """
        qk_head_dim
        moe_intermediate_size shared_experts_intermediate_size moe_shared_expert_intermediate_size
        laurel_rank mamba_dt_rank index_topk attention_window local_attn_chunk_length
        lsh_attn_chunk_length xpath_unit_hidden_size hidden_size_per_layer_input
        num_filters upsample_groups"""),
    (LAYERS, """
        num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_encoder_layers
        num_decoder_layers layers depth num_blocks num_self_attends_per_block resampler_depth
        num_layers_per_stack conf_num_hidden_layers num_lstm_layers num_local_layers
        aligner_num_add_layers"""),
    (HEADS, """
        num_attention_heads n_head n_heads num_heads attention_heads encoder_attention_heads
        decoder_attention_heads num_encoder_attention_heads num_decoder_attention_heads
        swa_num_attention_heads num_sliding_attention_heads linear_num_value_heads linear_num_heads
        index_n_heads num_self_attention_heads num_cross_attention_heads conf_num_attention_heads
        resampler_n_heads resampler_heads n_mamba_heads num_query_groups
        num_experts num_local_experts n_routed_experts moe_num_experts block_size
        sliding_window sliding_window_size local_attention attention_window_size
        chunk_size mamba_chunk_size attention_chunk_size local_attention_window_len"""),
    (GROUPS, """
        linear_num_key_heads n_group num_experts_per_tok num_experts_per_token moe_topk moe_k moe_top_k
        num_expert_group centroid_intermediate_top_k num_codebooks num_quantizers"""),
    (1, """
        topk_group n_shared_experts num_shared_experts moe_num_shared_experts mamba_n_groups
        num_nextn_predict_layers first_k_dense_replace mamba_ngroups n_groups"""),
    (HEAD, """
        head_dim qk_rope_head_dim qk_nope_head_dim d_kv d_head kv_channels attention_head_size
        attention_head_dim linear_key_head_dim linear_value_head_dim linear_head_dim v_head_dim swa_head_dim
        dim_head resampler_head_dim resampler_dim_head index_head_dim swa_v_head_dim global_head_dim
        kv_lora_rank q_lora_rank o_lora_rank state_size mamba_d_state ssm_state_size mamba_n_heads
        mamba_d_head mamba_num_heads mamba_head_dim mamba_headdim rotary_dim d_rel query_pre_attn_scalar
        coordinate_size shape_size num_latents resampler_n_latents resampler_num_latents
        num_query_tokens latent_query_num hc_lowrank gated_norm_rank adapter_rank dim_bbox_projection
        num_image_tokens mm_tokens_per_image image_seq_length rel_extent channels
        segment_means_seq_len num_landmarks"""),
    (4, "time_step_rank num_stacked_frames index_block_size"),
    (8, "patch_size relative_attention_num_buckets rel_pos_bins rel_2d_pos_bins position_bias_num_buckets"),
    (32, "image_size input_size crop_size resolution num_mel_bins n_mel_bins max_image_size min_image_size"),
]  # fmt: skip

SIZES: dict[str, int] = {name: size for size, names in _NAMES for name in names.split()}
"""Field -> its tiny value, where the configuration has an integer there."""

TOKENS: dict[str, int] = {
    "bos_token_id": 0,
    "cls_token_id": 0,
    "pad_token_id": 1,
    "_pad_token_id": 1,
    "eos_token_id": 2,
    "sep_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": 2,
    "forced_bos_token_id": 0,
    "mask_token_id": 4,
    "mask_index": 4,
    "unk_index": 3,
}
"""Field -> the special token of `oracle.word_tokenizer`."""

_ROTARY = {"rope_type": "default", "rope_theta": 10000.0}
_SECTIONED = {"rope_parameters": {**_ROTARY, "mrope_section": [2, 1, 1]}}
_HALF_SECTIONED = {
    "rope_parameters": {
        **_ROTARY,
        "partial_rotary_factor": 0.5,
        "mrope_section": [1, 1, 0],
    }
}
_PLAIN_EXPERTS = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
}

OWN: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "chameleon": {"vocabulary_map": {"<image>": 90}},
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": dict.fromkeys(
            ("sliding_attention", "full_attention"), _ROTARY
        ),
    },
    "cosmos3_edge_text": _SECTIONED,
    "dbrx": {"attn_config": {"clip_qkv": 8.0, "kv_n_heads": 2, "rope_theta": 10000.0}},
    "deepseek_ocr2_sam_vision_model": {
        "output_channels": 32,
        "downsample_channels": [32, 32],
    },
    "deepseek_ocr2_text": {**_PLAIN_EXPERTS, "mlp_layer_types": ["dense", "sparse"]},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "diffusion_gemma_text": {
        "num_experts": 4,
        "top_k_experts": 2,
        "moe_intermediate_size": 16,
    },
    "dots1": _PLAIN_EXPERTS,
    "dots3_note_text": {
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 4,
        "swa_q_lora_rank": 8,
        "swa_kv_lora_rank": 8,
        "swa_head_dim": 16,
        "swa_qk_nope_head_dim": 8,
        "swa_v_head_dim": 8,
        "head_dim": 16,
    },
    "emu3": {"vocabulary_map": {"<image>": 90}},
    "ernie4_5_vl_moe_text": {
        "moe_intermediate_size": [16, 16],
        "rope_parameters": {**_ROTARY, "mrope_section": [1, 1, 2]},
    },
    "esm": {"vocab_size": VOCABULARY},
    "falcon_h1": {"mamba_d_ssm": 64},
    "funnel": {"block_sizes": [1, 1], "num_decoder_layers": 1},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_kv_shared_layers": 2,
        "activation_sparsity_pattern": [0.5, 0.0] * 2,
    },
    "glm4v_moe_text": _HALF_SECTIONED,
    "glm4v_text": _SECTIONED,
    "glm_image_text": _SECTIONED,
    "glm_ocr_text": _SECTIONED,
    "granite_speech_encoder": {"context_size": 8},
    "granite_speech_plus_encoder": {"context_size": 8},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"]},
    "hrm_text": {"num_hidden_layers": 16},
    "hunyuan_vl_text": {"rope_parameters": {**_ROTARY, "mrope_section": [1, 1, 1, 1]}},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "lilt": {"hidden_size": 24, "channel_shrink_ratio": 2},
    "mamba2": {"num_heads": 8},
    "markuplm": {
        "max_xpath_tag_unit_embeddings": 256,
        "max_xpath_subs_unit_embeddings": 1024,
        "max_depth": 2,
    },
    "mistral4": {"head_dim": 16},
    "molmo2_adapter": {"vision_feature_layer": [0, 1]},
    "mpnet": {"relative_attention_num_buckets": 32},
    "muse_spark_audio": {"hidden_sizes": [8] * 4, "depths": [1] * 4},
    "nemotron": {"num_key_value_heads": 2},
    "neomme": {"head_dim": 16},
    "paddleocr_vl_text": _SECTIONED,
    "qwen2_5_omni_text": _SECTIONED,
    "qwen2_5_omni_thinker": {"vision_start_token_id": 91, "vision_end_token_id": 90},
    "qwen2_5_vl_text": _SECTIONED,
    "qwen2_vl_text": _SECTIONED,
    "qwen3_omni_moe_thinker": {"vision_start_token_id": 91, "vision_end_token_id": 90},
    "qwen4_exp_text": {
        "indexer_n_heads": 4,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 16,
        "indexer_compress_ratio": 4,
    },
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {"axial_pos_shape": [8, 8], "axial_pos_embds_dim": [8, 24]},
    "sam_vision_model": {"output_channels": 32, "num_pos_feats": 16},
    "step3p5": {"sliding_window": 4},
    "unlimited_ocr_sam_vision_model": {
        "output_channels": 32,
        "downsample_channels": [32, 32],
    },
    "vibevoice_acoustic_tokenizer": {"num_filters": 2, "depths": [1] * 7},
    "vibevoice_acoustic_tokenizer_encoder": {"num_filters": 2, "depths": [1] * 7},
    "xlstm": {"hidden_size": 128, "embedding_dim": 128},
    "xmod": {"default_language": "en_XX"},
    "zamba": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "n_mamba_heads": 2,
    },
    "zamba2": {
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "n_mamba_heads": 8,
    },
    "zaya": {"num_experts_per_tok": 1},
}
"""`model_type` -> fields that need another value than the general one."""
