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
bad recursion.onnx "functions and branches are nested more than"
bad exponential.onnx 'the model has more than 250000 nodes'
bad cycle.onnx 'is on a cycle'
bad missing-tensor.onnx "node 'add' \(Add, #0\): input 1, 'nowhere', is not the output of any node"
bad size.onnx "initializer 'w': its shape needs 16 bytes, the model has 12"
bad size-overflow.onnx "initializer 'w': its dimensions are negative or too large"
bad size-negative.onnx "initializer 'w': its dimensions are negative or too large"
bad string.onnx "input 'x': element type string \(8\) is not supported"
bad sequence.onnx "input 'x': sequences are not supported"
bad duplicate.onnx "its output 'y' is already the name of another tensor"
bad arity.onnx "node 'add' \(Add, #0\): expected 2 inputs, got 1"
bad attribute.onnx "node 'leaky' \(LeakyRelu, #0\): alpha: expected a float, got an integer"
bad attribute-unknown.onnx "node 'leaky' \(LeakyRelu, #0\): attribute 'beta' is not known"
bad attribute-missing.onnx "node 'concat' \(Concat, #0\): attribute 'axis' is missing"
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
bad opset-old.onnx 'opset 3 is not supported'
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
