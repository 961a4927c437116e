#!/bin/bash
# docs/operators.md is what the records and tests say now, has every operator that the frontend makes others of,
# and for each operator a test of this repository.
# timeout: 120
set -uo pipefail
command -v python3 >/dev/null || { echo "operator_docs: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
cd "$LPC_SOURCE" || exit 1
export PYTHONDONTWRITEBYTECODE=1
python3 docs/operators.py >"$work/operators.md" || fail "docs/operators.py ends with an error"
diff -q docs/operators.md "$work/operators.md" >/dev/null ||
    fail "docs/operators.md is out of date: python3 docs/operators.py > docs/operators.md"
names=$(sed -nE 's/^ +\{"([A-Za-z0-9.:]+)", [0-9]+, [a-z_]+\}.*/\1/p' frontend/*.c | sort -u)
[ "$(wc -w <<<"$names")" -gt 50 ] || fail "the frontend's rules were not found"
for name in $names; do
    grep -q "^| $name |" "$work/operators.md" || fail "docs/operators.md has no $name"
done
# The last cell begins with a test of the repository, not with an official case in `...`.
awk -F' [|] ' '/^[|] [A-Za-z]/ && NF > 7 && $1 !~ /lpc[.]|operator$/ && $NF ~ /^(`|[|]|$)/ {print substr($1, 3)}' \
    "$work/operators.md" >"$work/untested"
[ -s "$work/untested" ] && fail "operators without a test here: $(tr '\n' ' ' <"$work/untested")"
echo "operator_docs: $(wc -w <<<"$names") rewritten operators"
[ "$failures" = 0 ]
