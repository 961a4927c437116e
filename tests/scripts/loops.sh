#!/bin/bash
# Loop and Scan: the models of loop_cases.py through the evaluator and every backend, as one stage and
# as two, and what is told about loops that are wrong. Needs nothing but Python's standard library.
# labels: asan slow
# timeout: 900
set -uo pipefail
command -v python3 >/dev/null || { echo "loops: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/loop_cases.py" "$work/cases" || exit 1
cd "$work/cases" || exit 1

ways=("--emit eval" "--emit eval --no-plan" "--emit eval --stages 2")
[ "${LPC_SANITIZED:-0}" = 1 ] ||
    ways+=("--emit obj" "--emit obj --stages 2" "--emit c" "--portable")
check_cases

# Composed equals whole, bit for bit: CASE INPUT... run with the case's data in one stage and in two
# around the loop. Compiled for all sizes, while `lpc check` compiles for those of the data.
compose() {
    local model=$1 with=() data=$1/test_data_set_0 out=$work/composed/$1 k=0
    shift
    mkdir -p "$out"
    for name in "$@"; do with+=(--input "$name=$data/input_$((k++)).pb"); done
    for targets in host host,host; do
        # shellcheck disable=SC2046
        "$LPC" "$model/model.onnx" -o "$out/$targets" --quiet --targets $targets \
            $(cat "$model/options" 2>/dev/null) &&
            "$LPC" run "$out/$targets" "${with[@]}" --output "$out/$targets.out" || fail "$model, $targets"
    done >"$work/log" 2>&1
    [ "$(ls "$out/host.out" | wc -l)" -ge 2 ] && diff -r "$out/host.out" "$out/host,host.out" && return
    fail "$model: composed differs from whole: $(cat "$work/log")"
}

# OUTPUT CASE INPUT...: the same, and an output that is exactly the data's: its bytes end output_0.pb,
# after their number.
exact() {
    compose "${@:2}"
    local made expected
    made=$(tail -c +129 "$work/composed/$2/host.out/$1.npy" | od -An -v -tx1 | tr -d ' \n')
    expected=$(od -An -v -tx1 "$2/test_data_set_0/output_0.pb" | tr -d ' \n')
    [[ $expected == *4a$(printf %02x $((${#made} / 2)))$made ]] && return
    fail "$2: output '$1' is $made, expected the end of $expected"
}
if [ "${LPC_SANITIZED:-0}" != 1 ]; then
    compose lstm x_raw
    compose convolution x_raw
    exact s scan_dynamic x_raw
    exact a trade_run_time_sizes a0_raw b0 trips
    exact a trade_and_grow_run_time_sizes a0_raw b0 trips
fi

# state CASE Y Y Y OPTION...: what the last element of output y is in three runs, each with the state that
# the one before left.
state() {
    local model=../states/$1 expected="$2 $3 $4" out=$work/ran/$1 got=
    local w=$model/test_data_set_0/input_0.pb
    for emit in "--emit obj" "--emit c" "--no-plan"; do
        rm -rf "$out" "$out.out"
        mkdir -p "$work/ran"
        # shellcheck disable=SC2086
        "$LPC" "$model/model.onnx" -o "$out" --quiet --state past=present $emit "${@:5}" >"$work/log" 2>&1 &&
            "$LPC" run "$out" --input "w=$w" --input "w=$w" --input "w=$w" --output "$out.out" \
                >"$work/log" 2>&1
        got=$(for k in 0 1 2; do tail -c 4 "$out.out/y.$k.npy" | od -An -tf4; done | xargs)
        [ "$got" = "$expected" ] && continue
        fail "state $1 $emit: expected $expected, got: $got: $(cat "$work/log")"
    done
}
if [ "${LPC_SANITIZED:-0}" != 1 ]; then
    state carried -9 -18 -27
    state captured -3 -12 -48
    state grows -9 -18 -27 --max n=9
fi

# What is told by compiling a case, or by a run of it where there are options and data: MESSAGE CASE OPTIONS...
says() {
    message=$1 model=$2
    shift 2
    if [ -e "$model/test_data_set_0/output_0.pb" ] && [ $# -gt 0 ]; then
        said=$("$LPC" check "$@" --emit eval "$model/model.onnx" "$model/test_data_set_0" 2>&1)
    else
        said=$("$LPC" "$model/model.onnx" -o "$work/out" 2>&1)
    fi
    [[ $said == *"$message"* ]] && return
    fail "$model: expected '$message', got: $said"
}
says "node 'loop' (Loop, #1): output 'ys' grows, and the number of iterations has no bound that is known \
at compile time: give one with --max loop_trips=N" dynamic
says "give one with --max loop_trips=N" grow_dynamic
says "--max loop_tips=4: the model has no size 'loop_tips'" dynamic --max loop_trips=6 --max loop_tips=4
says "evaluator returned 1" until --max loop_trips=3
says "evaluator returned 1" dynamic --max loop_trips=2
says "node 'loop/body/add' (Add" ../wrong/body
says "node 'loop' (Loop, #0): carried value 0 enters as f32 and leaves the body as i64" ../wrong/type
says "node 'loop' (Loop, #0): carried value 0 enters with shape [3] and leaves the body with [1, 3]" ../wrong/rank
says "node 'loop' (Loop, #0): its body has 3 inputs, expected 4" ../wrong/inputs
says "node 'loop' (Loop, #0): its body does not compute its output 'nowhere'" ../wrong/output
says "may have another size" ../wrong/stack
says "axis 0 of carried value 0 is 1 at first and 3 later" ../wrong/broadcast
says "node 'scan' (Scan, #0): num_scan_inputs: expected a value in [1, 1], got 3" ../wrong/scan
echo "loops: $count cases, ${#ways[@]} ways each"
[ "$failures" = 0 ]
