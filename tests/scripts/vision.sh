#!/bin/bash
# MobileNetV2 in two at its eighth block and ResNet18 in three (models with the published shapes that
# vision_models.py makes), by hand and as the planner cuts them: the planner's period is no longer; the
# stages composed give the bits of the whole model; and ONNX Runtime agrees, where it is installed.
# timeout: 300
set -uo pipefail
[ -x "$LPC" ] || { echo "vision: needs lpc: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "vision: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
scripts=$LPC_SOURCE/tests/scripts
export PYTHONDONTWRITEBYTECODE=1
fail() { echo "vision: $*" >&2; exit 1; }

python3 "$scripts/vision_models.py" . >weights || fail "cannot write the models"
grep -qx 'mobilenetv2.onnx: 3504872 weights' weights && grep -qx 'resnet18.onnx: 11689512 weights' weights ||
    fail "not the published sizes: $(cat weights)"
# This machine as three devices of the speeds and links of case 4, so that what is planned also runs here.
cat >hosts.json <<'EOF'
{"devices": [{"name": "host", "target": "host", "gflops": 20, "memory": "1GB"},
             {"name": "host-2", "target": "host", "gflops": 10, "memory": "1GB"},
             {"name": "host-3", "target": "host", "gflops": 5, "memory": "1GB"}],
 "default_link": {"bandwidth": "12.5MB", "latency": 0.001}}
EOF

period() { grep -o '"bottleneck_s":[^,]*' "$1" | grep -o '[0-9.e+-]*$'; }

plan() { # MODEL DEVICES FILE OPTION...
    "$LPC" plan "$1.onnx" --cluster hosts.json --targets "$2" --json "${@:4}" >"$3" 2>log ||
        fail "$1 ${*:4}: $(cat log)"
}

compile() { # MODEL NAME OPTION...: the outputs of noise in MODEL.NAME.out
    "$LPC" "$1.onnx" --quiet -o "$1.$2" "${@:3}" 2>log || fail "$1 $2 does not compile: $(cat log)"
    "$LPC" run "$1.$2" --seed 7 --output "$1.$2.out" >log 2>&1 || fail "$1 $2 does not run: $(cat log)"
    [ "$2" = whole ] || cmp "$1.whole.out/scores.npy" "$1.$2.out/scores.npy" ||
        fail "$1: stages cut $2 differ from the whole model"
}

model() { # MODEL DEVICES TARGETS CUTS
    local order
    plan "$1" "$2" hand.json --cut-after "$4"
    for order in fixed free; do
        plan "$1" "$2" planner.json --order $order
        awk "BEGIN { exit !($(period planner.json) <= $(period hand.json)) }" ||
            fail "$1: $order order takes $(period planner.json) s, by hand $(period hand.json) s"
    done
    plan "$1" "$2" planner.json --use-all
    echo "vision: $1: period by hand $(period hand.json) s, by the planner $(period planner.json) s:" \
        "$(grep -o '"last":[^,]*' planner.json | cut -d '"' -f 4 | tr '\n' ' ')"
    compile "$1" whole
    compile "$1" hand --targets "$3" --cut-after "$4"
    compile "$1" planned --targets "$3" --plan planner.json
    # Scores that are all the same, or have grown out of bounds, would compare well whatever is wrong.
    python3 - "$1.whole.out/scores.npy" <<'EOF' || fail "$1: the signal's size is not kept"
import statistics, struct, sys
data = open(sys.argv[1], "rb").read()
spread = statistics.pstdev(struct.unpack("<1000f", data[-4000:]))
sys.exit(not 0.3 < spread < 30)
EOF
    [ -e "$LPC_SOURCE/.cache/ort/node_modules" ] || { echo "vision: ONNX Runtime is not installed"; return; }
    node "$LPC_SOURCE/tests/ort/ort_run.mjs" "$1.onnx" "$1.set" >log 2>&1 || fail "$1: $(cat log)"
    "$LPC" check "$1.onnx" "$1.set" --targets "$3" --cut-after "$4" >log 2>&1 || fail "$1: $(cat log)"
}

model mobilenetv2 host,host-2 host,host block8
model resnet18 host,host-2,host-3 host,host,host block3,block6
