#!/bin/bash
# Emitted C has no undefined behaviour, whatever stands in its inputs: NaN, infinities, the largest and the
# smallest numbers, through every operator on floats, built with -fsanitize=undefined. Objects and C give
# the same bits there. Of the official tests, where they are, every EVERY-th one (16; EVERY=1: all) that
# compiles without its data goes through portable C likewise.
# timeout: 300
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
command -v python3 >/dev/null || { echo "undefined: no python3: skipped"; exit 77; }
flags=(-std=c11 -O1 -fsanitize=undefined,float-cast-overflow -fno-sanitize-recover=all)
echo 'int main(void) { return 0; }' >"$work/try.c"
cc "${flags[@]}" "$work/try.c" -o "$work/try" 2>/dev/null ||
    { echo "undefined: this compiler has no -fsanitize=undefined: skipped"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
mkdir "$work/m"
python3 "$LPC_SOURCE/tests/scripts/undefined.py" "$work/m" || fail "the models cannot be written"

# Fills every float input from the list, from another place in each round, and writes all outputs.
cat >"$work/main.c" <<'SOURCE'
#include "model.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const float values[] = {
    NAN,    INFINITY, -INFINITY, 3e38f,  -3e38f, FLT_MAX, -FLT_MAX, 1e-45f, -1e-45f,  1e-38f, 0.0f,
    -0.0f,  1.0f,     -1.0f,     88.8f,  89.5f,  -103.9f, -104.5f,  2e9f,   -2.2e9f,  1e10f,  -1e10f,
    9.3e18f, -9.3e18f, 2e19f,    127.5f, 255.5f, -128.5f, 0.3f,     65520.0f, 4.3e9f, 1e-8f,  -7.5f};
enum { COUNT = sizeof values / sizeof *values, ROUNDS = 7 };

/* Special values for floats of any width, zeros and ones for all else. */
static void fill(void *to, uint32_t type, uint64_t bytes, uint64_t at)
{
    static const uint16_t half[] = {0x7e00, 0x7c00, 0xfc00, 0x7bff, 0xfbff, 0x0001, 0x8000, 0x3c00};
    static const uint16_t brain[] = {0x7fc0, 0x7f80, 0xff80, 0x7f7f, 0xff7f, 0x0001, 0x8000, 0x3f80};
    unsigned char *b = to;
    for (uint64_t k = 0; k < bytes; k++) {
        if (type == 1 && k % 4 == 0) ((float *)to)[k / 4] = values[(k / 4 + at) % COUNT];
        if (type == 11 && k % 8 == 0) ((double *)to)[k / 8] = (double)values[(k / 8 + at) % COUNT];
        if (type == 10 && k % 2 == 0) ((uint16_t *)to)[k / 2] = half[(k / 2 + at) % 8];
        if (type == 16 && k % 2 == 0) ((uint16_t *)to)[k / 2] = brain[(k / 2 + at) % 8];
        if (type != 1 && type != 11 && type != 10 && type != 16)
            b[k] = (unsigned char)(k % 8 == 0 && (k / 8 + at) % 2);
    }
}

/* Which NaN it is, no language says. */
static void put(void *data, uint32_t type, uint64_t bytes)
{
    float *f = data;
    double *d = data;
    for (uint64_t k = 0; type == 1 && k < bytes / sizeof *f; k++) f[k] = isnan(f[k]) ? NAN : f[k];
    for (uint64_t k = 0; type == 11 && k < bytes / sizeof *d; k++) d[k] = isnan(d[k]) ? (double)NAN : d[k];
    fwrite(data, 1, bytes, stdout);
}

