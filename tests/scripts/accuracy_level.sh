#!/bin/bash
# --accuracy-level: what products with weights of few bits do to their inputs, whatever the model says. Level 4 is off
# by a step of 1 in 127 of a block's largest number; what level 1 is off by is far less than the tolerance.
# labels: asan
set -uo pipefail
[ -x "$LPC" ] && command -v python3 >/dev/null || { echo "accuracy_level: needs lpc and python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
python3 -B "$LPC_SOURCE/tests/scripts/packed_cases.py" "$work" || exit 1
cd "$work" || exit 1
check() { "$LPC" check --emit eval "${@:2}" --each "$1"; }
expect 0 "" check packed_integers
expect 3 MISMATCH check packed_integers --accuracy-level 1
expect 0 "" check packed_nbits
expect 3 MISMATCH check packed_nbits --accuracy-level 4
expect 0 "" check packed_nbits --accuracy-level 4 --rtol 0.05 --atol 0.05
expect 3 MISMATCH check packed_dequantised --accuracy-level 4
expect 0 "" check packed_dequantised --accuracy-level 4 --rtol 0.05 --atol 0.2
expect 0 "" check packed_bnb4 --accuracy-level 4 # weights of a table stay with numbers
expect 2 "1 or 4" check packed_nbits --accuracy-level 2
[ "$failures" = 0 ]
