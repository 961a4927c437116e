#!/bin/bash
# A guard of speed without a clock: callgrind counts the instructions of one inference on target pc
# (AVX2), and tests/instructions.txt holds what they may be. UPDATE=1 rewrites it.
# timeout: 300
set -uo pipefail
[ "${LPC_HAS_LLVM:-1}" = 1 ] || { echo "instructions: lpc is built without LLVM: skipped"; exit 77; }
command -v valgrind >/dev/null || { echo "instructions: no valgrind here: skipped"; exit 77; }
[ "$(uname -m)" = x86_64 ] && grep -q avx2 /proc/cpuinfo || { echo "instructions: no AVX2 here: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
table=$LPC_SOURCE/tests/instructions.txt
failed=0

count() { # NAME MODEL.onnx
    local out=$work/$1 prefix
    "$LPC" "$2" --targets pc --no-link --quiet -o "$out" >"$work/log" 2>&1 || { cat "$work/log"; return 1; }
    prefix=$(sed -n 's/^extern const lpc_model \(.*\)_model;/\1/p' "$out/pc/model.h")
    cat >"$work/main.c" <<SOURCE
#include "pc/model.h"
#include <stdlib.h>
int main(void)
{
    const lpc_model *m = &${prefix}_model;
    const void *in[64];
    void *out[64];
    for (uint32_t i = 0; i < m->in.tensor_count; i++)
        in[i] = calloc(m->in.tensors[i].max_bytes + 64, 1);
    for (uint32_t i = 0; i < m->out.tensor_count; i++)
        out[i] = calloc(m->out.tensors[i].max_bytes + 64, 1);
    void *work = aligned_alloc(64, m->workspace_bytes + 64 - m->workspace_bytes % 64);
    return m->run(in, out, NULL, work, NULL, NULL);
}
SOURCE
    cc -O1 -std=c11 -I"$out" -I"$out/pc" -I"$LPC_SOURCE/runtime" "$work/main.c" "$out/pc/stage.c" \
        "$out/pc/model.o" "$out/pc/weights.o" -lm -o "$work/main" >"$work/log" 2>&1 &&
        valgrind --tool=callgrind --toggle-collect="${prefix}_run" --callgrind-out-file="$work/calls" \
            "$work/main" >"$work/log" 2>&1 || { cat "$work/log"; return 1; }
    sed -n 's/^totals: //p; s/^summary: //p' "$work/calls" | head -n 1
}

judge() { # NAME MODEL
    local now allowed
    now=$(count "$1" "$2") || { echo "FAILED: $1: $now"; failed=1; return; }
    if [ -n "${UPDATE:-}" ]; then
        echo "$1 $now" >>"$work/table"
        return
    fi
    allowed=$(awk -v n="$1" '$1 == n { print $2 }' "$table")
    echo "$1: $now instructions, $allowed recorded"
    [ "$now" -gt 0 ] && [ $((now * 100)) -le $((allowed * 105)) ] ||
        { echo "FAILED: $1 takes more instructions than recorded"; failed=1; }
}

judge digits "$LPC_SOURCE/models/digits/digits.onnx"
for model in mlperf-tiny-resnet8 mlperf-tiny-vww-mobilenetv1 mlperf-tiny-resnet8-qdq dtln-1 mujoco-go1-policy; do
    [ -d "$SHARED/models/$model" ] && judge "$model" "$SHARED/models/$model/model.onnx"
done
if [ -n "${UPDATE:-}" ]; then
    { grep '^#' "$table"; cat "$work/table"; } >"$work/new" && cp "$work/new" "$table"
fi
[ "$failed" = 0 ]
