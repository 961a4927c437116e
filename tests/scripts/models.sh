#!/bin/bash
# Every real model of shared/models that uses only standard domains passes `lpc check` on all its data
# sets: as objects, C and portable C; as one stage and as three.
# timeout: 1200
set -uo pipefail
[ -d "$SHARED/models" ] || { echo "models: no $SHARED/models here: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work LPC SHARED

check() { # MODEL NAME OPTION...
    local model=$1 name=$2
    shift 2
    if ! "$LPC" check "$SHARED/models/$model/model.onnx" "$SHARED/models/$model"/test_data_set_* "$@" \
        >"$work/$model.$name.log" 2>&1; then
        echo "FAILED: lpc check $model $*"
        tail -n 4 "$work/$model.$name.log"
        touch "$work/failed"
    fi
}
export -f check

run() {
    for emit in obj c portable; do
        options=(--emit "$emit")
        [ "$emit" = portable ] && options=(--portable)
        check "$1" "$emit-1" "${options[@]}"
        check "$1" "$emit-3" "${options[@]}" --stages 3
    done
}
export -f run

ls "$SHARED/models" | grep -vE '^(README.md|espcn-superres|tree-ensemble-classifier)$' >"$work/list"
echo "models: $(wc -l <"$work/list"), 6 ways each"
xargs -a "$work/list" -P 2 -n 1 bash -c 'run "$0"'
[ ! -e "$work/failed" ]
