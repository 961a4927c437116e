#!/bin/bash
# Sequences and optionals: the models of sequence_cases.py through the evaluator and every backend, as one stage
# and as two, how their ends are called outside, and what is told about those that cannot be compiled. Needs
# nothing but Python's standard library.
# labels: asan slow
# timeout: 900
set -uo pipefail
command -v python3 >/dev/null || { echo "sequences: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/sequence_cases.py" "$work/cases" || exit 1
cd "$work/cases" || exit 1
mv bounded.npy "$work"

ways=("--emit eval" "--emit eval --no-plan")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "--emit c" "--portable")
check_cases

# Composed equals whole where there is a place to cut.
cut=0
for c in grows_dynamic appends_two branch_then run_time_pieces optional_absent ends; do
    # shellcheck disable=SC2046
    "$LPC" check --emit eval --stages 2 $(cat $c/options 2>/dev/null) --each $c >"$work/results" 2>&1
    grep -q '^PASS ' "$work/results" && cut=$((cut + 1)) || fail "$c in two stages: $(cat "$work/results")"
done

# The ends outside: a length is a size, elements have names of their own, an optional is there or not.
"$LPC" inspect ends/model.onnx --bind s=2 --bind N=3 >"$work/inspect" 2>&1
grep -q 's_1' "$work/inspect" && grep -q 't_1' "$work/inspect" ||
    fail "lpc inspect --bind s=2: $(cat "$work/inspect")"
"$LPC" inspect optional_absent/model.onnx --bind q=1 --bind o.present=0 >"$work/inspect" 2>&1
grep -q 'q_0' "$work/inspect" && ! grep -qw 'o' "$work/inspect" ||
    fail "lpc inspect --bind o.present=0: $(cat "$work/inspect")"

# A sequence with a bound is a tensor with a length: each element and its neighbour, added up by the program.
"$LPC" bounded/model.onnx -o "$work/bounded" --quiet --max s=4 >"$work/log" 2>&1 &&
    "$LPC" run "$work/bounded" --input "s=$work/bounded.npy" --output "$work/bounded.out" >>"$work/log" 2>&1
made=$(tail -c 24 "$work/bounded.out/t.npy" 2>/dev/null | od -An -v -tf4 | xargs)
[ "$made" = "2 4 6 8 10 12" ] || fail "bounded: got '$made': $(cat "$work/log")"

told at_outside "node 'at' (SequenceAt, #1): position 2 is outside of the sequence, which has 2 elements"
told at_shapes "node 'at' (SequenceAt, #1): elements 0 and 1 of the sequence have different shapes, and which is \
read is known at run time only"
told insert_place "node 'insert' (SequenceInsert, #1): its position is known at run time only"
told erase_empty "node 'erase' (SequenceErase, #1): the sequence is empty"
told concat_empty "node 'concat' (ConcatFromSequence, #1): the sequence is empty"
told no_sequence "node 'length' (SequenceLength, #0): input 0 is a tensor, not a sequence"
told no_tensor "node 'neg' (Neg, #1): input 0 is a sequence, expected a tensor"
told split_dynamic "node 'split' (SplitToSequence, #0): into how many pieces it splits is known at run time only"
told absent "node 'get' (OptionalGetElement, #1): there is no element"
told no_length "input 's' is a sequence: give its length with --bind s=N, or --max s=N"
told no_length "--bind s=70000: the length of a sequence is 0 to" --bind s=70000
told no_length "no size 'r'; it has s" --bind s=2 --bind r=1
told maps "input 's': sequences and optionals of maps are not supported"
told lengths "node 'if' (If, #1): its branches make sequences of 1 and 2 elements, and which is taken is known at run \
time only"
told presence "output 'y': whether there is one is known at run time only"
told front "node 'loop' (Loop, #1): carried value 0 is a sequence whose length its body changes other than by \
elements at the end"
told reads_all "node 'loop/body/concat' (ConcatFromSequence, #1): reads all of a sequence to which the loop 'loop' still appends"
echo "sequences: $count cases, ${#ways[@]} ways each, $cut in two stages"
[ "$failures" = 0 ]
