#!/bin/bash
# --no-plan: plain loops with every buffer apart. The outputs are right, the workspace is the sum of its
# buffers, none of which overlap, and three stages give the bits of one.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
digits=$LPC_SOURCE/models/digits/digits.onnx
field() { # FOLDER NAME
    sed -n "s/^.*\"$2\":[[:space:]]*\([0-9]*\),*$/\1/p" "$1/host/manifest.json"
}

# One after the other, each at the next multiple of 64, as model.c lists them.
apart() { # FOLDER
    sed -n 's|^#define WORK_[^ ]* *\([0-9]*\) /\* \([0-9]*\) bytes:.*|\1 \2|p' "$1/host/model.c" |
        awk -v workspace="$(field "$1" workspace_bytes)" '
            $1 != sum { bad = 1 }
            { sum += int(($2 + 63) / 64) * 64; count++ }
            END { exit bad || count < 2 || sum != workspace }'
}
compile() { # NAME MODEL [OPTION...]
    "$LPC" "$2" --quiet -o "$work/$1" "${@:3}" >"$work/log" 2>&1 ||
        fail "$1: $(tail -n 2 "$work/log")"
}
outputs() { # NAME
    "$LPC" run "$work/$1" --seed 7 --output "$work/$1.out" >"$work/log" 2>&1 ||
        fail "$1: $(tail -n 2 "$work/log")"
}

compile planned "$digits" --portable
compile c "$digits" --no-plan --emit c
compile obj "$digits" --no-plan
compile three "$digits" --no-plan --targets host,host,host
for name in c obj three; do outputs $name; done
diff -r "$work/c.out" "$work/obj.out" || fail "C and objects differ"
diff -r "$work/obj.out" "$work/three.out" || fail "three stages differ from one"
apart "$work/c" || fail "the workspace is not its buffers one after the other"
[ "$(field "$work/c" workspace_bytes)" = "$(field "$work/c" workspace_naive_bytes)" ] ||
    fail "workspace_bytes is not workspace_naive_bytes"
[ "$(field "$work/c" workspace_bytes)" -gt "$(field "$work/planned" workspace_bytes)" ] ||
    fail "a plan takes no less than separate buffers"
apart "$work/planned" && fail "the planned workspace counts as separate buffers"
grep -q 'parallel_for\|_packed' "$work/c/host/model.c" && fail "packed weights, or parallel loops"
grep -q 'C11 with vector extensions' "$work/c/host/model.c" && fail "vectors in plain loops"

check() { # NAME [OPTION...]
    local folder=$SHARED/models/$1
    [ -d "$folder" ] || { echo "plain: no $folder here: skipped"; return; }
    "$LPC" check "$folder/model.onnx" "$folder/test_data_set_0" --no-plan "${@:2}" >"$work/log" 2>&1 ||
        fail "$1 ${*:2}: $(tail -n 2 "$work/log")"
}
check mnist-8 --emit c
check mlperf-tiny-resnet8
check mlperf-tiny-vww-mobilenetv1 --stages 3
check mlperf-tiny-resnet8-qdq
check kws-m-qdq --emit c --bind unk__68=1
check ultraface-rfb-320
check dtln-1
[ "$failures" = 0 ]
