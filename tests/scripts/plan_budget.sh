#!/bin/bash
# What a plan says that a stage needs is what the compiled stage needs, byte for byte, and what a
# profile of the model gives; budgets are kept to the byte, with --memory-limit too; a stage over its
# budget is compiled without weights that are transformed for speed. Real models plan in a second.
# labels: asan
# timeout: 900
set -euo pipefail
[ -x "$LPC" ] || { echo "plan_budget: needs lpc: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "plan_budget: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$LPC_SOURCE/tests/scripts/plan_budget.py" "$LPC" "$LPC_SOURCE" "$SHARED" "$work"
