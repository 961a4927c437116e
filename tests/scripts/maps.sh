#!/bin/bash
# Maps as inputs: the models of map_cases.py through the evaluator and every backend, as one stage and as two, a
# program for any number of entries, and what is told about those that cannot be compiled. Needs nothing but
# Python's standard library.
# labels: asan slow
# timeout: 600
set -uo pipefail
command -v python3 >/dev/null || { echo "maps: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/map_cases.py" "$work/cases" || exit 1
cd "$work/cases" || exit 1

ways=("--emit eval" "--emit eval --no-plan" "--emit eval --stages 2")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "--emit c" "--portable")
check_cases

# A map with a bound: keys in any order, each run with as many as it has.
runs() { # KEYS
    "$LPC" run "$work/bounded" --input "x.keys=$work/$1.npy" --input "x.values=$work/values.npy" \
        --output "$work/made" >>"$work/log" 2>&1
}
"$LPC" sparse/model.onnx -o "$work/bounded" --quiet --max x=8 >"$work/log" 2>&1 && runs keys
made=$(tail -c 20 "$work/made/f.npy" 2>/dev/null | od -An -v -tf4 | xargs)
[ "$made" = "0 10 20 30 0" ] || fail "bounded: got '$made': $(cat "$work/log")"
runs below && fail "a key below 0 did not end the run of a sparse map"

told keys "input 'x': a map from i32 (6): int64 and string are supported"
told wide "input 'x': a map to other than single elements is not supported"
told nested "input 'x': sequences and optionals of maps are not supported"
told to "node 'cast_y' (ai.onnx.ml::CastMap, #0): cast_to: 'TO_DOUBLE' is not known" --bind x=2
told form "node 'cast_y' (ai.onnx.ml::CastMap, #0): map_form: 'PACKED' is not known" --bind x=2
told most "node 'cast_y' (ai.onnx.ml::CastMap, #0): max_map: expected 1 or more, got 0" --bind x=2
told doubles "node 'cast_y' (ai.onnx.ml::CastMap, #0): input 1, 'x.values': expected f32 or strings, got f64" --bind x=2
told text_keys "node 'cast_y' (ai.onnx.ml::CastMap, #0): input 0, 'x.keys': expected i64, got strings" --bind x=2
told vocabulary "node 'dict' (ai.onnx.ml::DictVectorizer, #0): expected one of int64_vocabulary and string_vocabulary" \
    --bind x=2
told words "node 'dict_y' (ai.onnx.ml::DictVectorizer, #0): the vocabulary is of str256, the map's keys are i64" --bind x=2
told no_map "node 'cast_y' (ai.onnx.ml::CastMap, #0): input 0 is a tensor, not a map" --bind x=2
told as_tensor "node 'neg' (Neg, #0): input 0 is a map, expected a tensor" --bind x=2
told as_sequence "node 'length' (SequenceLength, #0): input 0 is a map, not a sequence" --bind x=2
expect 1 "a key stands twice in the map" "$LPC" check --emit eval "$work/wrong/twice.onnx" "$work/wrong/twice"
expect 1 "a map's values: expected one element each" "$LPC" check --emit eval "$work/wrong/sequences.onnx" \
    "$work/wrong/sequences"
echo "maps: $count cases, ${#ways[@]} ways each"
[ "$failures" = 0 ]
