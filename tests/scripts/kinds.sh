#!/bin/bash
# The four kinds of model that users bring (kinds_models.py): a float model and a quantised one as ONNX Runtime's
# optimiser saves them, a decoder with weights of 4 bits and a key/value cache, a scikit-learn pipeline. Each as
# objects, C and portable C gives ONNX Runtime's values (the pipeline's are computed by the script), and cut in
# two stages the same bits as whole.
# timeout: 600
set -uo pipefail
command -v python3 >/dev/null || { echo "kinds: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
cd "$work" || exit 1
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/kinds_models.py" . || exit 1
ort=$LPC_SOURCE/tests/ort
[ -e "$LPC_SOURCE/.cache/ort/node_modules" ] && has_ort=1 || has_ort=0
ways=("--emit c" "--portable")
[ "$LPC_HAS_LLVM" = 0 ] || ways+=("--emit obj")

# Whole and in two stages, the outputs of all frames are the same.
compose() { # NAME MODEL [OPTION...] -- [RUN OPTION...]
    local name=$1 options=("$2" --quiet) way
    shift 2
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    for way in "${ways[@]}"; do
        rm -rf one two one.out two.out
        # shellcheck disable=SC2086
        "$LPC" "${options[@]}" $way -o one >log 2>&1 && "$LPC" run one "$@" --output one.out >log 2>&1 &&
            "$LPC" "${options[@]}" $way --targets host,host -o two >log 2>&1 &&
            "$LPC" run two "$@" --output two.out >log 2>&1 || { fail "$name, $way: $(tail -n 2 log)"; continue; }
        [ -n "$(ls one.out)" ] && diff -r one.out two.out >log || fail "$name, $way: two stages differ from one"
    done
}

check() { # NAME MODEL DATA
    for way in "${ways[@]}"; do
        # shellcheck disable=SC2086
        "$LPC" check "$2" "$3" $way >log 2>&1 || fail "$1, $way: $(grep -v ': ok$' log | head -n 3)"
    done
}

if [ $has_ort = 1 ]; then
    for kind in float qdq; do
        node "$ort/ort_run.mjs" $kind.onnx $kind.data || exit 1
        for level in extended all; do
            node "$ort/optimize.mjs" $kind.onnx $kind-$level.onnx $level || exit 1
            grep -qE 'FusedConv|com.microsoft.nchwc|QLinear' $kind-$level.onnx || fail "$kind, $level: nothing was fused"
            check "$kind, $level" $kind-$level.onnx $kind.data
            compose "$kind, $level" $kind-$level.onnx -- --seed 3
        done
    done
else
    echo "kinds: no ONNX Runtime in .cache/ort: models are not optimised, values not compared"
    compose float float.onnx -- --seed 3
    compose qdq qdq.onnx -- --seed 3
fi

check pipeline pipeline.onnx pipeline.data
compose pipeline pipeline.onnx --max rows=16 -- --input numbers=pipeline.data/input_0.pb \
    --input colour=pipeline.data/input_1.pb

# The decoder writes eight words, each of which is the next input.
steps=8 tokens=(5) frames=()
if [ $has_ort = 1 ]; then
    read -ra tokens <<<"5 $(node "$ort/greedy.mjs" decoder.onnx $steps 5 ort.out)"
    [ ${#tokens[@]} = $((steps + 1)) ] || fail "ONNX Runtime gave ${#tokens[@]} words"
fi
python3 - $steps "${tokens[@]}" <<'END'
import os, sys
sys.path.insert(0, os.environ["LPC_SOURCE"] + "/tests/scripts")
sys.dont_write_bytecode = True
from onnx_writer import contents
steps, *tokens = map(int, sys.argv[1:])
for step in range(steps):
    token = tokens[min(step, len(tokens) - 1)]
    open("id%d.pb" % step, "wb").write(contents("input_ids", [1, 1], [token], 7))
    open("mask%d.pb" % step, "wb").write(contents("attention_mask", [1, step + 1], [1] * (step + 1), 7))
END
for ((step = 0; step < steps; step++)); do
    frames+=(--input "input_ids=id$step.pb" --input "attention_mask=mask$step.pb")
done
decode=(--bind batch_size=1 --bind sequence_length=1 --max past_sequence_length=63 --max total_sequence_length=64)
compose decoder decoder.onnx "${decode[@]}" --state 'past_key_values.*=present.*' -- "${frames[@]}"
for wrong in "no input 'past'" "no such input" "no output 'nothing.0.key'"; do
    case $wrong in
    *such*) state='past.*=present.*' ;;
    *output*) state='past_key_values.*=nothing.*' ;;
    *) state='past=present.*' ;;
    esac
    expect 1 "the model has $wrong" "$LPC" decoder.onnx "${decode[@]}" --state "$state" -o wrong --no-link
done
if [ $has_ort = 1 ]; then
    python3 - $steps <<'END' || fail "the decoder's logits differ from ONNX Runtime's"
import struct, sys
def read(path):
    data = open(path, "rb").read()
    data = data[10 + struct.unpack("<H", data[8:10])[0]:]
    return struct.unpack("<%df" % (len(data) // 4), data)
for step in range(int(sys.argv[1])):
    ours, theirs = read("one.out/logits.%d.npy" % step), read("ort.out/logits.%d.npy" % step)
    worst = max(abs(a - b) for a, b in zip(ours, theirs))
    if worst > 1e-4 or max(theirs) < 0.1:
        sys.exit("step %d: largest difference %g" % (step, worst))
END
fi
echo "kinds: ${#ways[@]} ways"
[ "$failures" = 0 ]
