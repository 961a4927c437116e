#!/bin/bash
# Every table has room for what a model brings, or says in one line what is too much: models of one more
# than each table once held, and of many more, through check, compile, plan and run.
# labels: asan
# timeout: 600
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
command -v python3 >/dev/null || { echo "limits: no python3: skipped"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/limits.py" "$work/m" || fail "the models cannot be written"
cd "$work"

right() { # MODEL [OPTION...]: computes what it should
    timeout 300 "$LPC" check "m/$1/model.onnx" "m/$1/set" "${@:2}" >log 2>&1 ||
        fail "check $* : $(grep -v ': ok$' log | head -c 600)"
}
refused() { # MODEL PATTERN [OPTION...]: one line says why
    timeout 60 "$LPC" "m/$1/model.onnx" --no-link --quiet -o out "${@:3}" >log 2>&1
    local got=$?
    { [ "$got" = 1 ] || [ "$got" = 2 ]; } && grep -qE -- "$2" log && [ "$(wc -l <log)" = 1 ] ||
        fail "$1 : status $got, expected one line /$2/, said: $(head -c 600 log)"
    rm -rf out
}

# Inputs of one node.
for op in sum max min mean; do right ${op}65 --emit c; done
right sum1000
right sum1000 --emit eval
right einsum20 --emit eval
right einsum20 --emit c

# Outputs of one node, parts of one tensor, tensors over one cut.
right equal300 --emit eval
right cut65 --emit c --cut-after sum_s64
right cut500 --cut-after sum_s499
right list300 --emit eval

# Inputs and outputs of a model.
right ends300 --emit c
right ends300 --stages 2 --emit eval
"$LPC" m/ends300/model.onnx --quiet -o ends --emit c >log 2>&1 || fail "ends300: $(head -c 600 log)"
"$LPC" run ends --seed 3 --output outputs >log 2>&1 || fail "run ends300: $(head -c 600 log)"
[ "$(ls outputs | wc -l)" = 300 ] || fail "run ends300: $(ls outputs | wc -l) outputs of 300"
"$LPC" plan m/ends300/model.onnx --targets host,host >log 2>&1 || fail "plan ends300: $(head -c 600 log)"
right contents300 --emit eval

# Options, each given several hundred times.
binds=() maxes=() states=()
for i in $(seq 0 299); do
    binds+=(--bind "n$i=$((i % 3 + 1))")
    maxes+=(--max "n$i=4")
    states+=(--state "past$i=present$i")
done
right sizes300 --emit eval "${binds[@]}"
right sizes300 --emit eval "${maxes[@]}"
"$LPC" m/states300/model.onnx --quiet -o states --emit c "${states[@]}" >log 2>&1 ||
    fail "300 states: $(head -c 600 log)"
"$LPC" run states --repeat 2 >log 2>&1 || fail "run states300: $(head -c 600 log)"
grep -q '"state_bytes":[[:space:]]*19200' states/host/manifest.json || fail "300 states are not all on the device"
targets=$(printf 'host,%.0s' $(seq 100))
refused cut65 "at most 64 are possible" --targets "$targets"
right cut65 --targets "$(printf 'host,%.0s' $(seq 64))" --emit eval

# Names and nesting.
right names --emit c
right names
right nested20 --emit c
right nested20
refused nested70 'nested (too deeply|more than)'

# Limits of the format say what they are.
refused rank-input "input 'x' has 9 dimensions, at most 8"
refused rank-constant "initializer 'w': .*9.*8"
for op in reshape unsqueeze expand fill gather; do refused rank-$op "node '$op' \(.*rank 9.*8"; done
refused perm200 "node 'transpose' \(Transpose, #0\): perm: expected 1 values, got 200"
refused attributes200 "node 'relu' \(Relu, #0\): attribute 'extra0' is not known"
refused axes200 "node 'squeeze' \(Squeeze, #0\): axes: 200 values are more than the rank"
refused starts200 "node 'slice' \(Slice, #0\): starts: 200 values for rank 1"
refused list1025 "node 'fill' \(ConstantOfShape, #2\): input 'input' has 1025 elements: those of more than 1024" \
    --max size=2050
refused arity1001 "node 'sum' \(Sum, #0\): 1001 inputs, expected 1 to 1000"
[ "$failures" = 0 ]
