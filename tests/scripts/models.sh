#!/bin/bash
# Every real model of shared/models that uses only standard domains passes `lpc check` on all its data
# sets: as objects, as one stage and as three; as C and as portable C, one of them as one stage, compiled by
# cc, and the other as three, compiled by clang (if it is here) with -O1: which, takes turns from model to
# model. Each stage's workspace is planned within 1.05 times its lower bound. In the sanitizers' build: some
# models, two ways. Without ../shared the repository's own model stands for them, with the outputs that its
# plain loops give (plain.sh, operators.sh).
# labels: asan slow
# timeout: 1800
set -uo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
models=$SHARED/models
export work LPC models

own_models() {
    local data=$work/own/digits/test_data_set_0
    models=$work/own
    mkdir -p "$data"
    cp "$LPC_SOURCE/models/digits/digits.onnx" "$models/digits/model.onnx"
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$LPC_SOURCE/tests/scripts python3 - "$data/input_0.pb" <<'EOF'
import sys
from onnx_writer import contents
with open(sys.argv[1], "wb") as file:
    file.write(contents("pixels", [1, 1, 8, 8], [i * 37 % 17 for i in range(64)]))
EOF
    "$LPC" "$models/digits/model.onnx" --no-plan --quiet -o "$work/plain" &&
        "$LPC" run "$work/plain" --input "pixels=$data/input_0.pb" --output "$work/out" >/dev/null &&
        cp "$work"/out/*.npy "$data/output_0.pb"
}
[ -d "$models" ] || own_models || { echo "FAILED: the own model does not run"; exit 1; }

# clang as cc, if it is here; and little optimised, as whoever debugs does: that takes half the time.
mkdir "$work/bin"
printf '#!/bin/sh\nexec %s "$@" -O1\n' "$(command -v clang-19 || command -v clang || command -v cc)" >"$work/bin/cc"
chmod +x "$work/bin/cc"

# All that a check compiled (each in its own folder) stays within 1.05 times the bound.
check_memory() { # MODEL NAME FOLDER
    local manifest planned bound i
    for manifest in "$3"/*/*/manifest.json; do
        [ -e "$manifest" ] || { echo "FAILED: $1 $2 left no manifest"; touch "$work/failed"; }
        mapfile -t planned < <(grep -o '"workspace_bytes":.*[0-9]' "$manifest" | grep -o '[0-9]*$')
        mapfile -t bound < <(grep -o '"workspace_bound_bytes":.*[0-9]' "$manifest" | grep -o '[0-9]*$')
        for ((i = 0; i < ${#planned[@]}; i++)); do
            [ $((planned[i] * 100)) -le $((bound[i] * 105)) ] && continue
            echo "FAILED: $1 $2: workspace ${planned[i]} bytes, bound ${bound[i]}"
            touch "$work/failed"
        done
    done
}
export -f check_memory

check() { # MODEL NAME OPTION...
    local model=$1 name=$2 folder=$work/$1.$2
    shift 2
    mkdir "$folder"
    if ! TMPDIR=$folder "$LPC" check "$models/$model/model.onnx" \
        "$models/$model"/test_data_set_* --keep "$@" >"$folder.log" 2>&1; then
        echo "FAILED: lpc check $model $*"
        tail -n 4 "$folder.log"
        touch "$work/failed"
    fi
    check_memory "$model" "$name" "$folder"
    rm -rf "$folder"
}
export -f check

run() { # MODEL TURN
    if [ "${LPC_SANITIZED:-0}" = 1 ]; then
        check "$1" obj-1 --emit obj
        check "$1" c-3 --emit c --stages 3
        return
    fi
    check "$1" obj-1 --emit obj
    check "$1" obj-3 --emit obj --stages 3
    local one=(--emit c) three=(--portable)
    [ "$2" = 1 ] && one=(--portable) three=(--emit c)
    check "$1" c-1 "${one[@]}"
    PATH=$work/bin:$PATH check "$1" c-3 "${three[@]}" --stages 3
}
export -f run

if [ "$models" != "$SHARED/models" ]; then
    ls "$models" >"$work/list"
elif [ "${LPC_SANITIZED:-0}" = 1 ]; then
    printf '%s\n' mnist-8 mlperf-tiny-resnet8-qop kws-m-qdq stories260k-kv yunet-n-dynamic \
        silero-vad-op16-if lgbm-classifier byte-sb-bidi-lstm >"$work/list"
else
    ls "$models" | grep -vE '^(README.md|espcn-superres|tree-ensemble-classifier)$' >"$work/list"
fi
[ "$models" = "$SHARED/models" ] || echo "models: no $SHARED/models here: the repository's own only"
echo "models: $(wc -l <"$work/list")"
awk '{ print $0, NR % 2 }' "$work/list" | xargs -P 2 -n 2 bash -c 'run "$0" "$1"'
[ ! -e "$work/failed" ]
