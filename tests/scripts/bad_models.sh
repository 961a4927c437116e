#!/bin/bash
# Broken and unsupported models through lpc: one clear message, exit status 1, nothing written.
# labels: asan
# timeout: 300
set -euo pipefail
[ -x "$LPC" ] && command -v python3 >/dev/null || { echo "bad_models: needs lpc and python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/bad_models.py" "$work"
cd "$work"
digits=$LPC_SOURCE/models/digits/digits.onnx

# bad MODEL PATTERN [ARGS...]: refused with a message that matches.
bad() {
    local model=$1 pattern=$2 status=0
    shift 2
    timeout 60 "$LPC" "$model" -o out --quiet --no-link "$@" >stdout 2>stderr || status=$?
    if [ "$status" != 1 ] || ! grep -qE "$pattern" stderr || [ -e out ]; then
        echo "bad_models: $model $*: status $status, expected 1 and /$pattern/, got:" >&2
        head -n 5 stderr >&2
        failures=$((failures + 1))
        rm -rf out
    fi
}

bad missing.onnx 'missing.onnx: cannot open: No such file'
bad . 'not a regular file'
: >empty.onnx
bad empty.onnx 'the file is empty'
head -c 3000 /dev/urandom >random.onnx
bad random.onnx 'not a valid ONNX model|not an ONNX model|opset|is not|has no'
size=$(stat -c %s "$digits")
for part in 1 2 3 5 7; do
    head -c $((size * part / 8)) "$digits" >"truncated$part.onnx"
    bad "truncated$part.onnx" 'not a valid ONNX model: byte [0-9]+'
done
bad bomb.onnx 'nested too deeply'
bad tree-feature.onnx 'nodes_featureids: expected values in \[0, 3\], got 4'
bad tree-child.onnx 'nodes_truenodeids: tree 0 has no node 7'
bad tree-circle.onnx "branches lead in a circle"
bad tree-twice.onnx 'node 1 of tree 0 stands twice'
bad tree-count.onnx 'nodes_featureids: expected 3 values, got 1'
bad tree-target.onnx 'target_ids: expected values in \[0, 0\], got 1'
bad tree-mode.onnx "nodes_modes: 'BRANCH' is not known"
bad encoder-types.onnx 'keys are str256, the input is f32'
bad svm-count.onnx 'support_vectors: expected [0-9]+ values, got 8'
bad scaler-count.onnx 'scale: expected 4 values, got 3'
bad recursion.onnx "functions and branches are nested more than"
bad exponential.onnx 'the model has more than 250000 nodes'
bad cycle.onnx 'is on a cycle'
bad missing-tensor.onnx "node 'add' \(Add, #0\): input 1, 'nowhere', is not the output of any node"
bad size.onnx "initializer 'w': its shape needs 16 bytes, the model has 12"
bad size-overflow.onnx "initializer 'w': its dimensions are negative or too large"
bad size-negative.onnx "initializer 'w': its dimensions are negative or too large"
bad sequence.onnx "input 'x' is a sequence: give its length with --bind x=N"
bad map.onnx "input 'x': a map to other than single elements is not supported"
bad complex.onnx "node 'relu' \(Relu, #0\): input 0, 'x': expected floating point or i8 to i64, got c64"
bad string.onnx "node 'node' \(Relu, #0\): input 0, 'x': expected floating point or i8 to i64, got strings"
bad string-constant.onnx "initializer 'c': a string of 300 bytes; --max-string gives room for 256"
bad regex-bracket.onnx "node 'node' \(RegexFullMatch, #0\): the pattern '\[ab' lacks a \]"
bad regex-group.onnx "the pattern '\(a' lacks a \)"
bad regex-class.onnx 'classes of Unicode are not supported'
bad regex-back.onnx 'has an escape that is not supported'
bad regex-repeat.onnx 'has a repetition of a repetition'
bad regex-ahead.onnx 'has flags that are not known'
bad regex-large.onnx 'needs a larger automaton than is made'
bad normalizer-case.onnx "case_change_action: expected NONE, UPPER or LOWER, got 'TITLE'"
bad normalizer-shape.onnx 'input 0: expected shape \[C\] or \[1, C\]'
bad tokenizer-none.onnx 'expected separators or tokenexp'
bad tokenizer-least.onnx 'mincharnum: expected 1 or more, got 0'
bad tfidf-mode.onnx "mode: expected TF, IDF or TFIDF, got 'T'"
bad tfidf-lists.onnx 'min_gram_length, max_gram_length: 1 and 2 do not fit 1 lists'
bad tfidf-pool.onnx 'input 0: its pool has numbers, it is str256'
bad duplicate.onnx "its output 'y' is already the name of another tensor"
bad arity.onnx "node 'add' \(Add, #0\): expected 2 inputs, got 1"
bad attribute.onnx "node 'leaky' \(LeakyRelu, #0\): alpha: expected a float, got an integer"
bad attribute-unknown.onnx "node 'leaky' \(LeakyRelu, #0\): attribute 'beta' is not known"
bad attribute-missing.onnx "node 'concat' \(Concat, #0\): attribute 'axis' is missing"
bad packed-bits.onnx "node 'n' \(com.microsoft::MatMulNBits, #0\): bits: expected 2, 4 or 8, got 3"
bad packed-block.onnx 'block_size: expected a power of 2 from 16 on, got 24'
bad packed-bytes.onnx "B \('w'\): expected 80 elements, got 64"
bad packed-scales.onnx "scales \('s'\): expected 8 elements, got 3"
bad packed-depth.onnx 'A: expected K = 32 elements in a row, got 48'
bad packed-table.onnx "input 2 \('s'\): axis 1 has 3 elements, expected 2"
bad quantised-type.onnx "node 'n' \(com.microsoft::QLinearAdd, #0\): input 0, 'x': expected i8 or u8, got f32"
bad quantised-scale.onnx "input 1 \('s'\): expected a single value"
bad quantised-parts.onnx 'expected scale, zero point, and three inputs for each part'
bad experts-k.onnx "node 'n' \(com.microsoft::MoE, #0\): k: expected 1 to 3, got 4"
bad experts-sizes.onnx "weights of fc1 \('e'\): expected \[3, 64, 16\]"
bad experts-type.onnx "quant_type 'fp4' is not supported"
bad random-input.onnx "node 'draw' \(RandomNormal, #0\): expected at most 0 inputs, got 1"
bad random-type.onnx "node 'draw' \(RandomUniform, #0\): dtype: expected a floating type, got i32"
bad random-key.onnx "node 'draw' \(RandomUniform, #0\): attribute 'key' is not known"
bad random-key.onnx "\-\-random-input x: the model's 'x' is no int64 scalar" --random-input x
bad multinomial.onnx "node 'draw' \(Multinomial, #0\): input 0: expected 2 dimensions, got 1"
bad adam.onnx "node 'adam' \(.*Adam, #0\): expected R, T and 4 tensors for each that is updated, got 6 after T"
bad momentum.onnx "node 'step' \(.*Momentum, #0\): mode: expected nesterov or standard, got heavy"
bad gradient-rule.onnx "node 'slope' \(.*Gradient, #1\): y depends on xs through Mish, which has no derivative"
bad gradient-output.onnx "node 'slope' .*through output 1 of SoftmaxCrossEntropyLoss, which has no derivative"
bad gradient-y.onnx "node 'slope' \(.*Gradient, #1\): y: 'nowhere' is not computed before this node"
bad gradient-inputs.onnx "node 'slope' \(.*Gradient, #1\): expected 1 inputs, as many as xs and zs name, got 2"
bad narrow-add.onnx "node 'add' \(Add, #0\): input 0, 'x': expected numbers, got f8e4m3fn"
bad narrow-mode.onnx "node 'cast' \(Cast, #0\): round_mode: expected up, down or nearest, got 'odd'"
bad narrow-output.onnx "output_dtype: type f8e8m0 is not supported"
bad narrow-blocks.onnx "node 'blocks' \(DequantizeLinear, #0\): .*scale"
bad narrow-float.onnx "input 0, 'x': expected i8 to i64 or u8 to u64 or narrow types, got f32"
bad narrow-short.onnx "'w'.*: its shape needs 3 bytes, the model has 2"
bad ms-activation.onnx "node 'fusedconv' .*: activation 'Wobble' is not supported"
bad ms-blocks.onnx "node 'conv' .*: weights of 2 x 2 channels are no whole blocks of 8"
bad ms-channels.onnx "node 'reorderoutput' .*: channels: 3 of 2 are wanted"
bad ms-crop.onnx "node 'crop' .*: border, scale: more than the image has"
bad ms-embedding.onnx "node 'embedlayernormalization' .*: input 6 is missing"
bad ms-expand-dims.onnx "node 'expanddims' .*: axis: must be known at compile time"
bad ms-groups.onnx "node 'groupnorm' .*: activation: expected 0 or 1, got 7"
bad ms-hash.onnx "node 'murmurhash3' .*: input 0, 'x': expected i32 or .*, got bool"
bad ms-inverse.onnx "node 'inverse' .*: matrix: sizes 2 and 3 differ"
bad ms-mask.onnx "node 'maxpoolwithmask' .*: mask: sizes 2 and 4 differ"
bad ms-metric.onnx "node 'cdist' .*: metric 'yule' is not supported"
bad ms-ngram.onnx "node 'ngramrepeatblock' .*: ngram_size: must be positive, is 0"
bad ms-skip.onnx "node 'skiplayernormalization' .*: shapes \[4\] and \[2, 2, 2, 2\] do not broadcast"
bad ms-training.onnx "node 'biasdropout' .*: training_mode: only a constant false is supported"
bad ms-unfold.onnx "node 'unfoldtensor' .*: size: 5 is more than the axis has, 4"
bad ms-warping.onnx "node 'dynamictimewarping' .*: expected a matrix"
bad opset-old.onnx 'opset 0 is not supported'
bad gqa-heads.onnx "'group'.*num_heads, 2, is no multiple of kv_num_heads, 3"
bad gqa-lengths.onnx "'group'.*seqlens_k is missing"
bad gqa-total.onnx "'group'.*total_sequence_length must be known at compile time"
bad gqa-window.onnx "'group'.*sliding_window_cache needs local_window_size"
bad gqa-room.onnx "'group'.*past_key: 3 keys are fewer than local_window_size, 5"
bad gqa-rotary.onnx "'group'.*do_rotary: cos_cache and sin_cache are missing"
bad linear-decay.onnx "'linear'.*decay is missing"
bad attention-mask.onnx "'attend'.*attn_mask: sizes 3 and 4 differ"
bad flex-inputs.onnx "'flex'.*score_mod: expected 1 input and 1 output, got 2 and 1"
bad opset-new.onnx 'opset 99 is newer than'
bad symbol.onnx "input 'x': size 'batch' has no value: give --bind batch=N or --max batch=N"
bad symbol.onnx "no size 'nope'; it has batch" --bind nope=1
bad symbol.onnx "no size 'nope'; it has batch" --max nope=1
bad symbol.onnx "the model has no input 'nope'" --bind batch=1 --state nope=y
bad symbol.onnx "the model has no output 'nope'" --bind batch=1 --state x=nope

bad unknown.onnx "node 'first' \(my.domain::Alpha, #0\): operator is not supported"
[ "$(grep -c 'operator is not supported' stderr)" = 3 ] || {
    echo "bad_models: unknown.onnx: not all three operators are listed" >&2
    failures=$((failures + 1))
}

printf '0123456789ab' >short.bin
mkdir -p inside
mv external-*.onnx inside/
printf '0123456789abcdef' >inside/good.bin
mv short.bin inside/
ln -s /etc/passwd inside/link.bin
bad inside/external-missing.onnx "external data file 'missing.bin' cannot be opened"
bad inside/external-short.onnx "external data file 'short.bin' is too short: needs 16 bytes at offset 0"
bad inside/external-up.onnx "is not a path inside the model's folder"
bad inside/external-absolute.onnx "is not a path inside the model's folder"
bad inside/external-link.onnx "leads outside the model's folder"
bad inside/external-length.onnx 'needs 16 bytes, its external data has length 8'
bad inside/external-number.onnx "offset 'ten' is not a number"
timeout 60 "$LPC" inspect inside/external-good.onnx >/dev/null || {
    echo "bad_models: external-good.onnx is refused" >&2
    failures=$((failures + 1))
}

# Any flipped bit: a result or a message, never a crash. (The fuzzer does this at length.)
for i in $(seq 0 40); do
    cp "$digits" flipped.onnx
    printf "\\x$(printf %02x $((i * 37 % 256)))" |
        dd of=flipped.onnx bs=1 seek=$((i * 997 % size)) conv=notrunc status=none
    status=0
    timeout 60 "$LPC" inspect flipped.onnx >/dev/null 2>stderr || status=$?
    [ "$status" -le 1 ] || {
        echo "bad_models: flipped byte $((i * 997 % size)): status $status" >&2
        failures=$((failures + 1))
    }
done
[ "$failures" = 0 ] || exit 1
echo "bad_models: all refused as they should be"
