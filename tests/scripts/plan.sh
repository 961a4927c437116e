#!/bin/bash
# `lpc plan` and `lpc simulate`: the cases of docs/planning.md, plan files that are wrong, real models.
# labels: asan
set -euo pipefail
[ -x "$LPC" ] || { echo "plan: needs lpc: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "plan: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/plan_cases.py" "$work"
python3 "$LPC_SOURCE/tests/scripts/plan_check.py" "$LPC" "$work"
"$LPC_BUILD/bin/make_llm" "$work/llm.onnx" --weights vectors
python3 "$LPC_SOURCE/tests/scripts/plan_llm.py" "$LPC" "$work"

# Real models: planned in less than a second of processor time (that of other tests does not count), and
# exactly.
TIMEFORMAT='%U %S'
for model in squeezenet1.0-imagenet ultraface-rfb-320 gtcrn-simple; do
    file=$SHARED/models/$model/model.onnx
    [ -f "$file" ] || continue
    { time "$LPC" plan "$file" --targets pc,pi,android --use-all --write-profile "$work/$model.json" \
        >"$work/table"; } 2>"$work/time"
    grep -q '(exact)' "$work/table" || { echo "plan: $model: not exact" >&2; exit 1; }
    [ "$LPC_SANITIZED" = 1 ] || awk '{ exit $1 + $2 >= 1 }' "$work/time" ||
        { echo "plan: $model: planning took $(cat "$work/time") s of user and system time" >&2; exit 1; }
done
echo "plan: all cases right"
