#!/bin/bash
# Operator cases through the evaluator and every backend: official node tests, one or two of each
# family, run by the evaluator (as lowered for vectors, and scalar), as objects, C and portable C.
# labels: asan slow
# timeout: 600
set -uo pipefail
root=$SHARED/onnx-tests/node
[ -d "$root" ] || { echo "backends: no $root here: skipped; operators.sh has the own cases"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cases="abs add_bcast and_bcast3v2d argmax_keepdims_example attention_4d_causal
    attention_4d_gqa_causal averagepool_2d_pads_count_include_pad averagepool_3d_dilations_small
    basic_conv_with_padding batchnorm_example bitwise_not_3d cast_FLOAT_to_FLOAT16
    cast_BFLOAT16_to_FLOAT cast_FLOAT16_to_DOUBLE cast_FLOAT_to_BFLOAT16
    center_crop_pad_crop_and_pad clip col2im_pads concat_3d_axis_1
    conv_with_strides_and_asymmetric_padding convtranspose_pads cumsum_2d_axis_0
    basic_deform_conv_with_padding depthtospace_example dequantizelinear_axis
    dynamicquantizelinear einsum_batch_matmul erf expand_dim_unchanged eyelike_with_dtype
    gather_elements_1 gathernd_example_int32 gelu_tanh_1 gemm_transposeA gridsample_bicubic
    gru_seq_length hardmax_axis_1 if instancenorm_epsilon layer_normalization_4d_axis2
    logsoftmax_axis_1 lrn_default lstm_with_peepholes matmul_4d mod_int64_fmod
    maxpool_2d_dilations mish mod_mixed_sign_float32 nonmaxsuppression_two_classes nonzero_example
    onehot_with_axis pow_types_float32_int64 qlinearconv qlinearmatmul_3D_uint8_float32
    quantizelinear_blocked_asymmetric range_int32_type_negative_delta
    reduce_log_sum_exp_negative_axes_keepdims_random reduce_mean_default_axes_keepdims_random
    resize_downsample_scales_cubic_antialias resize_upsample_sizes_nearest_ceil_half_pixel
    roialign_aligned_true rotary_embedding_with_interleaved_rotary_dim
    scatter_elements_with_reduction_max scatternd_multiply sce_mean_weight_ii_log_prob
    shape_clip_end slice_neg_steps softmax_large_number split_variable_parts_2d_opset18 tile
    top_k_smallest transpose_all_permutations_3 tril_neg unique_sorted_with_axis where_example
    xor3d"

count=$(wc -w <<<"$cases") failed=0
ways=("--emit eval" "--emit eval --portable" "--emit obj" "--emit c" "--portable")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj --link") # which lpc does not take part in
for options in "${ways[@]}"; do
    # shellcheck disable=SC2086
    printf "$root/test_%s\n" $cases | xargs -P 2 -n 10 "$LPC" check $options --each >"$work/results"
    passed=$(grep -c '^PASS ' "$work/results")
    [ "$passed" = "$count" ] && continue
    echo "FAILED: lpc check $options: $passed of $count pass"
    grep -v '^PASS ' "$work/results"
    failed=1
done
echo "backends: $count cases, ${#ways[@]} ways each"
[ $failed = 0 ]
