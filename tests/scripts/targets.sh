#!/bin/bash
# `lpc targets` and --target-dir: the table, JSON, a user's own target, its errors.
# labels: asan
set -euo pipefail
[ -x "$LPC" ] || { echo "targets: needs lpc: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "targets: $*" >&2; exit 1; }

"$LPC" targets >"$work/table"
for name in host android pc pc-avx512 pi4 pi5 riscv64; do
    grep -q "^$name " "$work/table" || fail "no $name in the table"
done
grep -qE '^pi5 +pi ' "$work/table" || fail "pi is not pi5's alias"
"$LPC" targets --json >"$work/json"
grep -q '"name":.*"pi4"' "$work/json" || fail "no pi4 in the JSON"

mkdir "$work/mine"
sed 's/"cores": 4/"cores": 2/; s/"aliases".*//' "$LPC_SOURCE/targets/pi4.json" >"$work/mine/camera.json"
"$LPC" targets --target-dir "$work/mine" >"$work/table"
grep -q '^camera ' "$work/table" || fail "a user's target is not listed"
sed -i 's/"memory": "1GB"/"memory": "1 gigabyte"/' "$work/mine/camera.json"
"$LPC" targets --target-dir "$work/mine" >/dev/null 2>"$work/errors" && fail "a bad field is accepted"
[ "$(wc -l <"$work/errors")" = 1 ] || fail "expected one error: $(cat "$work/errors")"
grep -q "camera.json: field 'memory': expected a size" "$work/errors" || fail "$(cat "$work/errors")"
status=0
"$LPC" targets --nonsense >/dev/null 2>&1 || status=$?
[ $status = 2 ] || fail "a usage error exits $status"
