#!/bin/bash
# Complex numbers: the models of complex_cases.py through the evaluator and every backend, as one stage and as two, in
# .npy files, and what is told where something would compute with them. Needs nothing but Python's standard library.
# labels: asan slow
# timeout: 600
set -uo pipefail
command -v python3 >/dev/null || { echo "complex: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/complex_cases.py" "$work/cases" || exit 1
cd "$work/cases" || exit 1

ways=("--emit eval" "--emit eval --no-plan" "--emit eval --stages 2")
[ "${LPC_SANITIZED:-0}" = 1 ] || ways+=("--emit obj" "--emit c" "--portable")
check_cases --rtol 0 --atol 0

# NumPy's complex128 in and out, and what the header says of it.
"$LPC" "$work/wrong/npy.onnx" -o "$work/made" --quiet >"$work/log" 2>&1 &&
    "$LPC" run "$work/made" --input "x=$work/x.npy" --output "$work/out" >>"$work/log" 2>&1
cmp <(tail -c 48 "$work/x.npy") <(tail -c 48 "$work/out/y.npy") && grep -q "'<c16'" "$work/out/y.npy" ||
    fail "npy: $(cat "$work/log")"
grep -rqF "x: double[3][2] (complex: real part, imaginary part)" "$work/made" || fail "the header does not say how numbers lie"

moved="complex numbers are not supported here: they are moved, not computed with"
told add "node 'node' (Add, #0): input 0, 'x': expected numbers, got c64"
told cast "node 'node' (Cast, #0): input 0: $moved"
told equal "node 'node' (Equal, #0): input 0, 'x': expected numbers or bool or strings, got c64"
told unique "node 'node' (Unique, #0): input 0, 'x': expected numbers or bool or strings, got c64"
told matmul "node 'node' (MatMul, #0): input 0, 'x': expected numbers, got c64"
told sum "node 'node' (ScatterND, #0): reduction 'add' of elements of c64 is not supported"
told to "node 'node' (Cast, #0): complex numbers are moved, not made"
told count "initializer 'w': its shape needs 4 elements, the model has 3"
echo "complex: $count cases, ${#ways[@]} ways each"
[ "$failures" = 0 ]