int main(void)
{
    const lpc_model *m = &MODEL;
    void **in = calloc(m->in.tensor_count + 1, sizeof *in);
    void **out = calloc(m->out.tensor_count + 1, sizeof *out);
    int64_t *sizes = calloc(m->symbol_count + 1, sizeof *sizes);
    for (uint32_t i = 0; i < m->symbol_count; i++) sizes[i] = m->symbol_max[i];
    for (uint32_t i = 0; i < m->in.tensor_count; i++)
        in[i] = calloc(m->in.tensors[i].max_bytes + 64, 1);
    for (uint32_t i = 0; i < m->out.tensor_count; i++)
        out[i] = calloc(m->out.tensors[i].max_bytes + 64, 1);
    void *work = aligned_alloc(64, m->workspace_bytes + 64 - m->workspace_bytes % 64);
    void *state = aligned_alloc(64, m->state_bytes + 64 - m->state_bytes % 64);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < m->in.tensor_count; i++)
            fill(in[i], m->in.tensors[i].type, m->in.tensors[i].max_bytes, (uint64_t)round * 5 + i * 3);
        int code = m->run((const void *const *)in, out, sizes, work, state, NULL);
        if (code) return code;
        for (uint32_t i = 0; i < m->out.tensor_count; i++)
            put(out[i], m->out.tensors[i].type, m->out.tensors[i].max_bytes);
    }
    return 0;
}
SOURCE

build() { # FOLDER PROGRAM [LOG]
    local prefix sources=("$1/host/stage.c")
    prefix=$(sed -n 's/^extern const lpc_model \(.*\)_model;/\1/p' "$1/host/model.h")
    [ -f "$1/host/model.c" ] && sources+=("$1/host/model.c") || sources+=("$1/host/model.o")
    sources+=("$(ls "$1"/host/weights.* | head -n 1)")
    cc "${flags[@]}" -march=native -DMODEL="${prefix}_model" -I"$1" -I"$1/host" -I"$LPC_SOURCE/runtime" \
        "$work/main.c" "${sources[@]}" -lm -o "$2" >"${3:-$work/log}" 2>&1
}
defined() { # MODEL.onnx [OPTION...]: all three ways, and the bits are one another's
    local name form options
    name=$(basename "$1" .onnx)
    for form in plain portable c obj; do
        case $form in
        plain) options=(--no-plan --emit c) ;;
        portable) options=(--portable) ;;
        c) options=(--emit c) ;;
        obj) options=() ;;
        esac
        "$LPC" "$1" --quiet --no-link "${options[@]}" "${@:2}" -o "$work/$name.$form" >"$work/log" 2>&1 &&
            build "$work/$name.$form" "$work/program" &&
            "$work/program" >"$work/$name.$form.out" 2>"$work/log" ||
            { fail "$name, $form: $(head -c 1200 "$work/log")"; continue; }
    done
    cmp "$work/$name.c.out" "$work/$name.obj.out" >"$work/log" 2>&1 || fail "$name: C and objects differ: $(cat "$work/log")"
}
for model in unary casts binary reductions images sequences; do defined "$work/m/$model.onnx"; done

# One official test: nothing when it is fine, does not compile or is refused by the run (an index that is
# none), else a line.
official() { # FOLDER
    local out=$work/official.$BASHPID code
    "$LPC" "$1/model.onnx" --quiet --no-link --portable -o "$out" >/dev/null 2>&1 || return 0
    if build "$out" "$out/program" "$out/log"; then
        timeout 20 "$out/program" >/dev/null 2>"$out/log"
        code=$?
        echo "$1 $code" >>"$work/ran"
        { [ $code -le 1 ] || [ $code -gt 100 ]; } && grep -q 'runtime error' "$out/log" &&
            echo "$1: $(grep -m 1 'runtime error' "$out/log")"
        [ $code -lt 124 ] || echo "$1: exit status $code: $(head -c 300 "$out/log")"
    else
        echo "$1: does not build: $(grep -m 1 error "$out/log")"
    fi
    rm -rf "$out"
}
if [ -d "$SHARED/onnx-tests" ]; then
    ls -d "$SHARED"/onnx-tests/*/test_* | awk -v every="${EVERY:-16}" 'NR % every == 0' >"$work/cases"
    export -f official build
    export work LPC_SOURCE LPC
    found=$(xargs -P 2 -n 1 bash -c "$(declare -p flags); "'official "$1"' - <"$work/cases")
    [ -z "$found" ] || fail "$found"
    echo "undefined: own models and $(wc -l <"$work/ran") of $(wc -l <"$work/cases") official tests;" \
        "$(grep -c ' 0$' "$work/ran") of them ran to their end"
    [ "$(grep -c ' 0$' "$work/ran")" -gt $(($(wc -l <"$work/cases") / 2)) ] || fail "few official tests ran"
else
    echo "undefined: own models only: no $SHARED/onnx-tests here"
fi
[ "$failures" = 0 ]
