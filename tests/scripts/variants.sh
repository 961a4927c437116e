#!/bin/bash
# Kernels for one row and for many: a model with a dynamic number of rows gives the bits of the one that
# was compiled for that number, in objects, C and portable C, in one stage and in two.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
/usr/bin/python3 "$LPC_SOURCE/tests/scripts/variants.py" "$work" || exit 1
cd "$work" || exit 1

run() { # NAME ROWS LPC-OPTION...: the output's file is NAME.ROWS/y.npy
    [ -d "$1" ] || "$LPC" variants.onnx --quiet -o "$1" "${@:3}" >log 2>&1 || fail "$1: $(tail -n 2 log)"
    "$LPC" run "$1" --input "x=x$2.npy" --output "$1.$2" >log 2>&1 || fail "$1: $(tail -n 2 log)"
}

for way in "--emit obj" "--emit c" "--emit c --portable"; do
    read -ra options <<<"$way"
    rm -rf one three both two one.* three.* both.* two.*
    run one 1 --bind seq=1 "${options[@]}"
    run three 3 --bind seq=3 "${options[@]}"
    for rows in 1 3; do
        run both $rows --max seq=8 "${options[@]}"
        run two $rows --max seq=8 --targets host,host --cut-after act "${options[@]}"
        cmp both.$rows/y.npy two.$rows/y.npy || fail "$way, $rows rows: two stages differ from one"
    done
    cmp one.1/y.npy both.1/y.npy || fail "$way: one row differs from the model of one row"
    cmp three.3/y.npy both.3/y.npy || fail "$way: three rows differ from the model of three"
    made=$(grep -c '"name":.*_one"' both/host/manifest.json)
    [ "$made" -ge 7 ] || fail "$way: $made kernels for one row"
    grep -q '"name":.*_one"' one/host/manifest.json && fail "$way: variants of a constant size"
done
grep -q 'if (sizes\[SYM_seq\] == 1) {' both/host/model.c || fail "no choice in model.c"
[ "$failures" = 0 ] && echo "variants: one row and many give the bits of their own models"
[ "$failures" = 0 ]
